"""Datasets with random access: shuffled exactly, started anywhere."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from .permutation import Permutation
from .sample import Broken, DataError, Sample

CHECKED_SAMPLES = 100  # the first ones, of which at least one must be usable


class IndexedDataset(ABC):
    """A dataset of known size, whose samples are read by number."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def sample(self, number: int) -> Sample | Broken:
        """Return the sample of that number, from 0; an image in a file is not read yet."""

    def samples(self, numbers: Iterable[int]) -> Iterator[Sample | Broken]:
        """The samples of those numbers."""
        return map(self.sample, numbers)

    def stream(self, seed: int, part: int, parts: int, start: int) -> Iterator[Sample | Broken]:
        """As `Dataset.stream`; each epoch is a permutation of all samples, dealt to the parts in
        turn, and the start costs nothing."""
        return self.samples(shuffled(len(self), seed, part, parts, start))

    def once(self) -> Iterator[Sample | Broken]:
        """As `Dataset.once`."""
        return self.samples(range(len(self)))


def shuffled(count: int, seed: int, part: int, parts: int, start: int) -> Iterator[int]:
    """Yield endless numbers below `count`: all of them in each epoch's own order, of which a part
    takes every `parts`-th."""
    epoch, order = -1, Permutation(count)
    for place in itertools.count(start * parts + part, parts):
        if place // count != epoch:
            epoch = place // count
            order = Permutation(count, seed, epoch)
        yield order[place % count]


def require_samples(dataset: IndexedDataset, name: str) -> None:
    """Raise DataError where there are no samples, or none of the first can be used: then the layout
    is a different one, or the files are somewhere else."""
    if len(dataset) == 0:
        raise DataError(f"{name} has no samples")
    first = min(len(dataset), CHECKED_SAMPLES)
    failures = [one for one in dataset.samples(range(first)) if isinstance(one, Broken)]
    if len(failures) == first:
        raise DataError(f"none of the first {first} samples can be used; {failures[0]}")


class JoinedDataset(IndexedDataset):
    """Datasets in succession, shuffled as one."""

    def __init__(self, parts: Sequence[IndexedDataset]) -> None:
        self._parts = parts
        self._ends = list(itertools.accumulate(map(len, parts)))

    def __len__(self) -> int:
        return self._ends[-1]

    def sample(self, number: int) -> Sample | Broken:
        part = bisect_right(self._ends, number)
        return self._parts[part].sample(number - self._ends[part] + len(self._parts[part]))
