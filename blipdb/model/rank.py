"""Choosing an answer from a list, as BLIP does where the possible answers are known (arXiv
2201.12086, section 5.3), with any decoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..errors import StoppedError
from .generate import DecoderStep, Stop

Doubles = npt.NDArray[np.float64]

SHORTLIST_ANSWERS = 128  # the answers of which all tokens are read
ANSWERS_PER_CALL = 16  # `stop` is asked between calls
SMOOTHING = 0.1  # of the labels: BLIP's score of an answer is its training loss


def rank(
    decoder: DecoderStep,
    questions: int,
    first: int,
    answers: Sequence[Sequence[int]],
    *,
    shortlist: int = SHORTLIST_ANSWERS,
    smoothing: float = SMOOTHING,
    stop: Stop | None = None,
) -> list[int]:
    """Return the index of the best of the `answers` for each question.

    An answer is its tokens behind `first`, its end among them. The `shortlist` answers whose first
    token is likeliest are read as a whole, and the one with the lowest loss is the best: the sum
    over its tokens of the cross-entropy with smoothed labels. Of equal ones the first.

    Raises:
        StoppedError: `stop` returned True between two steps.
    """
    begins = np.array([answer[0] for answer in answers])
    best = []
    for question in range(questions):
        about = np.array([question])
        _check(stop)
        logits, past = decoder(np.array([[first]]), None, about)
        chances = _losses(logits, begins, 0)
        places: list[int] = np.argsort(chances, kind="stable")[:shortlist].tolist()
        losses: list[float] = []
        for start in range(0, len(places), ANSWERS_PER_CALL):
            some = [answers[place] for place in places[start : start + ANSWERS_PER_CALL]]
            losses += _read(decoder, about, some, logits, past, smoothing, stop).tolist()
        best.append(min(zip(losses, places, strict=True))[1])
    return best


def _read(
    decoder: DecoderStep,
    about: npt.NDArray[np.int64],
    answers: Sequence[Sequence[int]],
    logits: npt.NDArray[np.float32],
    past: npt.NDArray[np.float32],
    smoothing: float,
    stop: Stop | None,
) -> Doubles:
    """Loss of each answer [A]; logits [1, V] and past are those behind [DEC]."""
    losses = np.zeros(len(answers))
    active, lengths = np.arange(len(answers)), np.array([len(answer) for answer in answers])
    past = past.repeat(len(answers), 2)
    step = 0
    while True:
        tokens = np.array([answers[place][step] for place in active.tolist()])
        losses[active] += _losses(logits, tokens, smoothing)
        step += 1
        goes_on = lengths[active] > step
        active, tokens, past = active[goes_on], tokens[goes_on], past[:, :, goes_on]
        if not len(active):
            return losses
        _check(stop)
        logits, past = decoder(tokens[:, None], past, about)


def _losses(
    logits: npt.NDArray[np.float32], tokens: npt.NDArray[np.int64], share: float
) -> Doubles:
    """logits [A, V] (or [1, V], of all) and tokens [A] -> cross-entropies [A], of labels of which
    `share` is spread over the vocabulary (arXiv 1512.00567, section 7)."""
    values = logits.astype(np.float64)
    values -= values.max(axis=1, keepdims=True)
    total = np.log(np.exp(values).sum(axis=1))
    own = values[np.arange(len(tokens)) if len(values) > 1 else 0, tokens]
    return np.asarray(total - (1 - share) * own - share * values.mean(axis=1))


def _check(stop: Stop | None) -> None:
    if stop is not None and stop():
        raise StoppedError("The answer was stopped: its caller no longer waits for it.")
