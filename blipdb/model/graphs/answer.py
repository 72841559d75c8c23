"""Answer: an answerer's decoder, one step with caches, which looks at the question's states."""

from __future__ import annotations

import numpy as np

from ..architecture import Architecture
from ..compute import EXACT, Compute
from .builder import Builder, Dim
from .decoder import MODEL, DecoderGraph
from .layers import additive, attend, heads, linear, rows, scaled
from .weights import Weights


def build(weights: Weights, arch: Architecture, compute: Compute = EXACT) -> bytes:
    """input_ids int64 [B, T], past float32 [layers, 2, B, H, P, dh] (P may be 0),
    memory float32 [layers, 2, Q, H, L, dh] (the question graph's), attention_mask int64 [Q, L] (0
    is padding) -> logits of the next token float32 [B, V], present [layers, 2, B, H, P + T, dh].

    B is a multiple of Q: the first B / Q texts (beams) answer the first question, and so on. The
    first token of an answer is [DEC].
    """
    g = Builder("answer", weights, integer=compute.integer)
    decoder = DecoderGraph(g, arch)
    return decoder.serialize(_Questions(g, arch))


class _Questions:
    """Attention of answers to their questions, whose padding they do not see."""

    def __init__(self, g: Builder, arch: Architecture) -> None:
        width = arch.text_width // arch.text_heads
        size: list[Dim] = [arch.text_layers, 2, "questions", arch.text_heads, "words"]
        memory = g.input("memory", np.float32, [*size, width])
        mask = g.input("attention_mask", np.int64, ["questions", "words"])
        self.g, self.arch = g, arch
        self.batch, self.mask = g.size(mask, 0), additive(g, mask)
        # Of each layer keys and values [Q, H, L, dh].
        self.memory = {
            f"{MODEL}.encoder.layer.{number}": [
                g.squeeze(p, 0, 1) for p in g.split(both, 2, axis=1)
            ]
            for number, both in enumerate(g.split(memory, arch.text_layers, axis=0))
        }

    def attend(self, x: str, layer: str, groups: str | int) -> str:
        g, count, width = self.g, self.arch.text_heads, self.arch.text_width
        query = linear(g, x, f"{layer}.crossattention.self.query")
        q = scaled(g, heads(g, query, groups, -1, count, width), width // count)
        keys, values = self.memory[layer]
        return rows(g, attend(g, q, keys, values, self.mask), width)
