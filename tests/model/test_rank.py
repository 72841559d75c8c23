"""Ranking answers, over a language model whose every probability is known."""

from __future__ import annotations

import numpy as np
import pytest

from blipdb.errors import StoppedError
from blipdb.model.generate import Floats
from blipdb.model.rank import rank
from tests.model.test_generate import Chain

FIRST, LAST = 4, 0
ANSWERS = [[1, LAST], [2, 3, LAST], [1, 2, 3, LAST], [3, LAST], [2, LAST], [LAST], [1, 1, LAST]]


def losses(chain: Chain, question: int, answers: list[list[int]], smoothing: float) -> Floats:
    """Each answer's sum of cross-entropies with smoothed labels, written down at length."""
    found = []
    for answer in answers:
        words, total = [FIRST, *answer], 0.0
        for place in range(1, len(words)):
            logits = chain.logits(question, tuple(words[:place]))
            log_probabilities = logits - np.log(np.exp(logits).sum())
            labels = np.full(len(logits), smoothing / len(logits))
            labels[words[place]] += 1 - smoothing
            total -= float((labels * log_probabilities).sum())
        found.append(total)
    return np.array(found)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.5])
def test_the_lowest_loss_is_the_best(smoothing: float) -> None:
    chain = Chain(images=40)
    found = rank(chain, 40, FIRST, ANSWERS, smoothing=smoothing)
    best = [losses(chain, q, ANSWERS, smoothing).argmin() for q in range(40)]
    assert found == best
    assert len(set(found)) > 2


def test_smoothing_is_in_the_score() -> None:
    chain = Chain(images=200, seed=1)
    plain = rank(chain, 200, FIRST, ANSWERS, smoothing=0.0)
    assert rank(chain, 200, FIRST, ANSWERS) != plain


@pytest.mark.parametrize("shortlist", [1, 2, 5])
def test_only_the_shortlist_is_read(shortlist: int) -> None:
    chain = Chain(images=40, seed=2)
    found = rank(chain, 40, FIRST, ANSWERS, shortlist=shortlist)
    for question, place in enumerate(found):
        first = [-chain.logits(question, (FIRST,))[answer[0]] for answer in ANSWERS]
        places = np.argsort(first, kind="stable")[:shortlist]
        all_losses = losses(chain, question, ANSWERS, 0.1)
        assert place == places[all_losses[places].argmin()]


def test_finished_answers_cost_nothing_more() -> None:
    chain = Chain(images=1)
    rank(chain, 1, FIRST, ANSWERS)
    assert chain.rows == [1, 6, 3, 1]  # [DEC]; those of two tokens or more, three, four


def test_of_equal_answers_the_first() -> None:
    assert rank(Chain(images=3), 3, FIRST, [[2, LAST], [2, LAST]]) == [0, 0, 0]


def test_ranking_stops() -> None:
    answers = iter([False, False, True])
    with pytest.raises(StoppedError, match="The answer was stopped"):
        rank(Chain(1), 1, FIRST, ANSWERS, stop=answers.__next__)
