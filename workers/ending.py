"""Whether this worker is to end, known to all its processes: they stop after the batch at hand."""

from __future__ import annotations

import mmap

_flag = mmap.mmap(-1, 1)  # shared with the processes that are forked later


def is_ending() -> bool:
    return _flag[0] != 0


def end() -> None:
    _flag[0] = 1
