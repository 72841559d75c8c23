"""File names by pattern: shards-{000..012}.tar, {coco,vg}-*.tar."""

from __future__ import annotations

import re
from collections.abc import Iterator

BRACES = re.compile(r"\{([^{}]*)\}")
RANGE = re.compile(r"(\d+)\.\.(\d+)")


def expand(pattern: str) -> Iterator[str]:
    """Expand a pattern's braces in order, as a shell does: numbers from one to another, with as
    many digits as the first, or alternatives."""
    match = BRACES.search(pattern)
    if match is None:
        yield pattern
        return
    before, behind = pattern[: match.start()], pattern[match.end() :]
    names = [
        name for middle in _alternatives(match[1]) for name in expand(before + middle + behind)
    ]
    yield from dict.fromkeys(names)  # braces in braces give some of them twice


def _alternatives(inside: str) -> Iterator[str]:
    if (numbers := RANGE.fullmatch(inside)) is None:
        yield from inside.split(",")
        return
    first, last = int(numbers[1]), int(numbers[2])
    for number in range(first, last + 1) if first <= last else range(first, last - 1, -1):
        yield f"{number:0{len(numbers[1])}d}"
