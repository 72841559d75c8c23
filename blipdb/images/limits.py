"""Limits on one image: pixels, bytes, seconds and memory."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Limits on one image; an image that exceeds one is refused with a reason that names it.

    ``pixels`` counts width x height as the header states them, before anything is unpacked.
    ``memory`` is the address space of the process that decodes, in bytes: Python and its
    libraries take some 60 MB of it, and pixels mostly four bytes each, twice where there is alpha.
    """

    pixels: int = 120_000_000
    bytes: int = 64 << 20
    seconds: float = 10.0
    memory: int = 1 << 30
