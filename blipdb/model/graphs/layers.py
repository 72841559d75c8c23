"""The layers that the graphs share.

Hidden states are rows: [B * L, D], a text (or an image) after the other, so that every linear
layer is one Gemm; attention alone looks at them as [B, H, L, dh].
"""

from __future__ import annotations

import math

import numpy as np

from ..architecture import Architecture
from .builder import RUNTIME, Builder
from .integers import integer_linear, quantised_thirds, quantised_weight

MASKED_SCORE = float(np.finfo(np.float32).min)  # its exponential is exactly 0


def linear(g: Builder, x: str, name: str) -> str:
    """Rows [R, I] -> [R, O]."""
    return weighted(g, x, f"{name}.weight", g.weight(f"{name}.bias"))


def weighted(g: Builder, x: str, weight: str, bias: str) -> str:
    """Rows x [R, I] times a weight [O, I] (its name) transposed, plus bias [O] -> [R, O]."""
    if g.integer:
        return integer_linear(g, x, quantised_weight(g, weight), bias)
    return g.gemm(x, g.weight(weight), bias)


def thirds(g: Builder, x: str, weight: str) -> list[str]:
    """Rows x [R, I] times each third of a weight [3 * O, I] (its name) -> [R, O] each."""
    if g.integer:
        return [integer_linear(g, x, part, None) for part in quantised_thirds(g, weight)]
    return [g.gemm(x, part, None) for part in g.split(g.weight(weight), 3, axis=0)]


def exact_linear(g: Builder, x: str, name: str) -> str:
    """`linear` in float32 in any graph: for a head, whose cost is negligible."""
    return g.gemm(x, g.weight(f"{name}.weight"), g.weight(f"{name}.bias"))


def heads(g: Builder, x: str, batch: str | int, length: str | int, count: int, width: int) -> str:
    """Rows [B * L, D] -> [B, H, L, dh]; one of batch and length may be -1."""
    return g.transpose(g.reshape(x, batch, length, count, width // count), 0, 2, 1, 3)


def rows(g: Builder, x: str, width: int) -> str:
    """[B, H, L, dh] -> rows [B * L, D]."""
    return g.reshape(g.transpose(x, 0, 2, 1, 3), -1, width)


def scaled(g: Builder, queries: str, head_width: int) -> str:
    return g.multiply(queries, g.number(1 / math.sqrt(head_width)))


def attend(g: Builder, q: str, k: str, v: str, mask: str | None = None) -> str:
    """q [B, H, L, dh] (already scaled), k and v [B, H, M, dh], mask added to the scores
    -> [B, H, L, dh]."""
    scores = g.matmul(q, g.transpose(k, 0, 1, 3, 2))
    if mask is not None:
        scores = g.add(scores, mask)
    return g.matmul(g.softmax(scores), v)


def look(g: Builder, q: str, k: str, v: str, count: int) -> str:
    """Self-attention without a mask: q, k and v [B, L, D] in `count` heads -> [B, L, D].

    ONNX Runtime's own operator, which never writes all scores down (arXiv 2205.14135).
    """
    return g.op("MultiHeadAttention", q, k, v, num_heads=count, domain=RUNTIME)


def additive(g: Builder, mask: str) -> str:
    """int64 [B, L] -> float32 [B, 1, 1, L]: 0 where a token is, a huge negative where none is."""
    hidden = g.op("Equal", mask, g.constant(0, np.int64))
    added = g.where(hidden, g.number(MASKED_SCORE), g.number(0))
    return g.unsqueeze(added, 1, 2)


def residual(g: Builder, inner: str, x: str, name: str, eps: float) -> str:
    """End of each block of BERT: linear, residual, LayerNorm."""
    return g.layer_norm(g.add(linear(g, inner, f"{name}.dense"), x), f"{name}.LayerNorm", eps)


def feed_forward(g: Builder, x: str, layer: str, eps: float) -> str:
    inner = g.gelu(linear(g, x, f"{layer}.intermediate.dense"))
    return residual(g, inner, x, f"{layer}.output", eps)


def embed(g: Builder, ids: str, start: str, end: str, model: str, arch: Architecture) -> str:
    """ids [B, L], at positions `start` to before `end` -> rows [B * L, D]. No token types."""
    name = f"{model}.embeddings"
    g.keep(f"{name}.word_embeddings.weight")  # looked up as it is stored: half as large
    words = g.cast(g.op("Gather", f"{name}.word_embeddings.weight", ids), np.float32)
    positions = g.slice(g.weight(f"{name}.position_embeddings.weight"), start, end, axis=0)
    x = g.reshape(g.add(words, positions), -1, arch.text_width)
    return g.layer_norm(x, f"{name}.LayerNorm", arch.text_eps)


def first_token(g: Builder, x: str, length: str, width: int) -> str:
    """Rows [B * L, D] -> the rows of each text's first token [B, D]."""
    return g.entry(g.reshape(x, -1, length, width), 0, axis=1)


class SelfAttention:
    """Self-attention of one text layer, for all tokens or for each text's first alone."""

    def __init__(self, g: Builder, arch: Architecture, layer: str) -> None:
        self.g = g
        self.arch = arch
        self.name = f"{layer}.attention"

    def project(self, x: str, part: str, length: str | int) -> str:
        """Rows [B * L, D] -> "query", "key" or "value" [B, H, L, dh]."""
        projected = linear(self.g, x, f"{self.name}.self.{part}")
        return heads(self.g, projected, -1, length, self.arch.text_heads, self.arch.text_width)

    def keys_values(self, x: str, length: str) -> tuple[str, str]:
        return self.project(x, "key", length), self.project(x, "value", length)

    def block(
        self, x: str, length: str | int, memory: tuple[str, str], mask: str | None = None
    ) -> str:
        """Rows x [B * L, D], whose keys and values are `memory` -> rows after the residual."""
        g, width = self.g, self.arch.text_width
        q = scaled(g, self.project(x, "query", length), width // self.arch.text_heads)
        attended = rows(g, attend(g, q, *memory, mask), width)
        return residual(g, attended, x, f"{self.name}.output", self.arch.text_eps)
