"""Text generation token by token: beam search and nucleus sampling, over any decoder.

Each image has a search of its own: the rest of the batch changes nothing but rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..errors import StoppedError

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Stop = Callable[[], bool]

NUCLEUS_TOKENS = 1024  # sorted first: a nucleus seldom has more


class DecoderStep(Protocol):
    """One step of a text decoder, with its caches."""

    def __call__(
        self, ids: Ints, past: npt.NDArray[np.float32] | None, images: Ints
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """ids [B, 1], past [layers, 2, B, H, P, dh] (None at the start), and the images [I] that
        the texts are about, B / I of them each, in order
        -> logits of the next token [B, V], past and present [layers, 2, B, H, P + 1, dh]."""


@dataclass(frozen=True)
class Rules:
    """Constraints on a generated text."""

    first: int  # the token before the text
    last: int  # the token that ends it
    never: Sequence[int]  # tokens that are not generated
    min_tokens: int  # before `last`
    max_tokens: int  # with `last`


@dataclass
class _Search:
    """State of one image's beam search."""

    beams: int
    finished: list[tuple[float, list[int]]] = field(default_factory=list)

    def add(self, score: float, text: list[int]) -> None:
        """Keep a finished text where it is among the best; a score is a mean log-probability."""
        self.finished.append((score, text))
        self.finished.sort(key=lambda entry: -entry[0])
        del self.finished[self.beams :]

    def is_done(self, best_running: float) -> bool:
        """Whether no running text would be kept if it ended now."""
        return len(self.finished) == self.beams and best_running <= self.finished[-1][0]

    @property
    def best(self) -> list[int]:
        return self.finished[0][1]


def beam_search(
    decoder: DecoderStep, images: int, rules: Rules, beams: int, stop: Stop | None = None
) -> list[list[int]]:
    """Find for each image the text with the highest mean log-probability.

    As in BLIP (Hugging Face's `generate` with its defaults): of each step's 2 * beams best
    continuations, those among the first `beams` that end are finished, and the best `beams` of the
    others go on; an image is done when it has `beams` finished texts and none that runs is better,
    divided by its length, than the worst of them. Texts that reach `max_tokens` end there.
    Tokens come without `first` and `last`.

    Raises:
        StoppedError: `stop` returned True between two steps.
    """
    searches = [_Search(beams) for _ in range(images)]
    active = np.arange(images)
    texts = np.empty((images, 1, 0), np.int64)
    scores: Floats = np.zeros((images, 1))
    ids, past = np.full((images, 1), rules.first), None
    for length in range(1, rules.max_tokens + 1):
        _check(stop)
        logits, past = decoder(ids, past, active)
        scores, source, tokens = _continuations(scores, logits, rules, length, 2 * beams)
        texts = np.concatenate(
            [np.take_along_axis(texts, source[:, :, None], axis=1), tokens[:, :, None]], axis=2
        )
        ends = tokens == rules.last
        _finish(searches, active, texts, scores, ends, rules, length)
        order = np.argsort(ends, axis=1, kind="stable")[:, :beams]  # the best that go on
        scores = np.take_along_axis(np.where(ends, -np.inf, scores), order, axis=1)
        running = [
            not searches[image].is_done(best / length)
            for image, best in zip(active, scores[:, 0], strict=True)
        ]
        if length == rules.max_tokens or not any(running):
            break
        width = len(past[0, 0]) // len(active)  # texts per image before this step
        rows = np.arange(len(active))[:, None] * width + np.take_along_axis(source, order, axis=1)
        past = past[:, :, rows[running].ravel()]
        texts = np.take_along_axis(texts, order[:, :, None], axis=1)[running]
        active, scores, ids = active[running], scores[running], texts[:, :, -1].reshape(-1, 1)
    return [search.best for search in searches]


