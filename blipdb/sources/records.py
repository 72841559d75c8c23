"""Records of what sources hold: files, their contents, failures, captions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class SourceFile(NamedTuple):
    """A file as the walk saw it: ``size`` in bytes, ``mtime`` in nanoseconds since 1970."""

    uri: str
    size: int
    mtime: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A file that can't go in, with its reason; ``size`` and ``mtime`` None if it has no stat."""

    uri: str
    reason: str
    size: int | None = None
    mtime: int | None = None


class Content(NamedTuple):
    """A file's bytes, with the stat of the very file that they were read from."""

    data: bytes
    size: int
    mtime: int


class Caption(NamedTuple):
    """A caption of the file or image that holds it; ``origin`` is ``web`` or ``human``."""

    text: str
    origin: str = "web"
