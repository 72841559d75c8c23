"""Transforms of images and texts before a model reads them."""

from __future__ import annotations

import io
import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from blipdb.errors import ImageError
from blipdb.images.limits import Limits
from blipdb.training.datasets import augment, transforms
from blipdb.training.datasets.augment import (
    OPERATIONS,
    crop_box,
    rand_augment,
    random_crop,
    random_flip,
)
from blipdb.training.datasets.transforms import (
    MIN_CROP_SHARE,
    Augment,
    make_transform,
    pre_caption,
    pre_question,
    read_bytes,
    square,
)
from tests.album import picture
from tests.images.pictures import encode, scene

Pixels = npt.NDArray[np.uint8]

LOGARITHMS = -math.log(4 / 3), math.log(4 / 3)  # of a crop's proportions


def noise(width: int = 48, height: int = 48) -> Image.Image:
    rng = np.random.default_rng(1)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def smooth(size: int = 48) -> Image.Image:
    return noise(6, 6).resize((size, size), Image.Resampling.BICUBIC)


def named(name: str) -> Callable[[Image.Image, int], Image.Image]:
    found: Callable[[Image.Image, int], Image.Image] = getattr(augment, name)
    return found


def warped(image: Image.Image, forward: list[list[float]]) -> npt.NDArray[np.float64]:
    """OpenCV's warpAffine, bilinear, as its manual defines it: what is at (x, y), a pixel's centre,
    goes to forward @ (x, y, 1); what comes from outside is grey."""
    pixels = np.pad(np.asarray(image, np.float64), ((1, 1), (1, 1), (0, 0)), constant_values=128)
    height, width = image.height, image.width
    backward = np.linalg.inv(np.array([*forward, [0.0, 0.0, 1.0]]))
    y, x = np.mgrid[:height, :width]
    u, v, _ = np.tensordot(backward, np.stack([x, y, np.ones_like(x)]), axes=1)
    u, v = np.clip(u + 1, 0, width + 0.999), np.clip(v + 1, 0, height + 0.999)
    left, top = np.floor(u).astype(int), np.floor(v).astype(int)
    across, down = (u - left)[..., None], (v - top)[..., None]
    upper = pixels[top, left] * (1 - across) + pixels[top, left + 1] * across
    lower = pixels[top + 1, left] * (1 - across) + pixels[top + 1, left + 1] * across
    found: npt.NDArray[np.float64] = upper * (1 - down) + lower * down
    return found


def rotation(degrees: float, size: int) -> list[list[float]]:
    """OpenCV's getRotationMatrix2D about (size / 2, size / 2)."""
    a, b = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    c = size / 2
    return [[a, b, (1 - a) * c - b * c], [-b, a, b * c + (1 - a) * c]]


FORWARD: dict[str, Callable[[int], list[list[float]]]] = {
    "shear_x": lambda sign: [[1, sign * 0.15, 0], [0, 1, 0]],
    "shear_y": lambda sign: [[1, 0, 0], [sign * 0.15, 1, 0]],
    "translate_x": lambda sign: [[1, 0, -sign * 5], [0, 1, 0]],
    "translate_y": lambda sign: [[1, 0, 0], [0, 1, -sign * 5]],
    "rotate": lambda sign: rotation(sign * 15, 48),
}


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", FORWARD)
def test_geometry_is_opencvs(name: str, sign: int) -> None:
    image = smooth()
    found = np.asarray(named(name)(image, sign), np.float64)
    expected = warped(image, FORWARD[name](sign))
    apart = np.abs(found - expected).max(axis=2)
    assert np.quantile(apart, 0.95) <= 1  # at the edge of what is grey Pillow doesn't blend
    assert (found[apart > 2] == 128).all() or (apart > 2).mean() < 0.04
    assert np.abs(found - np.asarray(image, np.float64)).mean() > 3


def test_whole_pixels_are_moved_exactly() -> None:
    image = noise()
    before, after = np.asarray(image), np.asarray(named("translate_x")(image, 1))
    assert np.array_equal(after[:, :-5], before[:, 5:])
    assert (after[:, -5:] == 128).all()
    after = np.asarray(named("translate_y")(image, -1))
    assert np.array_equal(after[5:], before[:-5])


