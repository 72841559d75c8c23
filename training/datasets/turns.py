"""Round robin over several readers: a few are open at a time, and the next replaces one that ends.

The position of each after any number of turns follows from their sizes.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TypeVar

T = TypeVar("T")


class Turns:
    """Turns of the readers 0 to `count` - 1, of which `width` are open."""

    def __init__(self, count: int, width: int) -> None:
        self._following = iter(range(count))
        self._open = [[reader, 0] for reader in itertools.islice(self._following, width)]
        self._turn = 0

    def skip(self, places: int, size: Callable[[int], float]) -> int:
        """Skip so many places, `size` of which each reader has. Return the number that remains if
        all readers end before."""
        while places > 0 and self._open:
            fewest = min(size(reader) - position for reader, position in self._open)
            rounds = int(min(places // len(self._open), fewest))
            reader, position = self._open[self._turn]
            if rounds > 0:
                for one in self._open:
                    one[1] += rounds
                places -= rounds * len(self._open)
            elif position >= size(reader):
                self._replace()
            else:
                self._take()
                places -= 1
        return places

    def open(self, begin: Callable[[int, int], Iterator[T]]) -> list[Iterator[T]]:
        """Open the readers of this position. `begin` opens one at its own position."""
        return [begin(reader, position) for reader, position in self._open]

    def read(
        self, readers: list[Iterator[T]], begin: Callable[[int, int], Iterator[T]]
    ) -> Iterator[T]:
        """Read the readers of `open` in turn from this position, then those that follow them."""
        while readers:
            turn = self._turn
            for one in readers[turn]:
                self._take()
                yield one
                break
            else:
                if self._replace():
                    readers[turn] = begin(self._open[turn][0], 0)
                else:
                    del readers[turn]

    def _take(self) -> None:
        self._open[self._turn][1] += 1
        self._turn = (self._turn + 1) % len(self._open)

    def _replace(self) -> bool:
        """Replace the reader at turn by the next one; drop it if there is none."""
        following = next(self._following, None)
        if following is not None:
            self._open[self._turn] = [following, 0]
            return True
        del self._open[self._turn]
        self._turn = self._turn % len(self._open) if self._open else 0
        return False
