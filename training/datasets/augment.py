"""Augmentation of training images as in BLIP: a crop, a mirror image, and RandAugment (arXiv
1909.13719) without the operations that change colours, since captions name them.

Crop and flip are those of torchvision, RandAugment that of BLIP, whose own is written with OpenCV;
geometry here follows OpenCV's, where whole numbers are the centres of pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

COUNT, MAGNITUDE, MAX_MAGNITUDE = 2, 5, 10  # RandAugment's N and M, and the end of M's scale
SHARE = 0.5  # of the chosen operations are carried out
LEVEL = MAGNITUDE / MAX_MAGNITUDE
SHEAR, PIXELS, DEGREES = 0.3 * LEVEL, 10 * LEVEL, 30 * LEVEL
FACTOR = 0.1 + 1.8 * LEVEL  # 1: brightness and sharpness stay as they are
GREY = (128, 128, 128)  # of pixels from outside of the image
MIN_ASPECT, MAX_ASPECT = 3 / 4, 4 / 3  # of a crop, width to height
MAX_TRIES = 10

Affine = tuple[float, float, float, float, float, float]


def random_crop(
    image: Image.Image, size: int, smallest: float, rng: np.random.Generator
) -> Image.Image:
    """Crop `smallest` to all of the image's area, as a square of `size`, bicubic."""
    left, top, width, height = crop_box(*image.size, smallest, rng)
    part = image.crop((left, top, left + width, top + height))  # first: nothing else shines in
    return part.resize((size, size), Image.Resampling.BICUBIC)


def crop_box(
    width: int, height: int, smallest: float, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """Left, top, width and height of a crop of random area and aspect; where none fits, the largest
    central one within the limits of aspect."""
    for _ in range(MAX_TRIES):
        area = width * height * rng.uniform(smallest, 1.0)
        proportion = math.exp(rng.uniform(math.log(MIN_ASPECT), math.log(MAX_ASPECT)))
        across, down = round(math.sqrt(area * proportion)), round(math.sqrt(area / proportion))
        if 0 < across <= width and 0 < down <= height:
            x = int(rng.integers(0, width - across + 1))
            return x, int(rng.integers(0, height - down + 1)), across, down
    across = min(width, max(1, round(height * MAX_ASPECT)))
    down = min(height, max(1, round(width / MIN_ASPECT)))
    return (width - across) // 2, (height - down) // 2, across, down


def random_flip(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Mirror the image half the time."""
    return ImageOps.mirror(image) if rng.random() < 0.5 else image


def rand_augment(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Apply two of `OPERATIONS`, perhaps the same twice, each half the time."""
    for number in rng.integers(0, len(OPERATIONS), COUNT):
        if rng.random() < SHARE:
            image = OPERATIONS[number](image, 1 if rng.random() < 0.5 else -1)
    return image


def identity(image: Image.Image, sign: int) -> Image.Image:
    return image


def auto_contrast(image: Image.Image, sign: int) -> Image.Image:
    return ImageOps.autocontrast(image)


def equalize(image: Image.Image, sign: int) -> Image.Image:
    return ImageOps.equalize(image)


def brightness(image: Image.Image, sign: int) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(FACTOR)


def sharpness(image: Image.Image, sign: int) -> Image.Image:
    return ImageEnhance.Sharpness(image).enhance(FACTOR)


def shear_x(image: Image.Image, sign: int) -> Image.Image:
    return _moved(image, (1, -sign * SHEAR, 0, 0, 1, 0))


def shear_y(image: Image.Image, sign: int) -> Image.Image:
    return _moved(image, (1, 0, 0, -sign * SHEAR, 1, 0))


def translate_x(image: Image.Image, sign: int) -> Image.Image:
    return _moved(image, (1, 0, sign * PIXELS, 0, 1, 0))


def translate_y(image: Image.Image, sign: int) -> Image.Image:
    return _moved(image, (1, 0, 0, 0, 1, sign * PIXELS))


def rotate(image: Image.Image, sign: int) -> Image.Image:
    """Rotate the image, counter-clockwise where the sign is 1."""
    angle, x, y = math.radians(sign * DEGREES), image.width / 2, image.height / 2
    cos, sin = math.cos(angle), math.sin(angle)
    return _moved(image, (cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y))


def _moved(image: Image.Image, source: Affine) -> Image.Image:
    """Transform an image: the pixel at (x, y) comes from (ax + by + c, dx + ey + f), bilinear."""
    a, b, c, d, e, f = source
    # Pillow's whole numbers are the pixels' corners.
    corners = (a, b, c + (1 - a - b) / 2, d, e, f + (1 - d - e) / 2)
    bilinear = Image.Resampling.BILINEAR
    return image.transform(
        image.size, Image.Transform.AFFINE, corners, resample=bilinear, fillcolor=GREY
    )


Operation = Callable[[Image.Image, int], Image.Image]
OPERATIONS: tuple[Operation, ...] = (
    identity,
    auto_contrast,
    brightness,
    sharpness,
    equalize,
    shear_x,
    shear_y,
    translate_x,
    translate_y,
    rotate,
)
