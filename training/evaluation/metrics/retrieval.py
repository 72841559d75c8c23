"""Ranks and recall of retrieval, by the rule of BLIP's own evaluation.

A query's candidates are its nearest by cosine; all others score -100 (BLIP's release,
train_retrieval.py). All figures are percentages, as in the papers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

NO_CANDIDATE = -100.0
DEPTHS = (1, 5, 10)


class Candidates(NamedTuple):
    """places int64 [Q, K]: each query's candidates; scores float32 [Q, K] of these, in any
    order."""

    places: Ints
    scores: Floats

    def row(self, query: int, count: int) -> Floats:
        """Return the query's scores of all `count` items."""
        scores = np.full(count, NO_CANDIDATE, np.float32)
        scores[self.places[query]] = self.scores[query]
        return scores


def rank(scores: Floats, true: Sequence[int]) -> int:
    """Return the 0-based rank of the first correct item.

    Of equal scores the later one ranks first, as where numpy's argsort is read from its end.
    """
    places = np.asarray(true)
    own = scores[places]
    best = own.max()
    last = places[own == best].max()
    return int((scores > best).sum() + (scores[last + 1 :] == best).sum())


def ranks(candidates: Candidates, count: int, true: Sequence[Sequence[int]]) -> Ints:
    """Rank [Q] of each query's first correct item among `count`: for an image as the query the best
    of its captions, for a caption its image."""
    rows = (candidates.row(query, count) for query in range(len(true)))
    values = [rank(row, places) for row, places in zip(rows, true, strict=True)]
    return np.array(values, np.int64)


def recall(ranks: Ints, depth: int) -> float:
    """Percentage of queries with a correct item among the first `depth`."""
    return 100 * float((ranks < depth).mean())


def figures(ranks: Ints) -> dict[str, float]:
    """R@1, R@5, R@10, their mean, and the median rank, from 1 (MdR)."""
    values = {f"R@{depth}": recall(ranks, depth) for depth in DEPTHS}
    return values | {
        "mean": sum(values.values()) / len(values),
        "MdR": float(np.median(ranks)) + 1,
    }
