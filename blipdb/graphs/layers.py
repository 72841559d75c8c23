"""The layers that the graphs share.

Hidden states are rows: [B * L, D], a text (or an image) after the other, so that every linear
layer is one Gemm; attention alone looks at them as [B, H, L, dh].
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from blipdb.architecture import Architecture

from .builder import Builder

MASKED = float(np.finfo(np.float32).min)  # its exponential is exactly 0


def linear(g: Builder, x: str, name: str) -> str:
    """Rows [R, I] -> [R, O]."""
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


def additive(g: Builder, mask: str) -> str:
    """int64 [B, L] -> float32 [B, 1, 1, L]: 0 where a token is, a huge negative where none is."""
    hidden = g.op("Equal", mask, g.constant(0, np.int64))
    added = g.where(hidden, g.number(MASKED), g.number(0))
    return g.unsqueeze(added, 1, 2)


def residual(g: Builder, inner: str, x: str, name: str, eps: float) -> str:
    """The end of each block of BERT: linear, residual, LayerNorm."""
    return g.layer_norm(g.add(linear(g, inner, f"{name}.dense"), x), f"{name}.LayerNorm", eps)


def feed_forward(g: Builder, x: str, layer: str, eps: float) -> str:
    inner = g.gelu(linear(g, x, f"{layer}.intermediate.dense"))
    return residual(g, inner, x, f"{layer}.output", eps)


def embed(g: Builder, ids: str, start: str, end: str, model: str, arch: Architecture) -> str:
    """ids [B, L], at positions `start` to before `end` -> rows [B * L, D]. No token types."""
    name = f"{model}.embeddings"
    words = g.op("Gather", g.weight(f"{name}.word_embeddings.weight"), ids)
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


class CrossAttention(Protocol):
    """Attention of texts to image tokens (or to a question's states), without its output layer."""

    batch: str
    """The number of images, as a value [1]."""

    def attend(self, x: str, layer: str, groups: str | int) -> str:
        """Rows of texts [R, D], in `groups` equal parts -> [M, D].

        Each part looks at its own image, and M = R; or, where groups is 1, the one part looks at
        every image, and M = B * R. No mask tells the texts of one image apart, so they may stand
        together as if they were one.
        """


class Tokens:
    """Image tokens as they are stored: int8 [B, N, D] and scales [B, N], read once per graph."""

    def __init__(self, g: Builder, arch: Architecture) -> None:
        width = arch.vision_width
        tokens = g.input("tokens", np.int8, ["images", arch.image_tokens, width])
        scales = g.input("scales", np.float32, ["images", arch.image_tokens])
        self.batch = g.size(tokens, 0)
        self.values = g.multiply(g.cast(tokens, np.float32), g.unsqueeze(scales, -1))  # [B, N, D]


class AbsorbedAttention:
    """Keys and values are never computed: the products are taken in another order.

    (q W_K^T) X^T is q (X W_K)^T and (P X) W_V is P (X W_V), and P's rows sum to 1, so that b_V is
    added once; b_K adds the same to every score of a row and cancels in the softmax. It costs less
    wherever a text has few tokens beside the image's many. DeepSeek-V2 (arXiv 2405.04434, 2.1.2)
    does the same with its latent keys and values.
    """

    def __init__(self, g: Builder, arch: Architecture) -> None:
        tokens = Tokens(g, arch)
        self.g, self.arch, self.batch = g, arch, tokens.batch
        self.tokens = tokens.values
        self.transposed = g.transpose(tokens.values, 0, 2, 1)  # [B, D, N], for every layer

    def attend(self, x: str, layer: str, groups: str | int) -> str:
        g, name = self.g, f"{layer}.crossattention.self"
        count, width = self.arch.text_heads, self.arch.text_width
        source = self.arch.vision_width
        g.keep(f"{name}.key.bias")
        q = heads(g, linear(g, x, f"{name}.query"), groups, -1, count, width)  # [G, H, L, dh]
        q = g.matmul(scaled(g, q, width // count), self._per_head(f"{name}.key.weight"))
        scores = g.matmul(g.reshape(q, groups, -1, source), self.transposed)  # [B, H * L, N]
        seen = g.reshape(g.matmul(g.softmax(scores), self.tokens), 0, count, -1, source)
        value = g.transpose(self._per_head(f"{name}.value.weight"), 0, 2, 1)  # [H, Dv, dh]
        return g.add(rows(g, g.matmul(seen, value), width), g.weight(f"{name}.value.bias"))

    def _per_head(self, name: str) -> str:
        """Weight [H * dh, Dv] -> [H, dh, Dv]."""
        return self.g.reshape(self.g.weight(name), self.arch.text_heads, -1, self.arch.vision_width)


class ProjectedAttention:
    """Keys and values are computed for each layer, as the paper's model is written down."""

    def __init__(self, g: Builder, arch: Architecture) -> None:
        tokens = Tokens(g, arch)
        self.g, self.arch, self.batch = g, arch, tokens.batch
        self.tokens = g.reshape(tokens.values, -1, arch.vision_width)

    def attend(self, x: str, layer: str, groups: str | int) -> str:
        g, name = self.g, f"{layer}.crossattention.self"
        count, width = self.arch.text_heads, self.arch.text_width
        q = heads(g, linear(g, x, f"{name}.query"), groups, -1, count, width)
        k = heads(g, linear(g, self.tokens, f"{name}.key"), self.batch, -1, count, width)
        v = heads(g, linear(g, self.tokens, f"{name}.value"), self.batch, -1, count, width)
        return rows(g, attend(g, scaled(g, q, width // count), k, v), width)


def cross_attention(g: Builder, arch: Architecture, *, absorbed: bool) -> CrossAttention:
    return AbsorbedAttention(g, arch) if absorbed else ProjectedAttention(g, arch)
