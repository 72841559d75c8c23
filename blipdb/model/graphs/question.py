"""Question: an answerer's encoder, which reads a question with cross-attention to the image.

Its output is all that the answer's decoder needs: the keys and values of its cross-attention to the
question's states. The public implementations compute those again for each token of an answer, and
for each of its beams.
"""

from __future__ import annotations

import numpy as np

from ..architecture import Architecture
from ..compute import EXACT, Compute
from . import decoder
from .builder import Builder, Dim
from .cross import cross_attention
from .layers import SelfAttention, additive, embed, feed_forward, heads, linear, residual
from .weights import Weights

MODEL = "text_encoder"


def build(
    weights: Weights,
    arch: Architecture,
    compute: Compute = EXACT,
    *,
    max_tokens: int | None = None,
    absorbed: bool | None = None,
) -> bytes:
    """input_ids int64 [B, L] (the first is [ENC]), attention_mask int64 [B, L] (0 is padding),
    tokens int8 [B, N, D], scales float32 [B, N] -> memory float32 [layers, 2, B, H, L, dh]: keys
    and values of the question for each layer of the answer's decoder."""
    g = Builder("question", weights, integer=compute.integer)
    ids = g.input("input_ids", np.int64, ["images", "length"])
    mask = additive(g, g.input("attention_mask", np.int64, ["images", "length"]))
    length = g.size(ids, 1)
    most = max_tokens or arch.max_positions
    image = cross_attention(g, arch, compute, length=length, most=most, absorbed=absorbed)
    x = embed(g, ids, g.ints(0), length, MODEL, arch)
    for number in range(arch.text_layers):
        layer = f"{MODEL}.encoder.layer.{number}"
        attention = SelfAttention(g, arch, layer)
        x = attention.block(x, length, attention.keys_values(x, length), mask)
        context = image.attend(x, layer, image.batch)
        x = residual(g, context, x, f"{layer}.crossattention.output", arch.text_eps)
        x = feed_forward(g, x, layer, arch.text_eps)
    memory = g.concat(*(_memory(g, x, length, arch, n) for n in range(arch.text_layers)), axis=0)
    size: list[Dim] = [arch.text_layers, 2, "images", arch.text_heads, "length"]
    g.output(memory, "memory", np.float32, [*size, arch.text_width // arch.text_heads])
    return g.serialize()


def _memory(g: Builder, states: str, length: str, arch: Architecture, number: int) -> str:
    """Rows [B * L, D] -> keys and values of one decoder layer [1, 2, B, H, L, dh]."""
    name = f"{decoder.MODEL}.encoder.layer.{number}.crossattention.self"
    parts = [
        heads(g, linear(g, states, f"{name}.{part}"), -1, length, arch.text_heads, arch.text_width)
        for part in ("key", "value")
    ]
    return g.concat(*(g.unsqueeze(part, 0, 1) for part in parts), axis=1)
