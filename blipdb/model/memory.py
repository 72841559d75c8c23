"""Settings of glibc's allocator for a process that lives long and makes threads all the time."""

from __future__ import annotations

import ctypes
from contextlib import suppress
from typing import Final

M_ARENA_MAX: Final = -8  # malloc.h
LARGEST_BLOCK: Final = 4 << 20  # that a search needs


def few_heaps(heaps: int) -> None:
    """Have the process's threads share so many heaps: one is made for each new thread, up to eight
    a core, each of which keeps what its largest request took."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, heaps)


def keep_freed() -> None:
    """Have freed memory kept for the next request: glibc gives it back at once and fetches it anew,
    page by page, until it has seen a large block come and go (mallopt(3), M_MMAP_THRESHOLD)."""
    bytes(LARGEST_BLOCK)


def give_back() -> None:
    """Return what was freed, often more than what is in use, to the system."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
