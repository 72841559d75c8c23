"""Ranks and recall against BLIP's own evaluation, which sorts whole matrices of scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from blipdb.training.evaluation.metrics.retrieval import (
    NO_CANDIDATE,
    Candidates,
    figures,
    rank,
    ranks,
    recall,
)


def official(scores: Any, true: Sequence[Sequence[int]]) -> list[int]:
    """As train_retrieval.py of BLIP's release: from the best down, the first that is true."""
    found = []
    for row, places in zip(scores, true, strict=True):
        order = np.argsort(row, kind="stable")[::-1]
        found.append(min(int(np.flatnonzero(order == place)[0]) for place in places))
    return found


def test_an_image_is_found_by_the_best_of_its_captions() -> None:
    scores = np.array([0.1, 0.9, 0.5, 0.7], np.float32)
    assert rank(scores, [0, 2]) == 2  # behind 0.9 and 0.7
    assert rank(scores, [0, 1]) == 0
    assert rank(scores, [0]) == 3


def test_of_equal_scores_the_later_stands_first() -> None:
    scores = np.array([0.5, 0.5, 0.5], np.float32)
    assert [rank(scores, [place]) for place in range(3)] == [2, 1, 0]


@pytest.mark.parametrize("seed", range(5))
def test_ranks_are_the_official_ones(seed: int) -> None:
    rng = np.random.default_rng(seed)
    queries, count, k = 40, 30, 12
    places = np.stack([rng.permutation(count)[:k] for _ in range(queries)])
    scores = rng.integers(-3, 4, (queries, k)).astype(np.float32)  # with many that are equal
    true = [rng.permutation(count)[: rng.integers(1, 6)].tolist() for _ in range(queries)]
    dense = np.full((queries, count), NO_CANDIDATE, np.float32)
    np.put_along_axis(dense, places, scores, axis=1)
    found = ranks(Candidates(places, scores), count, true)
    assert found.tolist() == official(dense, true)


def test_what_is_no_candidate_stands_behind_them() -> None:
    candidates = Candidates(np.array([[4, 0]]), np.array([[-9.0, -50.0]], np.float32))
    assert ranks(candidates, 5, [[4]]).tolist() == [0]
    assert ranks(candidates, 5, [[0]]).tolist() == [1]
    assert ranks(candidates, 5, [[3]]).tolist() == [2]
    assert ranks(candidates, 5, [[1]]).tolist() == [4]


def test_figures() -> None:
    found = np.array([0, 0, 3, 4, 5, 9, 10, 99])
    assert recall(found, 1) == 25.0
    assert figures(found) == {
        "R@1": 25.0,
        "R@5": 50.0,
        "R@10": 75.0,
        "mean": 50.0,
        "MdR": 5.5,  # between the ranks 5 and 6, from 1
    }
