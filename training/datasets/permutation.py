"""Permutation of any size, in constant memory: an epoch's order."""

from __future__ import annotations

import numpy as np

ROUNDS = 8
WORD = (1 << 64) - 1


class Permutation:
    """A permutation of range(count), chosen by `key` and computed index by index.

    A Feistel network permutes the numbers below the next power of two; results of `count` or more
    are permuted again until they are below (J. Black and P. Rogaway, "Ciphers with arbitrary finite
    domains", CT-RSA 2002).
    """

    def __init__(self, count: int, *key: int) -> None:
        bits = max((count - 1).bit_length(), 2)
        self.count = count
        self._low = bits // 2  # bits of the lower half
        self._halves = (1 << (bits - self._low)) - 1, (1 << self._low) - 1
        words = np.random.SeedSequence([count, *key]).generate_state(ROUNDS, np.uint64)
        self._keys = [int(word) for word in words]

    def __getitem__(self, place: int) -> int:
        """Return the number at `place`."""
        if not 0 <= place < self.count:
            raise IndexError(f"place {place} of a permutation of {self.count}")
        place = self._permuted(place)
        while place >= self.count:
            place = self._permuted(place)
        return place

    def _permuted(self, number: int) -> int:
        most_high, most_low = self._halves
        high, low = number >> self._low, number & most_low
        for first, second in zip(self._keys[::2], self._keys[1::2], strict=True):
            high ^= _mixed(low + first) & most_high
            low ^= _mixed(high + second) & most_low
        return high << self._low | low


def _mixed(word: int) -> int:
    """Last step of SplitMix64 (G. L. Steele, D. Lea and C. H. Flood, OOPSLA 2014)."""
    word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9 & WORD
    word = (word ^ (word >> 27)) * 0x94D049BB133111EB & WORD
    return word ^ (word >> 31)