def nucleus_sample(
    decoder: DecoderStep,
    images: int,
    rules: Rules,
    mass: float,
    seeds: Sequence[int | None] | None = None,
    stop: Stop | None = None,
) -> list[list[int]]:
    """Draw a text for each image, token by token from the nucleus: the fewest likeliest tokens
    whose probabilities sum to `mass` or more (Holtzman et al., arXiv 1904.09751).

    Each image has its own random numbers, by its own of the `seeds`, so that its caption does not
    depend on the batch. Tokens come without `first` and `last`.

    Raises:
        StoppedError: `stop` returned True between two steps.
    """
    numbers = [np.random.default_rng(seed) for seed in seeds or [None] * images]
    texts: list[list[int]] = [[] for _ in range(images)]
    active = np.arange(images)
    ids, past = np.full((images, 1), rules.first), None
    for length in range(1, rules.max_tokens + 1):
        _check(stop)
        logits, past = decoder(ids, past, active)
        log_probabilities = _log_softmax(_forbid(logits, rules, length))
        draws = np.array([numbers[image].random() for image in active])
        tokens = draw_from_nucleus(np.exp(log_probabilities), mass, draws)
        running = tokens != rules.last
        active, tokens, past = active[running], tokens[running], past[:, :, running]
        for image, token in zip(active, tokens, strict=True):
            texts[image].append(int(token))
        if not len(active):
            break
        ids = tokens[:, None]
    return texts


def draw_from_nucleus(probabilities: Floats, mass: float, draws: Floats) -> Ints:
    """probabilities [B, V], draws [B] uniform in [0, 1) -> tokens [B]."""
    order = best_places(probabilities, NUCLEUS_TOKENS)
    cumulative = np.cumsum(np.take_along_axis(probabilities, order, axis=1), axis=1)
    if (cumulative[:, -1] < mass).any():
        order = best_places(probabilities, probabilities.shape[1])
        cumulative = np.cumsum(np.take_along_axis(probabilities, order, axis=1), axis=1)
    size = np.minimum((cumulative < mass).sum(axis=1), cumulative.shape[1] - 1)
    rows = np.arange(len(order))
    aims = draws * cumulative[rows, size]
    places = np.minimum((cumulative <= aims[:, None]).sum(axis=1), size)
    return np.asarray(order[rows, places], np.int64)


def best_places(values: Floats, count: int) -> Ints:
    """[B, V] -> indices of the `count` highest of each row (or all), the highest first; of equal
    ones the first. Does not sort the rest, which takes as long as the model's own step."""
    count = min(count, values.shape[1])
    least = np.partition(values, -count, axis=1)[:, -count]
    best = np.empty((len(values), count), np.int64)
    for row, line in enumerate(values):
        places = np.flatnonzero(line >= least[row])
        best[row] = places[np.argsort(-line[places], kind="stable")[:count]]
    return best


def _continuations(
    scores: Floats, logits: Floats, rules: Rules, length: int, count: int
) -> tuple[Floats, Ints, Ints]:
    """scores [I, w] and logits [I * w, V] -> the best continuations of each image, best first:
    their scores, the text that each continues, and its token, each [I, count]."""
    # Forbidden after the softmax: a score is the model's own log-probability, as in BLIP.
    log_probabilities = _forbid(_log_softmax(logits), rules, length)
    total = (scores.reshape(-1, 1) + log_probabilities).reshape(len(scores), -1)
    best = best_places(total, count)
    source, tokens = np.divmod(best, logits.shape[1])
    return np.take_along_axis(total, best, axis=1), source, tokens


def _finish(
    searches: list[_Search],
    active: Ints,
    texts: Ints,
    scores: Floats,
    ends: npt.NDArray[np.bool_],
    rules: Rules,
    length: int,
) -> None:
    """Keep the texts that end among each image's first `beams` continuations; at the limit, all."""
    beams = searches[0].beams
    over = np.isfinite(scores) & (ends | (length == rules.max_tokens))
    for row, place in np.argwhere(over[:, :beams]):
        text = texts[row, place].tolist()
        if ends[row, place]:
            text.pop()
        searches[active[row]].add(scores[row, place] / length, text)


def _forbid(values: Floats, rules: Rules, length: int) -> Floats:
    """Logits or log-probabilities [B, V] of the token at `length`, forbidden ones at -inf."""
    values = values.copy()
    values[:, list(rules.never)] = -np.inf
    if length <= rules.min_tokens:
        values[:, rules.last] = -np.inf
    return values


def _log_softmax(logits: Floats) -> Floats:
    """[B, V] in float64, so that sums of them are exact enough to compare texts by."""
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _check(stop: Stop | None) -> None:
    if stop is not None and stop():
        raise StoppedError("The caption was stopped: its caller no longer waits for it.")
