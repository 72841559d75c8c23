"""Caption: MED as an image-grounded decoder, one step with caches, for LM."""

from __future__ import annotations

from ..architecture import Architecture
from ..compute import EXACT, Compute
from .builder import Builder
from .cross import cross_attention
from .decoder import DecoderGraph
from .weights import Weights


def build(
    weights: Weights, arch: Architecture, compute: Compute = EXACT, *, absorbed: bool | None = None
) -> bytes:
    """input_ids int64 [B, T], past float32 [layers, 2, B, H, P, dh] (P may be 0),
    tokens int8 [I, N, D], scales float32 [I, N]
    -> logits of the next word float32 [B, V], present [layers, 2, B, H, P + T, dh].

    B is a multiple of I: the first B / I texts (beams) belong to the first image, and so on. The
    first token of a text is [DEC].
    """
    g = Builder("caption", weights, integer=compute.integer)
    decoder = DecoderGraph(g, arch)
    return decoder.serialize(
        cross_attention(g, arch, compute, length=decoder.length, most=1, absorbed=absorbed)
    )
