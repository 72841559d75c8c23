"""From a stream of samples to batches of a fixed size, in worker processes.

Worker w of process r reads part r * workers + w of the dataset, and makes every workers-th batch
from it. So a batch depends on the dataset, the seed, its step and how many processes there are,
and a run goes on with the batches that an undisturbed one would have had.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from blipdb.errors import ImageError

from ..run.config import Config, ConfigError
from ..run.world import World
from .open import open_datasets
from .processes import Prefetcher
from .sample import Broken, DataError, Dataset, Sample, SampleError

R = TypeVar("R")
T = TypeVar("T")

Ready = Callable[[Sample, np.random.Generator], R]
"""Makes a batch's row of a sample; raises ImageError or SampleError where it can't be used."""

Make = Callable[[Sequence[R], tuple[Broken, ...]], T]
"""Makes a batch of its rows, of which there are always as many; and of what was left out."""


@dataclass(frozen=True)
class BatchPlan:
    """Assignment of samples to batches.

    batch: samples of one process's batch. rank, size: the process's number, and the number of
    processes that train together.
    """

    seed: int
    batch: int
    workers: int
    rank: int = 0
    size: int = 1

    def stream(self, dataset: Dataset, steps: range) -> Iterator[Sample | Broken]:
        """The samples of a worker's steps, the first batch's first."""
        part = self.rank * self.workers + steps.start % self.workers
        start = steps.start // self.workers * self.batch
        return dataset.stream(self.seed, part, self.size * self.workers, start)


def make_batch_plan(config: Config, world: World) -> BatchPlan:
    """Plan the batches of one process.

    Raises:
        ConfigError: the processes can't share the batch evenly, or would not read the same.
    """
    if config.batch % world.size:
        raise ConfigError(f"batch {config.batch} is no multiple of the {world.size} processes")
    for spec in config.data:
        if world.size > 1 and spec.get("kind") == "database" and "index" not in spec:
            raise ConfigError(
                "database: the processes that train together need the same index of it;"
                " give index, a file in a place that all of them reach"
            )
    batch = config.batch // world.size
    return BatchPlan(config.seed, batch, config.workers, world.rank, world.size)


def config_batches(
    config: Config, world: World, start: int, ready: Ready[R], make: Make[R, T]
) -> Prefetcher[T]:
    """A process's batches of `config.data`, from the step `start` to the end.

    Raises:
        ConfigError: see `make_batch_plan`.
        DataError: a dataset can't be used; or, when a step is due, none of its samples.
    """
    plan = make_batch_plan(config, world)
    dataset = open_datasets(config.data)
    return read_batches(dataset, plan, ready, make, range(start, config.steps))


def read_batches(
    dataset: Dataset, plan: BatchPlan, ready: Ready[R], make: Make[R, T], steps: range
) -> Prefetcher[T]:
    """The batches of `steps`, read ahead. A broken sample's place is taken by the nearest good one
    of its batch.

    Raises (when the step is due):
        DataError: no sample of a batch can be used; names the first.
    """

    def worker(own: range) -> Iterator[T]:
        if not own:
            return
        stream = plan.stream(dataset, own)
        for step in own:
            rng = np.random.default_rng([plan.seed, plan.rank, step])
            results = [_make_ready(one, ready, rng) for one in itertools.islice(stream, plan.batch)]
            rows, broken = replace_broken(results, step)
            yield make(rows, broken)

    return Prefetcher(worker, steps, plan.workers)


def _make_ready(one: Sample | Broken, ready: Ready[R], rng: np.random.Generator) -> R | Broken:
    if isinstance(one, Broken):
        return one
    try:
        return ready(one, rng)
    except ImageError as error:
        return Broken(one.key, error.reason)
    except SampleError as error:
        return Broken(one.key, str(error))


def replace_broken(results: Iterable[R | Broken], step: int) -> tuple[list[R], tuple[Broken, ...]]:
    """Replace each broken row by the nearest good one. Return the rows, and the broken ones.

    Raises:
        DataError: all are broken.
    """
    results = list(results)
    broken = tuple(one for one in results if isinstance(one, Broken))
    good = [n for n, one in enumerate(results) if not isinstance(one, Broken)]
    if not good:
        raise DataError(
            f"none of the {len(results)} samples of step {step} can be used;"
            f" the first, {broken[0] if broken else 'none'}"
        )
    sources = (min(good, key=lambda other: abs(other - n)) for n in range(len(results)))
    rows = [row for n in sources if not isinstance(row := results[n], Broken)]
    return rows, broken
