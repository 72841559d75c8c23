"""Pictures as the model sees them: blipdb's decoder against transformers' image processor, which
resizes by Pillow, too. Upright and opaque pictures; the others BLIP leaves as they lie."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

from blipdb.checkpoints.convert import MEAN, STD
from blipdb.checkpoints.export import export
from blipdb.images.limits import Limits
from blipdb.images.picture import decode
from tests.images.pictures import encode
from tests.tiny import tiny_artifact

SIZES = [(40, 30), (384, 384), (500, 333), (333, 500), (1600, 1200), (37, 900), (1, 1)]
FORMATS: dict[str, dict[str, Any]] = {
    "JPEG": {"quality": 90},
    "PNG": {},
    "WEBP": {"quality": 90},
    "BMP": {},
    "TIFF": {"compression": "tiff_lzw"},
    "GIF": {},
}


def photograph(width: int, height: int, seed: int = 0) -> Image.Image:
    """Smooth shades, sharp edges and noise, as photographs have them."""
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    shades = np.stack([np.sin(7 * x + 3 * y), np.cos(5 * y - 2 * x), np.sin(9 * x * y)], axis=-1)
    edges = 90.0 * ((x * 13).astype(int) % 2 == (y * 9).astype(int) % 2)[..., None]
    noise = rng.normal(0, 12, (height, width, 3))
    return Image.fromarray(np.clip(110 + 60 * shades + edges + noise, 0, 255).astype(np.uint8))


def reference(data: bytes, size: int) -> npt.NDArray[np.float64]:
    """transformers' pixels [S, S, 3], before mean and deviation, in grey levels of 0 to 255."""
    processor: Any = BlipImageProcessorPil(size={"height": size, "width": size})
    (values,) = processor(Image.open(io.BytesIO(data)), return_tensors="np")["pixel_values"]
    levels: npt.NDArray[np.float64] = values.transpose(1, 2, 0) * np.array(STD) + np.array(MEAN)
    return levels * 255


def assert_within_a_level(data: bytes, size: int) -> None:
    pixels = decode(data, size, preview=False, limits=Limits()).pixels
    ours = np.frombuffer(pixels, np.uint8).reshape(size, size, 3).astype(np.float64)
    apart = np.abs(ours - reference(data, size))
    assert np.percentile(apart, 99.9) <= 1
    assert apart.mean() < 0.1


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("shape", SIZES, ids=lambda shape: "x".join(map(str, shape)))
def test_every_format_up_and_down(shape: tuple[int, int], format: str) -> None:
    assert_within_a_level(encode(photograph(*shape), format, **FORMATS[format]), 384)


@pytest.mark.parametrize("size", [224, 384, 480])
def test_every_size_of_the_model(size: int) -> None:
    assert_within_a_level(encode(photograph(640, 427), "JPEG", quality=90), size)


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK"])
def test_modes_of_colour(mode: str) -> None:
    picture = photograph(500, 333).convert(mode)
    assert_within_a_level(encode(picture, "TIFF" if mode == "CMYK" else "PNG"), 384)


def test_mean_and_deviation_are_clips(tmp_path: Path) -> None:
    assert tuple(BlipImageProcessorPil.image_mean) == MEAN
    assert tuple(BlipImageProcessorPil.image_std) == STD
    export(tiny_artifact(tmp_path / "a"), tmp_path / "out", "retrieval")
    said = json.loads((tmp_path / "out" / "preprocessor_config.json").read_text())
    assert (said["resample"], said["rescale_factor"]) == (3, pytest.approx(1 / 255))
