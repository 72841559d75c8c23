"""Flag, shared by all processes of a worker, that it is to end: they stop after their batch."""

from __future__ import annotations

import mmap

_flag = mmap.mmap(-1, 1)  # shared with the processes that are forked later


def is_ending() -> bool:
    """Return whether the worker is to end."""
    return _flag[0] != 0


def end() -> None:
    """Have the worker's processes end."""
    _flag[0] = 1
