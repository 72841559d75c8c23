"""A fair semaphore: as much work at once as there are cores for; the rest waits in order."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from ..errors import StoppedError

CHECK_SECONDS: Final = 0.05  # between checks whether a waiting caller has gone


class FairSemaphore:
    """A semaphore of ``count`` slots, first come, first served. Safe for several threads."""

    def __init__(self, count: int) -> None:
        self._lock = threading.Lock()
        self._free = count
        self._waiting: deque[threading.Event] = deque()

    @property
    def free(self) -> int:
        return self._free

    @contextmanager
    def slot(self, stop: Callable[[], bool]) -> Iterator[None]:
        """Wait for a slot, and hold it in the block.

        Raises:
            StoppedError: ``stop`` returned True meanwhile.
        """
        self._acquire(stop)
        try:
            yield
        finally:
            self._release()

    def _acquire(self, stop: Callable[[], bool]) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            mine = threading.Event()
            self._waiting.append(mine)
        while not mine.wait(CHECK_SECONDS):
            if stop():
                self._leave(mine)
                raise StoppedError("The caller left while it waited for its turn.")

    def _leave(self, mine: threading.Event) -> None:
        with self._lock:
            if not mine.is_set():
                self._waiting.remove(mine)
                return
        self._release()  # a slot was handed over just now

    def _release(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1
