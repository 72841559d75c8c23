"""This machine: features of its processor, and its C library's memory.

The settings are for glibc's allocator, in a process that lives long and makes threads all the
time; another C library is left as it is.
"""

from __future__ import annotations

import ctypes
import functools
import platform
from contextlib import suppress
from pathlib import Path
from typing import Final

VNNI: Final = {"avx512_vnni", "avx_vnni"}
M_ARENA_MAX: Final = -8  # malloc.h
MAX_BLOCK_BYTES: Final = 4 << 20  # that a search needs


@functools.cache
def cpu_flags() -> frozenset[str]:
    """Return the CPU flags that Linux lists for x86; an empty set elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return frozenset()
    for line in text.splitlines():
        name, _, values = line.partition(":")
        if name.strip() == "flags":
            return frozenset(values.split())
    return frozenset()


def multiplies_bytes() -> bool:
    """Whether products of uint8 and int8 are exact here, and quick.

    x86 processors without VNNI add two of them in 16 bits, which saturates; other processors don't.
    """
    return platform.machine() not in ("x86_64", "AMD64") or not VNNI.isdisjoint(cpu_flags())


def limit_heaps(heaps: int) -> None:
    """Let all threads share at most this many heaps.

    By default glibc makes one for each new thread, up to eight a core, and each keeps the size of
    its largest request.
    """
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, heaps)


def keep_freed_memory() -> None:
    """Keep freed memory for the next request.

    By default glibc returns it to the system at once, and fetches it again page by page, until it
    has seen a large block come and go (mallopt(3), M_MMAP_THRESHOLD). So make one.
    """
    bytes(MAX_BLOCK_BYTES)


def release_freed_memory() -> None:
    """Return freed memory, often more than what is in use, to the system."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)
