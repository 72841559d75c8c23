"""Small pictures of every kind, written by Pillow or by hand."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

WIDTH, HEIGHT = 60, 40


def scene(width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    """Smooth colour ramps: no two corners alike, and kind to lossy formats."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, 255 - x], axis=-1).astype(np.uint8))


def encode(image: Image.Image, format: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def pixels(image: Image.Image, size: int) -> NDArray[np.uint8]:
    """The reference: RGB, then straight to the square, bicubic."""
    square = image.convert("RGB").resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(square)


def png(width: int, height: int, kind: int, depth: int, raw: bytes) -> bytes:
    """A PNG written by hand, for what Pillow can't write; ``raw`` is the unpacked IDAT."""
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def bomb(width: int, height: int) -> bytes:
    """A few kilobytes that claim to be an enormous RGB picture."""
    return png(width, height, kind=2, depth=8, raw=bytes(1_000_000))


def run_length_bmp(rows: bytes, width: int, height: int) -> bytes:
    palette = b"".join(bytes([i, i, 255 - i, 0]) for i in range(256))
    offset = 14 + 40 + len(palette)
    header = b"BM" + struct.pack("<IHHI", offset + len(rows), 0, 0, offset)
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(rows), 0, 0, 256, 0)
    return header + info + palette + rows


def slow(side: int = 4_000) -> bytes:
    """Pillow unpacks a run-length BMP in Python: this one takes it many seconds."""
    return run_length_bmp((b"\1\1" * side + b"\0\0") * side + b"\0\1", side, side)
