"""Pictures for tests: each seed another one, the same bytes each time."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image


def picture(seed: int, kind: str = "PNG", *, side: int = 24, **options: object) -> bytes:
    """An image file's bytes: a gradient and a rectangle, placed and coloured by ``seed``."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((side, side, 3), np.uint8)
    pixels[:] = np.linspace(0, rng.integers(100, 200), side)[:, None, None]
    top, left = rng.integers(0, side // 2, 2)
    pixels[top : top + side // 2, left : left + side // 2] = rng.integers(0, 256, 3)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind, **options)
    return out.getvalue()


def album(folder: Path, count: int, first: int = 0) -> list[str]:
    """``count`` PNG files, of ``picture(first)`` and on; their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed:05d}.png" for seed in range(first, first + count)]
    for seed, path in enumerate(paths, first):
        path.write_bytes(picture(seed))
    return list(map(str, paths))
