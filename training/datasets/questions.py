"""Batches of images with a question and its answers, for visual question answering."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from ..run.config import Config
from ..run.world import ALONE, World
from .loader import config_batches
from .sample import Broken, Sample, SampleError
from .scenes import pad_texts
from .transforms import Pixels, make_transform, plain, pre_question


@dataclass(frozen=True)
class QuestionBatch:
    """images uint8 [B, S, S, 3]; questions int64 [B, L]; of all their answers together, answers
    int64 [A, M], weights float32 [A], and rows int64 [A], which question each belongs to; ids: the
    dataset's, of the questions; skipped: as in `Batch`."""

    images: npt.NDArray[np.uint8]
    questions: npt.NDArray[np.int64]
    answers: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float32]
    rows: npt.NDArray[np.int64]
    ids: tuple[str, ...]
    skipped: tuple[Broken, ...] = ()


@dataclass(frozen=True)
class Question:
    """A row of a batch: pixels uint8 [S, S, 3], a cleaned question, its answers and weights."""

    pixels: Pixels
    text: str
    answers: Sequence[str]
    weights: Sequence[float]
    id: str


def question_batches(
    config: Config, tokenizer: Tokenizer, start: int, world: World = ALONE
) -> Iterator[QuestionBatch]:
    """A process's batches of `config.data`, from the step `start` to the end, read ahead by worker
    processes.

    Raises:
        ConfigError, DataError: see `config_batches`.
    """
    see = make_transform(config.augment, config.model.image_size)

    def ready(sample: Sample, rng: np.random.Generator) -> Question:
        if not (text := pre_question(sample.text)):
            raise SampleError("its text is empty")
        if not sample.answers:
            raise SampleError("it has no answers")
        pixels, answers = see(sample.images[0], rng), list(map(plain, sample.answers))
        return Question(pixels, text, answers, sample.weights, sample.id)

    def make(rows: Sequence[Question], skipped: tuple[Broken, ...]) -> QuestionBatch:
        return QuestionBatch(
            images=np.stack([row.pixels for row in rows]),
            questions=pad_texts(tokenizer, [row.text for row in rows]),
            answers=pad_texts(tokenizer, [answer for row in rows for answer in row.answers]),
            weights=np.array([weight for row in rows for weight in row.weights], np.float32),
            rows=np.repeat(np.arange(len(rows)), [len(row.answers) for row in rows]),
            ids=tuple(row.id for row in rows),
            skipped=skipped,
        )

    return config_batches(config, world, start, ready, make)
