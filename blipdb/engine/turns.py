"""As much work at once as there are cores for; the rest waits, first come, first served."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from ..errors import StoppedError

LOOK: Final = 0.05  # s between looks at whether one who waits should go


class Turns:
    """``count`` turns at once. Its methods may be called from any thread."""

    def __init__(self, count: int) -> None:
        self._lock = threading.Lock()
        self._free = count
        self._line: deque[threading.Event] = deque()

    @property
    def free(self) -> int:
        return self._free

    @contextmanager
    def one(self, stop: Callable[[], bool]) -> Iterator[None]:
        """Wait for a turn, and have it for a while.

        Raises:
            StoppedError: ``stop`` returned True meanwhile.
        """
        self._take(stop)
        try:
            yield
        finally:
            self._give()

    def _take(self, stop: Callable[[], bool]) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            mine = threading.Event()
            self._line.append(mine)
        while not mine.wait(LOOK):
            if stop():
                self._leave(mine)
                raise StoppedError("The caller left while it waited for its turn.")

    def _leave(self, mine: threading.Event) -> None:
        with self._lock:
            if not mine.is_set():
                self._line.remove(mine)
                return
        self._give()  # its turn came just now

    def _give(self) -> None:
        with self._lock:
            if self._line:
                self._line.popleft().set()
            else:
                self._free += 1
