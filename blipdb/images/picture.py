"""Decode one image in this process. Untrusted bytes are for confined children alone."""

from __future__ import annotations

import io
import re
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageFile, UnidentifiedImageError

from ..errors import ImageError
from . import preprocess
from .descriptions import descriptions
from .formats import MIME, by_magic, unidentified
from .limits import Limits

FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
# Within the coded pixels 0xFF is followed by 0, or by a restart marker, which has no length.
JPEG_MARKER: Final = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd8]")
JPEG_END: Final = 0xD9
OUT_OF_MEMORY: Final = "out of memory"


@dataclass(frozen=True)
class Picture:
    """A decoded picture as bytes; ``pixels`` is RGB, row by row, size x size x 3."""

    pixels: bytes | bytearray
    width: int
    height: int
    mime: str
    preview: bytes
    descriptions: list[str]


def decode(data: bytes, size: int, *, preview: bool, limits: Limits) -> Picture:
    """Read ``data``, whichever allowed format its content says it is; the first frame only.

    ``width`` and ``height`` are those of the upright picture; ``preview`` is a JPEG of at most
    320 pixels a side, or empty where it isn't asked for.

    Raises:
        ImageError: with the reason why this picture is refused.
    """
    with _refusing(data, limits):
        image, flat = _unpack(data, limits)
        return _picture(image, flat, size, preview)


def whole(data: bytes, limits: Limits) -> Image.Image:
    """Decode an image at its full size, upright, RGB, the first frame only. Training crops from it.

    Raises:
        ImageError: with the reason why this picture is refused.
    """
    with _refusing(data, limits):
        image, flat = _unpack(data, limits)
        return preprocess.upright(flat, _orientation(image)).convert("RGB")


@contextmanager
def _refusing(data: bytes, limits: Limits) -> Iterator[None]:
    """Translate all errors of the image libraries to ImageError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are about metadata; pixels raise
        try:
            yield
        except ImageError:
            raise
        except MemoryError:
            raise ImageError(_memory_reason(limits)) from None
        except Exception as error:
            raise ImageError(_reason(data, error, limits)) from None


def _unpack(data: bytes, limits: Limits) -> tuple[ImageFile.ImageFile, Image.Image]:
    """Load the file; return it and its picture as opaque 8-bit `L` or `RGB`, not yet upright."""
    image = _open(data, limits)
    image.load()
    _check_whole(data, image.format)
    return image, preprocess.flatten(image)


def _open(data: bytes, limits: Limits) -> ImageFile.ImageFile:
    Image.MAX_IMAGE_PIXELS = None  # ours is checked instead, and says both numbers
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise ImageError(unidentified(data)) from None
    width, height = image.size
    if width * height > limits.pixels:
        raise ImageError(f"{width} x {height} pixels; at most {limits.pixels:,} are decoded")
    return image


def _check_whole(data: bytes, format: str | None) -> None:
    """Detect truncation that decoders would fill with grey, for formats that allow it."""
    if format == "PNG":
        _check_png(data)
    elif format in ("JPEG", "MPO"):
        _check_jpeg(data)


def _check_jpeg(data: bytes) -> None:
    """Follow the segments to the end marker: a truncated download may be padded with zeros."""
    at = 2
    while found := JPEG_MARKER.search(data, at):
        at = found.end()
        if data[at - 1] == JPEG_END:
            return
        at += int.from_bytes(data[at : at + 2])
    raise ImageError("truncated JPEG: its end marker is missing")


def _check_png(data: bytes) -> None:
    """Check what Pillow skips: the checksums of the chunks that hold the pixels."""
    at = len(PNG_SIGNATURE)
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4])
        end = at + 8 + length
        if data[at + 4 : at + 8] == b"IDAT":
            stated = int.from_bytes(data[end : end + 4])
            if zlib.crc32(memoryview(data)[at + 4 : end]) != stated:
                raise ImageError("damaged PNG: the checksum of its pixels is wrong")
        at = end + 4


def _picture(image: ImageFile.ImageFile, flat: Image.Image, size: int, preview: bool) -> Picture:
    orientation = _orientation(image)
    width, height = flat.size
    if orientation in preprocess.SIDEWAYS:
        width, height = height, width
    return Picture(
        pixels=preprocess.square(flat, size, orientation).tobytes(),
        width=width,
        height=height,
        mime=MIME[image.format or ""],
        preview=_jpeg(preprocess.thumbnail(flat, orientation)) if preview else b"",
        descriptions=descriptions(image),
    )


def _orientation(image: ImageFile.ImageFile) -> int:
    try:
        return int(image.getexif().get(preprocess.ORIENTATION, 1))
    except Exception:  # a broken EXIF block says nothing about how the camera was held
        return 1


def _jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=preprocess.PREVIEW_QUALITY)
    return out.getvalue()


def _memory_reason(limits: Limits) -> str:
    return f"decoding needs more than {limits.memory >> 20} MiB of memory"


def _reason(data: bytes, error: Exception, limits: Limits) -> str:
    text = str(error) or type(error).__name__
    if OUT_OF_MEMORY in text:
        return _memory_reason(limits)
    name = by_magic(data) or "picture"
    if "truncated" in text.lower() or _is_short_webp(data):
        return f"truncated {name}: {text}"
    return f"damaged {name}: {text}"


def _is_short_webp(data: bytes) -> bool:
    """Whether the RIFF header promises more bytes than there are; libwebp doesn't say so."""
    return data.startswith(b"RIFF") and int.from_bytes(data[4:8], "little") + 8 > len(data)
