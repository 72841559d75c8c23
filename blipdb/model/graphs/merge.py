"""Merging of similar image tokens, so that fewer are stored of an image.

Least-squares clusters: farthest-point centres (Gonzalez 1985), then k-means. Each merged token is
the mean of its cluster, and its size is kept. [CLS] stays alone. The result depends on nothing
but the image.
"""

from __future__ import annotations

import numpy as np

from .builder import Builder

ROUNDS = 1  # of k-means: more change nothing that a rerank would see


def merge(g: Builder, x: str, count: int) -> tuple[str, str]:
    """float32 [B, N, D] -> means [B, count, D], sizes [B, count].

    A cluster without tokens (of an image whose tokens are all alike) has size 0.
    """
    first = g.slice(x, g.ints(0), g.ints(1), axis=1)
    rest = g.slice(x, g.ints(1), g.ints(2**31 - 1), axis=1)
    centres = _far_apart(g, rest, count - 1)
    for _ in range(ROUNDS):
        members = _members(g, rest, centres, count - 1)
        sizes = g.op("ReduceSum", members, g.ints(1), keepdims=0)  # [B, K]
        sums = g.matmul(g.transpose(members, 0, 2, 1), rest)
        divisor = g.unsqueeze(g.op("Max", sizes, g.number(1)), -1)
        some = g.unsqueeze(g.op("Greater", sizes, g.number(0)), -1)
        centres = g.where(some, g.divide(sums, divisor), centres)
    one = g.op("Expand", g.constant([[1]], np.float32), g.shape(g.size(x, 0), 1))
    return g.concat(first, centres, axis=1), g.concat(one, sizes, axis=1)


def _far_apart(g: Builder, x: str, count: int) -> str:
    """[B, N, D] -> indices of `count` of the N: the one nearest to the mean, then each time the one
    farthest from those before it."""
    squares = g.op("ReduceSumSquare", x, g.ints(-1), keepdims=1)  # [B, N, 1]
    twice = g.multiply(g.matmul(x, g.transpose(x, 0, 2, 1)), g.number(2))
    distances = g.subtract(g.add(squares, g.transpose(squares, 0, 2, 1)), twice)  # [B, N, N]
    place = g.op("ArgMin", g.op("ReduceSum", distances, g.ints(-1), keepdims=0), axis=1)
    places = [place]
    nearest = g.op("GatherND", distances, place, batch_dims=1)  # [B, N]
    for _ in range(count - 1):
        place = g.op("ArgMax", nearest, axis=1)
        places.append(place)
        nearest = g.op("Min", nearest, g.op("GatherND", distances, place, batch_dims=1))
    return g.op("GatherND", x, g.unsqueeze(g.concat(*places, axis=1), -1), batch_dims=1)


def _members(g: Builder, x: str, centres: str, count: int) -> str:
    """float32 [B, N, K]: 1 where a token's nearest centre is, else 0."""
    squares = g.op("ReduceSumSquare", centres, g.ints(-1), keepdims=0)  # [B, K]
    products = g.multiply(g.matmul(x, g.transpose(centres, 0, 2, 1)), g.number(2))
    nearest = g.op("ArgMax", g.subtract(products, g.unsqueeze(squares, 1)), axis=2, keepdims=0)
    return g.op("OneHot", nearest, g.ints(count), g.constant([0, 1], np.float32), axis=-1)
