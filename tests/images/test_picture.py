"""Decoding of one image: formats, modes, orientation, and refusals."""

from __future__ import annotations

import struct
from contextlib import suppress
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from blipdb.errors import ImageError
from blipdb.images.limits import Limits
from blipdb.images.picture import Picture, decode
from tests.images.pictures import HEIGHT, WIDTH, bomb, encode, pixels, png, run_length_bmp, scene

SIZE = 32


def read(data: bytes, *, size: int = SIZE, preview: bool = False) -> Picture:
    return decode(data, size, preview=preview, limits=Limits())


def square(data: bytes, size: int = SIZE) -> NDArray[np.uint8]:
    return np.frombuffer(read(data, size=size).pixels, np.uint8).reshape(size, size, 3)


def apart(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def reason(data: bytes) -> str:
    with pytest.raises(ImageError) as refused:
        read(data)
    return refused.value.reason


def second() -> Image.Image:
    return scene().rotate(180)


FORMATS = {
    "jpeg": (encode(scene(), "JPEG", quality=95), "image/jpeg", 6),
    "progressive jpeg": (encode(scene(), "JPEG", progressive=True), "image/jpeg", 9),
    "jpeg with more behind": (
        encode(scene(), "MPO", save_all=True, append_images=[second()], quality=95),
        "image/jpeg",
        6,
    ),
    "png": (encode(scene(), "PNG"), "image/png", 0),
    "animated png": (
        encode(scene(), "PNG", save_all=True, append_images=[second()]),
        "image/png",
        0,
    ),
    "webp": (encode(scene(), "WEBP", quality=90), "image/webp", 12),
    "lossless webp": (encode(scene(), "WEBP", lossless=True), "image/webp", 0),
    "animated webp": (
        encode(scene(), "WEBP", save_all=True, append_images=[second()], lossless=True),
        "image/webp",
        0,
    ),
    "gif": (encode(scene(), "GIF"), "image/gif", 20),
    "animated gif": (
        encode(scene(), "GIF", save_all=True, append_images=[second()]),
        "image/gif",
        20,
    ),
    "bmp": (encode(scene(), "BMP"), "image/bmp", 0),
    "tiff": (encode(scene(), "TIFF"), "image/tiff", 0),
    "lzw tiff": (encode(scene(), "TIFF", compression="tiff_lzw"), "image/tiff", 0),
    "deflated tiff": (encode(scene(), "TIFF", compression="tiff_adobe_deflate"), "image/tiff", 0),
    "packbits tiff": (encode(scene(), "TIFF", compression="packbits"), "image/tiff", 0),
    "tiff of pages": (
        encode(scene(), "TIFF", save_all=True, append_images=[second()]),
        "image/tiff",
        0,
    ),
}


@pytest.mark.parametrize("name", FORMATS)
def test_formats_give_the_pixels_of_a_direct_square_resize(name: str) -> None:
    data, mime, tolerance = FORMATS[name]
    picture = read(data)
    assert (picture.mime, picture.width, picture.height) == (mime, WIDTH, HEIGHT)
    assert apart(square(data), pixels(scene(), SIZE)) <= tolerance


@pytest.mark.parametrize("name", FORMATS)
def test_a_truncated_file_is_refused_or_complete(name: str) -> None:
    """Each prefix: refused with a reason, or (past the first frame) the very same pixels."""
    data = FORMATS[name][0]
    whole = read(data).pixels
    refused = 0
    for cut in [*range(0, len(data), max(1, len(data) // 60)), len(data) - 20]:
        try:
            assert read(data[:cut]).pixels == whole
        except ImageError:
            refused += 1
    assert refused > 15


def test_a_file_cut_in_half_is_called_truncated() -> None:
    for name in ("jpeg", "progressive jpeg", "png", "webp", "gif", "bmp", "tiff"):
        data = FORMATS[name][0]
        assert reason(data[: len(data) // 2]).startswith("truncated "), name


@pytest.mark.parametrize("name", ["jpeg", "progressive jpeg", "png", "animated png"])
def test_a_broken_download_padded_with_zeros_is_refused(name: str) -> None:
    data = FORMATS[name][0]
    for cut in range(len(data) // 3, len(data) // 2, 7):
        reason(data[:cut] + bytes(len(data) - cut))


def test_what_follows_a_jpeg_is_no_matter() -> None:
    """Phones append films and other pictures."""
    rng = np.random.default_rng(5)
    data = FORMATS["jpeg"][0]
    assert read(data + rng.bytes(50_000)).pixels == read(data).pixels
    assert read(data + bytes(99)).pixels == read(data).pixels


def test_a_jpeg_with_restart_markers() -> None:
    data = encode(scene(), "JPEG", restart_marker_blocks=2)
    assert data.count(b"\xff\xd3") > 0
    assert apart(square(data), pixels(scene(), SIZE)) <= 9


def test_run_length_bmp() -> None:
    rows = b"".join(bytes([16, 16 * i]) + b"\0\0" for i in range(8)) + b"\0\1"
    data = run_length_bmp(rows, 16, 8)
    assert read(data).width == 16
    for cut in range(len(data) - 6, 60, -7):
        assert reason(data[:cut])


MODES = [
    ("PNG", "1"),
    ("PNG", "L"),
    ("PNG", "P"),
    ("PNG", "LA"),
    ("PNG", "RGBA"),
    ("JPEG", "L"),
    ("JPEG", "CMYK"),
    ("GIF", "L"),
    ("GIF", "P"),
    ("BMP", "1"),
    ("BMP", "L"),
    ("BMP", "P"),
    ("TIFF", "1"),
    ("TIFF", "L"),
    ("TIFF", "P"),
    ("TIFF", "CMYK"),
    ("TIFF", "YCbCr"),
    ("TIFF", "RGBA"),
    ("WEBP", "RGBA"),
]


@pytest.mark.parametrize(("format", "mode"), MODES)
def test_modes(format: str, mode: str) -> None:
    image = scene().convert(mode)
    lossy = {"JPEG": 8, "WEBP": 12}.get(format, 1)
    assert apart(square(encode(image, format)), pixels(image, SIZE)) <= lossy


def test_alpha_is_over_white() -> None:
    image = scene().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    alpha = np.asarray(image.getchannel("A"))[..., None] / 255
    expected = np.asarray(scene()) * alpha + 255 * (1 - alpha)
    reference = pixels(Image.fromarray(expected.round().astype(np.uint8)), SIZE)
    for format in ("PNG", "TIFF"):
        assert apart(square(encode(image, format)), reference) <= 1
    assert apart(square(encode(image, "WEBP", lossless=True, exact=True)), reference) <= 1


@pytest.mark.parametrize("mode", ["P", "L", "RGB"])
def test_a_transparent_colour_is_white(mode: str) -> None:
    image = Image.new(mode, (8, 8), (10, 20, 30) if mode == "RGB" else 3)
    if mode == "P":
        image.putpalette([0, 0, 99] * 4)
    key = image.getpixel((0, 0))
    assert (square(encode(image, "PNG", transparency=key)) == 255).all()


def test_a_palette_with_alpha() -> None:
    image = Image.new("P", (8, 8))
    image.putpalette([200, 0, 0])
    half = square(encode(image, "PNG", transparency=bytes([128])))
    assert apart(half, np.full_like(half, (227, 127, 127))) <= 1


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    ramp = np.linspace(0, 65535, 256 * 4).astype(np.uint16).reshape(4, 256)
    expected = np.rint(ramp / 257).astype(np.uint8)
    for format in ("PNG", "TIFF"):
        got = read(encode(Image.fromarray(ramp), format), size=256).pixels
        reference = pixels(Image.fromarray(expected), 256)
        assert apart(np.frombuffer(got, np.uint8).reshape(256, 256, 3), reference) <= 1


def test_sixteen_bit_colour() -> None:
    wide = np.asarray(scene()).astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    assert apart(square(png(WIDTH, HEIGHT, 2, 16, rows)), pixels(scene(), SIZE)) == 0


def test_sixteen_bit_tiff_where_zero_is_white() -> None:
    ramp = np.linspace(0, 65535, 64 * 64).astype(np.uint16).reshape(64, 64)
    normal = encode(Image.fromarray(ramp), "TIFF")
    inverted = encode(Image.fromarray(ramp), "TIFF", tiffinfo={262: 0})
    assert apart(square(normal), 255 - square(inverted)) <= 1


def test_twelve_bit_tiff() -> None:
    """Written by hand: two pixels in three bytes, as scanners write them."""
    values = bytes.fromhex("000fff") * 32  # black, white, black, white, ...
    start = 8 + 2 + 8 * 12 + 4
    tags = ((256, 8), (257, 8), (258, 12), (259, 1), (262, 1), (273, start), (277, 1), (279, 96))
    entries = b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in tags)
    data = struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4) + values
    columns = square(data, 8)[0, :, 0]
    assert list(columns) == [0, 255] * 4


@pytest.mark.parametrize("mode", ["I", "F", "LAB"])
def test_pixels_without_a_defined_white_are_refused(mode: str) -> None:
    if mode == "LAB":
        profiles = (ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"))
        image = ImageCms.profileToProfile(scene(), *profiles, outputMode="LAB")
        assert image is not None
    else:
        image = scene().convert("L").convert(mode)
    assert mode in reason(encode(image, "TIFF"))


ORIENTED = {
    1: lambda image: image,
    2: lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    3: lambda image: image.rotate(180),
    4: lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    5: lambda image: image.transpose(Image.Transpose.TRANSPOSE),
    6: lambda image: image.rotate(90, expand=True),
    7: lambda image: image.transpose(Image.Transpose.TRANSVERSE),
    8: lambda image: image.rotate(-90, expand=True),
}


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", ORIENTED)
def test_orientation_is_undone(orientation: int, format: str) -> None:
    """A camera held so stores the scene turned; what comes out is upright."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = ORIENTED[orientation](scene())
    data = encode(stored, format, exif=exif, quality=95, subsampling=0, lossless=True)
    picture = read(data, preview=True)
    assert (picture.width, picture.height) == (WIDTH, HEIGHT)
    assert apart(square(data), pixels(scene(), SIZE)) <= (6 if format == "JPEG" else 1)
    preview = np.frombuffer(read(picture.preview).pixels, np.uint8)
    assert apart(preview, pixels(scene(), SIZE).ravel()) <= 12


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_a_meaningless_orientation_is_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert apart(square(encode(scene(), "PNG", exif=exif)), pixels(scene(), SIZE)) == 0


def test_the_preview_is_a_small_jpeg_only_if_asked() -> None:
    data = encode(scene(900, 300), "PNG")
    assert read(data).preview == b""
    preview = read(read(data, preview=True).preview)
    assert (preview.mime, preview.width, preview.height) == ("image/jpeg", 320, 107)
    small = read(read(encode(scene(), "PNG"), preview=True).preview)
    assert (small.width, small.height) == (WIDTH, HEIGHT)


def test_extreme_shapes() -> None:
    for width, height in ((1, 1), (1, 5000), (20_000, 1)):
        assert read(encode(scene(width, height), "PNG"), preview=True).width == width


REFUSED = [
    (b"", "the file is empty"),
    (b"hello\n", "not a JPEG, PNG, WebP, GIF, BMP or TIFF picture"),
    (b"\0" * 100_000, "not a JPEG"),
    (b"RIFF\x24\0\0\0WAVEfmt ", "not a JPEG"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a JPEG"),
    (encode(scene(), "PPM"), "not a JPEG"),
    (encode(scene(), "TGA"), "not a JPEG"),
    (encode(scene(), "JPEG2000"), "not a JPEG"),
    (encode(scene(), "ICO"), "not a JPEG"),
    (encode(scene(), "PCX"), "not a JPEG"),
    (encode(scene(), "AVIF"), "not a JPEG"),
    (b"\xff\xd8\xff\xe0", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"BM and this is a text", "BMP"),
    (b"GIF89a", "GIF"),
    (b"II*\0\x08\0\0\0", "TIFF"),
]


@pytest.mark.parametrize(("data", "expected"), REFUSED)
def test_other_content_is_refused(data: bytes, expected: str) -> None:
    assert expected in reason(data)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    assert reason(bomb(60_000, 60_000)) == "60000 x 60000 pixels; at most 120,000,000 are decoded"
    limits = Limits(pixels=WIDTH * HEIGHT - 1)
    with pytest.raises(ImageError, match="60 x 40 pixels; at most 2,399 are decoded"):
        decode(encode(scene(), "GIF"), SIZE, preview=False, limits=limits)


def test_damage_is_noticed() -> None:
    """A PNG has checksums; a flipped bit in a JPEG may just be another colour."""
    original = encode(scene(), "PNG")
    for at in range(9, len(original) - 16):
        data = bytearray(original)
        data[at] ^= 0x10
        assert "PNG" in reason(bytes(data)), at
    data = bytearray(original)
    data[len(data) // 2] ^= 0x10
    assert reason(bytes(data)) == "damaged PNG: the checksum of its pixels is wrong"


def test_random_damage_never_raises_anything_else() -> None:
    rng = np.random.default_rng(7)
    for data, _, _ in FORMATS.values():
        for _ in range(40):
            mutant = bytearray(data)
            for at in rng.integers(0, min(len(mutant), 600), 4):
                mutant[at] = rng.integers(256)
            with suppress(ImageError):
                assert len(read(bytes(mutant), size=8).pixels) == 8 * 8 * 3


def test_warnings_do_not_refuse() -> None:
    """Broken EXIF is common, and says nothing about the pixels."""
    data = encode(scene(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff")
    assert read(data).width == WIDTH


def test_neighbours_are_not_blended_by_nearest() -> None:
    """A 1-bit checkerboard shrinks to grey: it is widened before the resize."""
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255
    image = Image.fromarray(board.astype(np.uint8)).convert("1")
    values = square(encode(image, "PNG"), 16)
    assert all(abs(int(a) - int(b)) < 20 for a, b in pairwise(values[8, :, 0]))
