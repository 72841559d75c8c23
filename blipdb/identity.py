"""Identities made from content, so that ingest can be repeated anywhere without a sequence.

The same rules stand as a CHECK in ``migrations`` (images) and in ``sql/add.sql`` (both).
"""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID


def image_id(space: str, content: bytes) -> UUID:
    """First 128 bits of SHA-256(space ‖ NUL ‖ content).

    A space holds no NUL (PostgreSQL's text allows none), so no two pairs are joined alike. With
    the space inside, no tenant can learn from an id's conflict whether another has the image.
    """
    digest = sha256(_utf8(space) + b"\x00")
    digest.update(content)
    return UUID(bytes=digest.digest()[:16])


def caption_id(origin: str, text: str) -> UUID:
    """First 128 bits of SHA-256(origin ‖ NUL ‖ text); one image holds a caption once."""
    return UUID(bytes=sha256(_utf8(origin) + b"\x00" + text.encode()).digest()[:16])


def _utf8(name: str) -> bytes:
    if "\x00" in name:
        raise ValueError(f"{name!r} contains NUL")
    return name.encode()