@pytest.mark.parametrize("name", ["identity", "brightness", "sharpness"])
def test_what_does_nothing_at_this_magnitude(name: str) -> None:
    image = noise()
    assert np.array_equal(np.asarray(named(name)(image, 1)), np.asarray(image))
    assert augment.FACTOR == 1.0


def test_contrast_reaches_from_black_to_white() -> None:
    grey = Image.fromarray((np.asarray(noise()) // 4 + 90).astype(np.uint8))
    for name in ("auto_contrast", "equalize"):
        found = np.asarray(named(name)(grey, 1))
        assert found.min() <= 1
        assert found.max() >= 254


def test_the_operations_are_blips() -> None:
    assert [operation.__name__ for operation in OPERATIONS] == [
        "identity", "auto_contrast", "brightness", "sharpness", "equalize",
        "shear_x", "shear_y", "translate_x", "translate_y", "rotate",
    ]  # fmt: skip


def test_two_operations_are_chosen_and_half_of_them_carried_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[tuple[int, int]] = []

    def noting(number: int) -> Callable[[Image.Image, int], Image.Image]:
        def operation(image: Image.Image, sign: int) -> Image.Image:
            done.append((number, sign))
            return image

        return operation

    monkeypatch.setattr(augment, "OPERATIONS", tuple(map(noting, range(10))))
    rng, image = np.random.default_rng(2), noise()
    for _ in range(4000):
        rand_augment(image, rng)
    assert len(done) == pytest.approx(4000, abs=150)
    for counts in (Counter(number for number, _ in done), Counter(sign for _, sign in done)):
        expected = len(done) / len(counts)
        assert all(
            count == pytest.approx(expected, abs=0.2 * expected) for count in counts.values()
        )
    assert {number for number, _ in done} == set(range(10))


@pytest.mark.parametrize("smallest", [0.2, 0.5])
def test_crops_have_the_areas_and_proportions_of_blips(smallest: float) -> None:
    rng = np.random.default_rng(3)
    boxes = np.array([crop_box(640, 480, smallest, rng) for _ in range(4000)])
    left, top, width, height = boxes.T
    assert left.min() == top.min() == 0
    assert (left + width).max() == 640
    assert (top + height).max() == 480
    proportion = np.log(width / height)
    assert np.abs(proportion).max() <= math.log(4 / 3) + 0.01
    area = width * height / (640 * 480)
    assert smallest - 0.01 <= area.min() < smallest + 0.02
    assert area.max() > 0.97
    drawn, shape = rng.uniform(smallest, 1, 100_000), np.exp(rng.uniform(*LOGARITHMS, 100_000))
    fits = (640 * 480 * drawn * shape <= 640**2) & (640 * 480 * drawn / shape <= 480**2)
    assert area.mean() == pytest.approx(drawn[fits].mean(), abs=0.01)
    assert proportion.mean() == pytest.approx(np.log(shape[fits]).mean(), abs=0.01)


def test_where_no_crop_fits_the_middle_is_taken() -> None:
    rng = np.random.default_rng(4)
    assert crop_box(1000, 10, 1.0, rng) == (493, 0, 13, 10)
    assert crop_box(10, 1000, 1.0, rng) == (0, 493, 10, 13)
    assert crop_box(1, 1, 0.2, rng) == (0, 0, 1, 1)
    assert crop_box(2, 1, 0.2, rng)[2:] in {(1, 1), (2, 1)}


def test_nothing_outside_of_a_crop_shines_in() -> None:
    image = Image.new("RGB", (100, 100), "black")
    image.paste("white", (0, 0, 50, 100))
    rng = np.random.default_rng(5)
    seen = [np.asarray(random_crop(image, 8, 0.2, rng)) for _ in range(300)]
    assert any((pixels == 255).all() for pixels in seen)
    assert any((pixels == 0).all() for pixels in seen)


def test_half_of_the_images_are_mirrored() -> None:
    image, rng = noise(), np.random.default_rng(6)
    mirrored = np.asarray(image)[:, ::-1]
    found = [np.asarray(random_flip(image, rng)) for _ in range(200)]
    count = sum(np.array_equal(one, mirrored) for one in found)
    assert count == pytest.approx(100, abs=30)
    assert sum(np.array_equal(one, np.asarray(image)) for one in found) == 200 - count


@pytest.mark.parametrize("name", ["pretrain", "finetune"])
def test_augmented_images_depend_on_the_generator_alone(name: str) -> None:
    see, data = make_transform(name, 32), picture(3, "JPEG", side=200)
    assert isinstance(see, Augment)
    assert see.smallest == MIN_CROP_SHARE[name]
    found = [see(data, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert all(one.shape == (32, 32, 3) and one.dtype == np.uint8 for one in found)
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_without_augmentation_the_whole_image_is_squared(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encode(scene(), "JPEG", quality=95))
    found = make_transform("none", 24)(path, np.random.default_rng(1))
    decoded = Image.open(path).convert("RGB").resize((24, 24), Image.Resampling.BICUBIC)
    assert np.array_equal(found, np.asarray(decoded))
    assert np.array_equal(found, square(path.read_bytes(), 24))


def test_images_are_upright_and_opaque() -> None:
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    turned = encode(scene().rotate(180), "PNG", exif=exif)
    assert np.array_equal(square(turned, 24), square(encode(scene(), "PNG"), 24))
    clear = encode(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG")
    rng = np.random.default_rng(1)
    assert (random_crop(transforms.whole(clear, Limits()), 8, 1.0, rng).tobytes()) == b"\xff" * 192


@pytest.mark.parametrize("augmented", ["none", "pretrain"])
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "the file is empty"),
        (b"GIF87a", "truncated or damaged GIF"),
        (b"<svg></svg>", "not a JPEG, PNG, WebP, GIF, BMP or TIFF picture"),
        (picture(1, "JPEG", side=200)[:-300], "truncated JPEG"),
        (picture(1, "PNG")[:100], "truncated PNG"),
    ],
)
def test_a_broken_image_is_refused_with_its_reason(
    data: bytes, reason: str, augmented: str
) -> None:
    with pytest.raises(ImageError) as refused:
        make_transform(augmented, 16)(data, np.random.default_rng(1))
    assert refused.value.reason.startswith(reason)


def test_limits_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transforms, "LIMITS", Limits(pixels=500, bytes=5000))
    rng = np.random.default_rng(1)
    for see in (make_transform("none", 16), make_transform("finetune", 16)):
        with pytest.raises(ImageError, match="24 x 24 pixels; at most 500 are decoded"):
            see(picture(1), rng)
        with pytest.raises(ImageError, match="5,001 bytes; at most 5,000 are read"):
            see(b"x" * 5001, rng)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no such file"):
        read_bytes(tmp_path / "none.jpg")
    with pytest.raises(ImageError, match="not a regular file"):
        read_bytes(tmp_path)


@pytest.mark.parametrize(
    ("text", "caption", "question"),
    [
        ("A Dog.", "a dog", "a dog"),
        ("it's red-brown, 3:1 (or so)!", "it's red-brown, 3 1 or so", "it's red-brown, 31 or so"),
        ('  "Two"\n*dogs*~ #1; a;b  ', "two dogs 1 a b", "two dogs 1 ab"),
        ("What colour is it?", "what colour is it?", "what colour is it?"),
        ("...", "", ""),
        ("", "", ""),
        ("a \ud800 b", "a ? b", "a ? b"),
    ],
)
def test_texts_are_cleaned_as_blips(text: str, caption: str, question: str) -> None:
    assert pre_caption(text) == caption
    assert pre_question(text) == question


def test_long_texts_are_cut() -> None:
    text = " ".join(map(str, range(99)))
    assert pre_caption(text) == " ".join(map(str, range(30)))
    assert pre_caption(text, 40) == " ".join(map(str, range(40)))
    assert pre_question(text) == " ".join(map(str, range(50)))


def test_any_format_that_is_allowed_is_read() -> None:
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"):
        assert square(picture(1, kind), 16).shape == (16, 16, 3)
    out = io.BytesIO()
    Image.new("RGB", (9, 9)).save(out, "PPM")
    with pytest.raises(ImageError, match="not a JPEG"):
        square(out.getvalue(), 16)
