"""Rerank: MED as an image-grounded encoder for ITM, of one query with many images, or of pairs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from onnx import TensorProto

from ..architecture import Architecture
from ..compute import EXACT, Compute
from .builder import Builder
from .cross import cross_attention
from .layers import (
    SelfAttention,
    embed,
    exact_linear,
    feed_forward,
    first_token,
    residual,
)
from .weights import Weights

MODEL = "text_encoder"


def build(
    weights: Weights,
    arch: Architecture,
    compute: Compute = EXACT,
    *,
    max_tokens: int | None = None,
    absorbed: bool | None = None,
    pairs: bool = False,
    tensors: Mapping[str, TensorProto] | None = None,
) -> bytes:
    """input_ids int64 [1, L] (the first is [ENC], no padding), tokens int8 [B, N, D],
    scales float32 [B, N] -> itm logits float32 [B, 2]; class 1 is "they match".

    Values that are equal for all images, up to the first layer's queries, are computed once; of
    the last layer only the first token, as the ITM head reads no other. With `pairs` each image
    has its own text, and input_ids is [B, L]. `tensors`: see `Builder`.
    """
    g = Builder("pairs" if pairs else "rerank", weights, integer=compute.integer, tensors=tensors)
    ids = g.input("input_ids", np.int64, ["images" if pairs else 1, "length"])
    words = g.size(ids, 1)
    length: str | int = words  # of the tokens that a layer computes
    most = max_tokens or arch.max_positions
    image = cross_attention(g, arch, compute, length=words, most=most, absorbed=absorbed)
    groups: str | int = image.batch if pairs else 1
    x = embed(g, ids, g.ints(0), words, MODEL, arch)
    for number in range(arch.text_layers):
        layer = f"{MODEL}.encoder.layer.{number}"
        attention = SelfAttention(g, arch, layer)
        memory = attention.keys_values(x, words)
        if number == arch.text_layers - 1:
            x, length = first_token(g, x, words, arch.text_width), 1
        x = attention.block(x, length, memory)
        context = image.attend(x, layer, groups)
        if groups == 1:
            x, groups = g.op("Tile", x, g.concat(image.batch, g.ints(1), axis=0)), image.batch
        x = residual(g, context, x, f"{layer}.crossattention.output", arch.text_eps)
        x = feed_forward(g, x, layer, arch.text_eps)
    g.output(exact_linear(g, x, "itm_head"), "itm", np.float32, ["images", 2])
    return g.serialize()
