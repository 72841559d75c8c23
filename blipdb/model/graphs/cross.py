"""Attention of texts to image tokens: absorbed or projected, in float32 or in eight bits.

Absorbed is quicker where a text has few tokens beside the image's many, else projected is: the
graphs hold both, over the same weights, and choose by the text's length.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np

from ..architecture import Architecture
from ..compute import Compute
from .builder import Builder, Dim
from .integers import (
    UINT8_ZERO,
    Levels,
    integer_linear,
    product,
    quantised_heads,
    quantised_rows,
    quantised_shares,
    quantised_weight,
)
from .layers import heads, linear, rows, scaled
from .weights import KEY_FORM, VALUE_FORM

PARTS = ("key", "value")
COSTS = {"fp32": (1.0, 1.0), "int8": (3.3, 0.5)}
"""Costs of absorbing a text's token, in projections of an image's token: of the token itself, and
of its heads' products with each of the image's tokens. In float32 counted in operations; in int8
measured by `make bench` (docs/benchmarks.md): small products and rounding cost more than large
products."""


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
    """Image tokens as they are stored (see blipdb/model/tokens.py), the graph's inputs: tokens int8
    [B, N, D] and scales float32 [B, N], or [B, N, 2] with the sizes of merged tokens."""

    def __init__(self, g: Builder, arch: Architecture, compute: Compute) -> None:
        self.g = g
        self.count, self.width = compute.stored(arch), arch.vision_width
        self.levels = g.input("tokens", np.int8, ["images", self.count, self.width])
        self.batch = g.size(self.levels, 0)
        shape: list[Dim] = ["images", self.count]
        if compute.merges:
            shape.append(2)
        scales = g.input("scales", np.float32, shape)
        self._log_sizes: str | None = None  # [B, 1, N]
        if compute.merges:
            scales, sizes = (g.squeeze(part, -1) for part in g.split(scales, 2, axis=2))
            # A token merged from s is attended to like s equal ones (arXiv 2210.09461, section 3).
            self._log_sizes = g.unsqueeze(g.op("Log", sizes), 1)
        self.scales = scales  # [B, N]

    @property
    def values(self) -> str:
        """float32 [B, N, D]"""
        g = self.g

        def make() -> str:
            return g.multiply(g.cast(self.levels, np.float32), g.unsqueeze(self.scales, -1))

        return str(g.once("values of tokens", make))

    def sized(self, scores: str, *axes: int) -> str:
        """Scores [B, ..., N] with what merged tokens have more; `axes` are those between."""
        if self._log_sizes is None:
            return scores
        added = self.g.unsqueeze(self._log_sizes, *axes) if axes else self._log_sizes
        return self.g.add(scores, added)


class Absorbed:
    """Keys and values are never computed: the products are taken in another order.

    (q W_K^T) X^T is q (X W_K)^T and (P X) W_V is P (X W_V), and P's rows sum to 1, so that b_V is
    added once; b_K adds the same to every score of a row and cancels in the softmax. DeepSeek-V2
    (arXiv 2405.04434, 2.1.2) does the same with its latent keys and values.
    """

    def __init__(self, g: Builder, arch: Architecture, tokens: Tokens) -> None:
        self.g, self.arch, self.tokens, self.batch = g, arch, tokens, tokens.batch
        self.turned = g.transpose(tokens.values, 0, 2, 1)  # [B, D, N], for every layer

    def weights(self, layer: str) -> tuple[str, str]:
        """Weights of keys [H, dh, Dv] and of values [H, Dv, dh]."""
        g, name = self.g, f"{layer}.crossattention.self"

        def make() -> tuple[str, str]:
            g.keep(f"{name}.key.bias")
            keys, values = (
                g.reshape(
                    g.weight(f"{name}.{part}.weight"), self.arch.text_heads, -1, self.tokens.width
                )
                for part in PARTS
            )
            return keys, g.transpose(values, 0, 2, 1)

        weights: tuple[str, str] = g.once(("absorbed", layer), make)
        return weights

    def attend(self, x: str, layer: str, groups: str | int) -> str:
        g, name = self.g, f"{layer}.crossattention.self"
        count, width, source = self.arch.text_heads, self.arch.text_width, self.tokens.width
        keys, values = self.weights(layer)
        q = heads(g, linear(g, x, f"{name}.query"), groups, -1, count, width)  # [G, H, L, dh]
        q = g.matmul(scaled(g, q, width // count), keys)
        scores = g.matmul(g.reshape(q, groups, -1, source), self.turned)  # [B, H * L, N]
        token_sums = g.matmul(g.softmax(self.tokens.sized(scores)), self.tokens.values)
        context = g.matmul(g.reshape(token_sums, 0, count, -1, source), values)
        return g.add(rows(g, context, width), g.weight(f"{name}.value.bias"))


class _Weights(NamedTuple):
    """The query's weight [D, D] and bias, with the keys' scales in both; keys int8 [H, dh, Dv];
    values int8 [H, Dv, dh] with scales [H, 1, dh]."""

    query: Levels
    bias: str
    keys: str
    values: str
    scales: str


class IntegerAbsorbed:
    """`Absorbed` in eight bits, with the stored int8 tokens as they are.

    Scales on a product's inner axis are folded into its left side (the keys' into the query's own
    weights, the tokens' into the shares); those of its rows are carried along where the result is
    quantised by row again. Heads stand first where weights are per head, so that all images share
    one product with them; images stand first where tokens are.
    """

    def __init__(self, g: Builder, arch: Architecture, tokens: Tokens) -> None:
        self.g, self.arch, self.tokens, self.batch = g, arch, tokens, tokens.batch
        self.count, self.head = arch.text_heads, arch.text_width // arch.text_heads
        self.turned = g.transpose(tokens.levels, 0, 2, 1)  # [B, D, N], for every layer
        self.scales = g.unsqueeze(tokens.scales, 1)  # [B, 1, N]

    def weights(self, layer: str) -> _Weights:
        g, name = self.g, f"{layer}.crossattention.self"

        def make() -> _Weights:
            g.keep(f"{name}.key.bias")
            query = quantised_weight(g, f"{name}.query.weight")
            keys, values = (
                quantised_heads(g, f"{name}.{part}.weight", form, self.count)
                for part, form in (("key", KEY_FORM), ("value", VALUE_FORM))
            )
            factor = g.multiply(keys.scales, g.number(1 / math.sqrt(self.head)))  # [H * dh]
            return _Weights(
                Levels(query.values, g.multiply(query.scales, factor)),
                g.multiply(g.weight(f"{name}.query.bias"), factor),
                keys.values,
                values.values,
                g.reshape(values.scales, self.count, 1, self.head),
            )

        weights: _Weights = g.once(("absorbed", layer), make)
        return weights

    def attend(self, x: str, layer: str, groups: str | int) -> str:
        g, tokens, weights = self.g, self.tokens, self.weights(layer)
        q, row = self._queries(x, weights)
        operand = self._by_image(q, tokens.width, groups)
        scores = product(g, operand, self.turned, self.scales)  # [B, H * L, N]
        scores = g.multiply(scores, self._by_image(row, 1, groups))
        shares = g.multiply(g.softmax(tokens.sized(scores)), self.scales)
        levels = quantised_shares(g, g.reshape(shares, -1, tokens.count))
        operand = g.reshape(levels.values, self.batch, -1, tokens.count)
        token_sums = g.reshape(product(g, operand, tokens.levels, middle=0), -1, tokens.width)
        context = self._values(token_sums, levels.scales, weights)
        return g.add(context, g.weight(f"{layer}.crossattention.self.value.bias"))

    def _queries(self, x: str, weights: _Weights) -> tuple[str, str]:
        """Rows [R, D] -> q W_K as uint8 levels [H * R, Dv], scales [H * R]."""
        g = self.g
        q = integer_linear(g, x, weights.query, weights.bias)
        q = g.transpose(g.reshape(q, -1, self.count, self.head), 1, 0, 2)
        rows = quantised_rows(g, g.reshape(q, -1, self.head))
        operand = g.reshape(rows.values, self.count, -1, self.head)
        absorbed = g.reshape(product(g, operand, weights.keys), -1, self.tokens.width)
        levels = quantised_rows(g, absorbed)
        return levels.values, g.multiply(levels.scales, rows.scales)

    def _values(self, token_sums: str, scales: str, weights: _Weights) -> str:
        """Sums of tokens [B * H * L, Dv], with a scale for each row -> rows [B * L, D]."""
        g, levels = self.g, quantised_rows(self.g, token_sums)
        operand = self._by_head(levels.values, self.tokens.width)
        out = product(g, operand, weights.values, weights.scales)  # [H, B * L, dh]
        out = g.multiply(out, self._by_head(g.multiply(levels.scales, scales), 1))
        return g.reshape(g.transpose(out, 1, 0, 2), -1, self.arch.text_width)

    def _by_image(self, x: str, width: int, groups: str | int) -> str:
        """[H * B * L, W] -> [B, H * L, W]"""
        g = self.g
        if groups == 1:
            return g.reshape(x, 1, -1, width)
        apart = g.reshape(x, self.count, groups, -1, width)
        return g.reshape(g.transpose(apart, 1, 0, 2, 3), groups, -1, width)

    def _by_head(self, x: str, width: int) -> str:
        """[B * H * L, W] -> [H, B * L, W]"""
        g = self.g
        apart = g.reshape(x, self.batch, self.count, -1, width)
        return g.reshape(g.transpose(apart, 1, 0, 2, 3), self.count, -1, width)


class Projected:
    """Keys and values are computed for each layer, as in the paper. In eight bits the stored levels
    are the operands."""

    def __init__(self, g: Builder, arch: Architecture, tokens: Tokens) -> None:
        self.g, self.arch, self.tokens, self.batch = g, arch, tokens, tokens.batch
        self.source = self._source()

    def weights(self, layer: str) -> tuple[Levels, Levels] | None:
        """Weights of keys and of values: int8 [S, D], scales [D]."""
        if not self.g.integer:
            return None
        g, name = self.g, f"{layer}.crossattention.self"

        def make() -> tuple[Levels, ...]:
            return tuple(quantised_weight(g, f"{name}.{part}.weight") for part in PARTS)

        weights: tuple[Levels, Levels] = g.once(("projected", layer), make)
        return weights

    def attend(self, x: str, layer: str, groups: str | int) -> str:
        g, name = self.g, f"{layer}.crossattention.self"
        count, width = self.arch.text_heads, self.arch.text_width
        q = heads(g, linear(g, x, f"{name}.query"), groups, -1, count, width)
        k, v = (heads(g, p, self.batch, -1, count, width) for p in self._projections(layer))
        scores = g.matmul(scaled(g, q, width // count), g.transpose(k, 0, 1, 3, 2))
        shares = g.softmax(self.tokens.sized(scores, 1))
        return rows(g, g.matmul(shares, v), width)

    def _source(self) -> str | Levels:
        """All images' tokens, as rows [B * N, D]."""
        g, tokens = self.g, self.tokens
        if not g.integer:
            return g.reshape(tokens.values, -1, tokens.width)
        middle = g.constant(UINT8_ZERO, np.int32)
        values = g.cast(g.add(g.cast(tokens.levels, np.int32), middle), np.uint8)
        return Levels(g.reshape(values, -1, tokens.width), g.reshape(tokens.scales, -1))

    def _projections(self, layer: str) -> Iterator[str]:
        """Keys and values, rows [B * N, D]."""
        g, name, weights = self.g, f"{layer}.crossattention.self", self.weights(layer)
        for n, part in enumerate(PARTS):
            bias = g.weight(f"{name}.{part}.bias")
            if weights is None:
                yield g.gemm(str(self.source), g.weight(f"{name}.{part}.weight"), bias)
            else:
                assert isinstance(self.source, Levels)
                summed = product(g, self.source.values, *weights[n])
                yield g.add(g.multiply(summed, g.unsqueeze(self.source.scales, -1)), bias)


