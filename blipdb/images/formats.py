"""Detect image formats by magic bytes. A match does not guarantee that the file decodes."""

from __future__ import annotations

from typing import Final

from ..errors import ImageError

MIME: Final = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # a JPEG with further pictures behind it, as phones write them
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "TIFF": "image/tiff",
}
MAGIC: Final = (
    (b"\xff\xd8", "JPEG"),
    (b"\x89PNG", "PNG"),
    (b"GIF8", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
)


def by_magic(data: bytes) -> str | None:
    """Name of the format whose magic bytes a file has."""
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP"[: len(data) - 8]:
        return "WebP"
    return next((name for magic, name in MAGIC if data.startswith(magic)), None)


def mime(data: bytes) -> str:
    """Return the MIME type of a file that may be an image.

    Raises:
        ImageError: it begins as none of the accepted formats.
    """
    if name := by_magic(data):
        return MIME[name.upper()]
    raise ImageError(unidentified(data), for_good=True)


def unidentified(data: bytes) -> str:
    """Reason why a file was not recognised as an image."""
    if not data:
        return "the file is empty"
    if name := by_magic(data):
        return f"truncated or damaged {name}: its header can't be read"
    return "not a JPEG, PNG, WebP, GIF, BMP or TIFF picture"
