"""Features of this machine's processor."""

from __future__ import annotations

import functools
import platform
from pathlib import Path
from typing import Final

VNNI: Final = {"avx512_vnni", "avx_vnni"}


@functools.cache
def flags() -> frozenset[str]:
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
    return platform.machine() not in ("x86_64", "AMD64") or not VNNI.isdisjoint(flags())