class FasterAttention:
    """Both kinds of attention; the graph runs the faster one for the text's length."""

    def __init__(self, g: Builder, few: _Way, many: _Way, is_long: str) -> None:
        """`is_long` is a bool []: whether the text has many tokens."""
        self.g, self.few, self.many, self.is_long = g, few, many, is_long
        self.batch = few.batch

    def attend(self, x: str, layer: str, groups: str | int) -> str:
        # Constants outside of the branches are folded when the graph is loaded.
        self.few.weights(layer)
        self.many.weights(layer)
        return self.g.choose(
            self.is_long,
            lambda: self.many.attend(x, layer, groups),
            lambda: self.few.attend(x, layer, groups),
        )


_Way = Absorbed | IntegerAbsorbed | Projected


def longest_absorbed(arch: Architecture, compute: Compute) -> int:
    """Return the longest text, in tokens, for which absorbing is quicker than projecting.

    Beside N tokens of an image, those of a text of width D in H heads: a layer projects N times
    for keys and N for values; or absorbs L times each, and then its H heads multiply L by N of the
    image's width instead of the head's.
    """
    token, product = COSTS[compute.precision]
    count = compute.stored(arch)
    return int(count / (token + product * (arch.text_heads - 1) * count / arch.text_width))


def cross_attention(
    g: Builder,
    arch: Architecture,
    compute: Compute,
    *,
    length: str,
    most: int,
    absorbed: bool | None = None,
) -> CrossAttention:
    """`length`, a value [1], is how many tokens look at each image, `most` how many may; `absorbed`
    says which way is to be used, rather than the quicker."""
    tokens = Tokens(g, arch, compute)
    longest = longest_absorbed(arch, compute)
    if absorbed is None and longest >= most:
        absorbed = True
    few = (IntegerAbsorbed if g.integer else Absorbed) if absorbed is not False else None
    if few is None:
        return Projected(g, arch, tokens)
    if absorbed:
        return few(g, arch, tokens)
    is_long = g.squeeze(g.op("Greater", length, g.ints(longest)), 0)
    return FasterAttention(g, few(g, arch, tokens), Projected(g, arch, tokens), is_long)
