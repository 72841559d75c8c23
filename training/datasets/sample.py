"""A sample of a dataset, not decoded yet, and the protocol of datasets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

NUMBER = re.compile(r"\d[\d,.]*")

ImageSource = Path | bytes
"""An image file's place, or its content."""


class DataError(ValueError):
    """A dataset that can't be used; the message names it, the fault, and the remedy."""


class SampleError(Exception):
    """A sample that can't be used; the message is the reason."""


@dataclass(frozen=True)
class Sample:
    """An image, or two, with a text."""

    images: tuple[ImageSource, ...]  # one, or NLVR2's two (left, right)
    key: str  # of the image: all texts of one image have the same
    text: str  # a caption, a question (VQA) or a statement (NLVR2)
    answers: tuple[str, ...] = ()  # VQA's
    weights: tuple[float, ...] = ()  # the share of annotators that gave each answer
    label: int | None = None  # NLVR2's: 1 true, 0 false
    id: str = ""  # the dataset's own number or name of the sample, for submissions


@dataclass(frozen=True)
class Broken:
    """A sample that can't be used: its place, and the reason."""

    where: str
    reason: str

    @property
    def kind(self) -> str:
        """The reason without details of this one sample, as `truncated JPEG`."""
        return NUMBER.sub("N", self.reason.partition(":")[0])

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


class Dataset(Protocol):
    """Samples in constant memory, however many they are."""

    def stream(self, seed: int, part: int, parts: int, start: int) -> Iterator[Sample | Broken]:
        """An endless stream of one part of `parts`, epoch after epoch, each shuffled differently by
        `seed`.

        It starts at the part's position `start`: `stream(…, n)` continues where `stream(…, 0)` was
        after n. In an epoch each sample is in one part.
        """
        ...

    def once(self) -> Iterator[Sample | Broken]:
        """Every sample once, in the dataset's own order: for evaluation."""
        ...
