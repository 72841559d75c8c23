"""Several datasets as one, each sampled by its weight."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .sample import Broken, Dataset, Sample

PERIOD = 1 << 14  # samples, in which the shares are kept as exactly as whole numbers allow


@dataclass(frozen=True)
class MixedDataset:
    """Samples of `datasets` in the proportion of `shares`, in random order; within a dataset, in
    the order of its own stream."""

    datasets: Sequence[Dataset]
    shares: Sequence[float]

    def stream(self, seed: int, part: int, parts: int, start: int) -> Iterator[Sample | Broken]:
        """As `Dataset.stream`; an epoch is each dataset's own."""
        period, rest = divmod(start, PERIOD)
        turns = self._turns(seed, part, period)
        counts = period * self.slots() + np.bincount(turns[:rest], minlength=len(self.datasets))
        streams = [
            dataset.stream(seed, part, parts, int(count))
            for dataset, count in zip(self.datasets, counts, strict=True)
        ]
        while True:
            for turn in turns[rest:]:
                yield next(streams[turn])
            period, rest = period + 1, 0
            turns = self._turns(seed, part, period)

    def once(self) -> Iterator[Sample | Broken]:
        """As `Dataset.once`, one dataset behind the other; shares don't matter."""
        for dataset in self.datasets:
            yield from dataset.once()

    def slots(self) -> npt.NDArray[np.int64]:
        """Number of samples of each dataset among `PERIOD`: at least one each, rounded such that
        they sum to `PERIOD`."""
        ends = np.cumsum(self.shares) / np.sum(self.shares) * (PERIOD - len(self.shares))
        slots: npt.NDArray[np.int64] = np.diff(np.rint(ends).astype(np.int64), prepend=0) + 1
        return slots

    def _turns(self, seed: int, part: int, period: int) -> npt.NDArray[np.int64]:
        """Draw the dataset of each sample of a period."""
        turns = np.repeat(np.arange(len(self.datasets)), self.slots())
        return np.random.default_rng([seed, part, period]).permutation(turns)
