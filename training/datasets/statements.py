"""Batches of two images with a statement about both, for NLVR2."""

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
from .transforms import STATEMENT_WORDS, Pixels, make_transform, pre_caption

OPPOSITE = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class StatementBatch:
    """left and right uint8 [B, S, S, 3]; texts int64 [B, L]; labels int64 [B], 1 where the
    statement is true; skipped: as in `Batch`."""

    left: npt.NDArray[np.uint8]
    right: npt.NDArray[np.uint8]
    texts: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    skipped: tuple[Broken, ...] = ()


@dataclass(frozen=True)
class Statement:
    """A row of a batch: pixels uint8 [S, S, 3] each, a cleaned statement, and its truth."""

    left: Pixels
    right: Pixels
    text: str
    label: int


def statement_batches(
    config: Config, tokenizer: Tokenizer, start: int, world: World = ALONE
) -> Iterator[StatementBatch]:
    """A process's batches of `config.data`, from the step `start` to the end, read ahead by worker
    processes. Half the time the images change places, and left and right with them.

    Raises:
        ConfigError, DataError: see `config_batches`.
    """
    see = make_transform(config.augment, config.model.image_size)

    def ready(sample: Sample, rng: np.random.Generator) -> Statement:
        text = pre_caption(sample.text, STATEMENT_WORDS)
        if not text:
            raise SampleError("its text is empty")
        if sample.label is None or len(sample.images) != 2:
            raise SampleError("it is no statement about two images")
        left, right = (see(image, rng) for image in sample.images)
        if rng.random() < 0.5:
            left, right, text = right, left, mirrored(text)
        return Statement(left, right, text, sample.label)

    def make(rows: Sequence[Statement], skipped: tuple[Broken, ...]) -> StatementBatch:
        return StatementBatch(
            left=np.stack([row.left for row in rows]),
            right=np.stack([row.right for row in rows]),
            texts=pad_texts(tokenizer, [row.text for row in rows]),
            labels=np.array([row.label for row in rows], np.int64),
            skipped=skipped,
        )

    return config_batches(config, world, start, ready, make)


def mirrored(text: str) -> str:
    """Exchange left and right in a statement, as its images change places."""
    return " ".join(OPPOSITE.get(word, word) for word in text.split(" "))
