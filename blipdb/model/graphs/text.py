"""Text encoder: MED as a unimodal encoder, for ITC."""

from __future__ import annotations

import numpy as np

from ..architecture import Architecture
from ..compute import EXACT, Compute
from .builder import Builder
from .layers import (
    SelfAttention,
    additive,
    embed,
    exact_linear,
    feed_forward,
    first_token,
)
from .weights import Weights

MODEL = "text_encoder"


def build(weights: Weights, arch: Architecture, compute: Compute = EXACT) -> bytes:
    """input_ids int64 [B, L] (the first is [CLS]), attention_mask int64 [B, L] (0 is padding)
    -> itc float32 [B, E]."""
    g = Builder("text", weights, integer=compute.integer)
    ids = g.input("input_ids", np.int64, ["texts", "length"])
    mask = additive(g, g.input("attention_mask", np.int64, ["texts", "length"]))
    words = g.size(ids, 1)
    length: str | int = words  # of the tokens that a layer computes
    x = embed(g, ids, g.ints(0), words, MODEL, arch)
    for number in range(arch.text_layers):
        layer = f"{MODEL}.encoder.layer.{number}"
        attention = SelfAttention(g, arch, layer)
        memory = attention.keys_values(x, words)
        if number == arch.text_layers - 1:  # nothing but the first token is read of the last layer
            x, length = first_token(g, x, words, arch.text_width), 1
        x = feed_forward(g, attention.block(x, length, memory, mask), layer, arch.text_eps)
    g.output(
        g.normalize(exact_linear(g, x, "text_proj")), "itc", np.float32, ["texts", arch.embed_dim]
    )
    return g.serialize()
