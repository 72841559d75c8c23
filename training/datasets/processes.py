"""Batches made ahead by worker processes, in the order of the steps."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")

BATCHES_AHEAD = 8  # that a worker may have ready
CHECK_SECONDS = 5.0  # how often each side looks whether the other still lives
NICENESS = 5  # workers have time; the threads that train wait for one another


class Prefetcher(Iterator[T], Generic[T]):
    """Results of `make` for each of `steps`, made ahead by `workers` processes.

    Step n is made by worker n % workers, which calls `make` once, with all of its steps. Workers
    are forked, so a running training does not see files that change under it. They end with it,
    however it ends, and with this iterator. What `make` raises is raised here, in its turn.
    """

    def __init__(self, make: Callable[[range], Iterator[T]], steps: range, workers: int) -> None:
        if workers < 1:
            raise ValueError(f"workers is {workers}; at least 1 process has to make batches")
        self._steps = iter(steps)
        fork = multiprocessing.get_context("fork")
        self._queues: list[Any] = []
        self._workers: list[Any] = []
        for worker in range(workers):
            own = steps[(worker - steps.start) % workers :: workers]
            self._queues.append(fork.Queue(BATCHES_AHEAD))
            arguments = (make, own, self._queues[-1], os.getpid())
            self._workers.append(fork.Process(target=_work, args=arguments, daemon=True))
            self._workers[-1].start()
        self._end = weakref.finalize(self, _end, self._workers, os.getpid())

    def __next__(self) -> T:
        step = next(self._steps, None)
        if step is None:
            self.close()
            raise StopIteration
        received = self._receive(step)
        if isinstance(received, BaseException):
            self.close()
            raise received
        return cast(T, received)

    def close(self) -> None:
        """End the workers."""
        self._steps = iter(())
        self._end()

    def _receive(self, step: int) -> Any:
        worker = step % len(self._workers)
        is_alive = True
        while True:
            try:
                return self._queues[worker].get(timeout=CHECK_SECONDS)
            except queue.Empty:
                if not is_alive:
                    self.close()
                    raise RuntimeError(f"the process that makes step {step} has died") from None
                is_alive = self._workers[worker].is_alive()  # if not, its last words are read


def _end(workers: Sequence[Any], parent: int) -> None:
    if os.getpid() != parent:  # a fork of the one that started them
        return
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.join()


def _work(make: Callable[[range], Iterator[T]], steps: range, out: Any, parent: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # without the parent's handler
    os.nice(NICENESS)
    try:
        for item in make(steps):
            _offer(out, item, parent)
    except Exception as error:
        _offer(out, error, parent)


def _offer(out: Any, item: object, parent: int) -> None:
    while True:
        try:
            out.put(item, timeout=CHECK_SECONDS)
        except queue.Full:
            if os.getppid() != parent:
                os._exit(0)
            continue
        return
