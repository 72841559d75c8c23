"""Workers that make batches ahead: in order, bounded, and never left behind."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from blipdb.errors import ImageError
from blipdb.training.datasets import processes
from blipdb.training.datasets.processes import Prefetcher


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def others() -> set[psutil.Process]:
    """Whatever else this process has started by now."""
    return set(psutil.Process().children())


def workers(others: set[psutil.Process]) -> set[psutil.Process]:
    return set(psutil.Process().children()) - others


def named(steps: range) -> Iterator[tuple[int, int, int]]:
    """Each step, with the first of its worker's steps, and the worker's process."""
    return ((step, steps.start, os.getpid()) for step in steps)


@pytest.mark.parametrize("start", [0, 1, 5, 9])
@pytest.mark.parametrize("workers", [1, 2, 3])
def test_steps_come_in_order_from_their_workers(start: int, workers: int) -> None:
    found = list(Prefetcher(named, range(start, 10), workers))
    assert [step for step, _, _ in found] == list(range(start, 10))
    for step, first, process in found:
        assert step % workers == first % workers
        assert first - start < workers
        assert process != os.getpid()
    assert len({process for _, _, process in found}) == min(workers, 10 - start)


def test_no_steps_are_no_work() -> None:
    assert list(Prefetcher(named, range(5, 5), 2)) == []
    with pytest.raises(ValueError, match="workers is 0; at least 1"):
        Prefetcher(named, range(5), 0)


def test_an_error_comes_in_its_turn(others: set[psutil.Process]) -> None:
    def make(steps: range) -> Iterator[int]:
        for step in steps:
            if step == 3:
                raise ImageError("three", "hint")
            yield step

    ahead = Prefetcher(make, range(10), 2)
    assert list(itertools.islice(ahead, 3)) == [0, 1, 2]
    with pytest.raises(ImageError, match=r"three\nhint"):
        next(ahead)
    assert list(ahead) == []
    assert not workers(others)


def test_a_worker_that_is_killed_is_noticed(
    others: set[psutil.Process], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "CHECK_SECONDS", 0.05)

    def make(steps: range) -> Iterator[int]:
        for step in steps:
            if step == 2:
                time.sleep(0.5)  # until what was made before is on its way
                os.kill(os.getpid(), signal.SIGKILL)
            yield step

    ahead = Prefetcher(make, range(10), 2)
    with pytest.raises(RuntimeError, match="the process that makes step 2 has died"):
        list(ahead)
    assert not workers(others)


def test_workers_are_ahead_by_a_few(tmp_path: Path) -> None:
    def make(steps: range) -> Iterator[int]:
        for step in steps:
            (tmp_path / str(step)).touch()
            yield step

    ahead = Prefetcher(make, range(1000), 1)
    most = processes.BATCHES_AHEAD + 2  # one that waits to go in, one that the pipe has already
    until(lambda: len(list(tmp_path.iterdir())) >= processes.BATCHES_AHEAD)
    time.sleep(0.2)
    assert len(list(tmp_path.iterdir())) <= most
    assert next(ahead) == 0
    ahead.close()


def test_workers_end_when_nobody_listens(others: set[psutil.Process]) -> None:
    ahead = Prefetcher(named, range(10_000), 2)
    next(ahead)
    children = workers(others)
    assert len(children) == 2
    del ahead
    assert not any(child.is_running() for child in children)


def test_workers_end_though_their_parent_handles_signals(
    others: set[psutil.Process],
) -> None:
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        ahead = Prefetcher(named, range(10_000), 1)
        next(ahead)
        ahead.close()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert not workers(others)


def test_workers_end_with_a_parent_that_is_killed() -> None:
    code = (
        "import os, signal\n"
        "from blipdb.training.datasets import processes\n"
        "processes.CHECK_SECONDS = 0.05\n"
        "make = lambda steps: ((step, os.getpid()) for step in steps)\n"
        "ahead = processes.Prefetcher(make, range(999), 2)\n"
        "print(next(ahead)[1], next(ahead)[1], flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert done.returncode == -signal.SIGKILL
    workers = list(map(int, done.stdout.split()))
    assert len(workers) == 2
    until(lambda: not any(map(psutil.pid_exists, workers)))
