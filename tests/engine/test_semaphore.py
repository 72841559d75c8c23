"""The queue: as many at once as there are turns, first come, first served, and one can leave."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from blipdb.engine.semaphore import FairSemaphore
from blipdb.errors import StoppedError


def never() -> bool:
    return False


def start(
    slots: FairSemaphore, work: Callable[[], object], stop: Callable[[], bool] = never
) -> threading.Thread:
    def run() -> None:
        with slots.slot(stop):
            work()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_two_at_once_and_the_rest_in_order() -> None:
    slots, gate, done = FairSemaphore(2), threading.Event(), list[int]()
    first = [start(slots, gate.wait) for _ in range(2)]
    wait_for(lambda: slots.free == 0)
    rest = []
    for n in range(5):
        rest.append(start(slots, lambda n=n: done.append(n)))  # type: ignore[misc]
        wait_for(lambda n=n: len(slots._waiting) == n + 1)  # type: ignore[misc]
    assert done == []
    gate.set()
    for thread in [*first, *rest]:
        thread.join(5)
    assert sorted(done) == list(range(5))
    assert done[0] in (0, 1)
    assert slots.free == 2


def test_one_that_leaves_the_line_takes_no_turn() -> None:
    slots, gate, gone = FairSemaphore(1), threading.Event(), threading.Event()
    holder = start(slots, gate.wait)
    wait_for(lambda: slots.free == 0)
    errors: list[type] = []

    def leave() -> None:
        try:
            with slots.slot(gone.is_set):
                pass
        except StoppedError as error:
            errors.append(type(error))

    leaving = threading.Thread(target=leave)
    leaving.start()
    wait_for(lambda: len(slots._waiting) == 1)
    gone.set()
    leaving.join(5)
    assert errors == [StoppedError]
    gate.set()
    holder.join(5)
    with slots.slot(never):
        assert slots.free == 0
    assert slots.free == 1


def test_an_error_gives_the_turn_back() -> None:
    slots = FairSemaphore(1)
    with pytest.raises(ZeroDivisionError), slots.slot(never):
        raise ZeroDivisionError
    assert slots.free == 1
