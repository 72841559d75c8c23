"""The text transformer as a decoder, one step with caches: the captioner's and the answerer's."""

from __future__ import annotations

import numpy as np

from ..architecture import Architecture
from .builder import Builder, Dim
from .cross import CrossAttention
from .layers import (
    MASKED_SCORE,
    SelfAttention,
    embed,
    feed_forward,
    linear,
    residual,
    weighted,
)

MODEL = "text_decoder.bert"
HEAD = "text_decoder.cls.predictions"


class DecoderGraph:
    """A step of decoding: some tokens of each text behind those in the cache."""

    def __init__(self, g: Builder, arch: Architecture) -> None:
        """Inputs: input_ids int64 [B, T], past float32 [layers, 2, B, H, P, dh] (P may be 0)."""
        self.g, self.arch = g, arch
        self.ids = g.input("input_ids", np.int64, ["texts", "length"])
        self.length = g.size(self.ids, 1)
        self.cache: list[Dim] = [arch.text_layers, 2, "texts", arch.text_heads]
        self.past = g.input("past", np.float32, [*self.cache, "past", self.head_width])

    @property
    def head_width(self) -> int:
        return self.arch.text_width // self.arch.text_heads

    def serialize(self, cross: CrossAttention) -> bytes:
        """Outputs: logits of the next token float32 [B, V], present [layers, 2, B, H, P + T, dh].

        B is a multiple of S, the number of memories in `cross`: the first B / S texts (beams)
        attend to the first memory, and so on.
        """
        g, arch = self.g, self.arch
        length, before = self.length, g.size(self.past, 4)
        after = g.add(before, length)
        x = embed(g, self.ids, before, after, MODEL, arch)
        mask = _causal(g, before, after)
        present = []
        for number, layer_past in enumerate(g.split(self.past, arch.text_layers, axis=0)):
            layer = f"{MODEL}.encoder.layer.{number}"
            attention = SelfAttention(g, arch, layer)
            new = [g.unsqueeze(part, 0, 1) for part in attention.keys_values(x, length)]
            present.append(g.concat(layer_past, g.concat(*new, axis=1), axis=4))
            keys, values = (g.squeeze(part, 0, 1) for part in g.split(present[-1], 2, axis=1))
            x = attention.block(x, length, (keys, values), mask)
            context = cross.attend(x, layer, cross.batch)
            x = residual(g, context, x, f"{layer}.crossattention.output", arch.text_eps)
            x = feed_forward(g, x, layer, arch.text_eps)
        g.output(_next_word(g, x, length, arch), "logits", np.float32, ["texts", arch.vocab_size])
        total: list[Dim] = [*self.cache, "total", self.head_width]
        g.output(g.concat(*present, axis=0), "present", np.float32, total)
        return g.serialize()


def _causal(g: Builder, before: str, after: str) -> str:
    """float32 [T, P + T]: 0 for a token itself and those before it, a huge negative after it."""
    step = g.constant(1, np.int64)
    start, end = (g.squeeze(value, 0) for value in (before, after))
    columns = g.op("Range", g.constant(0, np.int64), end, step)
    lines = g.unsqueeze(g.op("Range", start, end, step), 1)
    hidden = g.op("Greater", columns, lines)
    return g.where(hidden, g.number(MASKED_SCORE), g.number(0))


def _next_word(g: Builder, x: str, length: str, arch: Architecture) -> str:
    """Rows [B * T, D] -> logits after each text's last token [B, V]."""
    last = g.entry(g.reshape(x, -1, length, arch.text_width), -1, axis=1)
    inner = g.gelu(linear(g, last, f"{HEAD}.transform.dense"))
    inner = g.layer_norm(inner, f"{HEAD}.transform.LayerNorm", arch.text_eps)
    # The output matrix is the word embedding itself (BERT ties them).
    words = f"{MODEL}.embeddings.word_embeddings.weight"
    return weighted(g, inner, words, g.weight(f"{HEAD}.bias"))
