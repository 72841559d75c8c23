"""From a decoded picture of any mode to the square that the image encoder reads.

BLIP resizes straight to a square, bicubic, whatever the picture's shape
(https://github.com/salesforce/BLIP, ``data/__init__.py``, ``transform_test``); mean and standard
deviation are applied inside the graph. JPEG's draft mode (shrinking while decoding) is not used:
on photographs it moved pixels by tens of grey levels where the picture was twice the target, and
still by up to seven where it was eight times the target. ICC profiles are ignored, as BLIP's own
training ignored them.
"""

from __future__ import annotations

from typing import Final

from PIL import Image, ImageOps
from PIL.TiffImagePlugin import TiffImageFile

from ..errors import ImageError

PREVIEW_SIDE: Final = 320
PREVIEW_QUALITY: Final = 82
ORIENTATION: Final = 0x0112  # EXIF 2.32, table 4
WHITE: Final = (255, 255, 255)
BITS_PER_SAMPLE: Final = 258  # TIFF 6.0, section 8
PHOTOMETRIC: Final = 262
WHITE_IS_ZERO: Final = 0

# EXIF orientation -> the transposition to upright.
UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS: Final = frozenset({5, 6, 7, 8})


def flatten(image: Image.Image) -> Image.Image:
    """Any mode to opaque 8-bit ``L`` or ``RGB``: alpha over white, 16 bits scaled to 8.

    Raises:
        ImageError: the mode has no defined way to 8-bit colour (32-bit integer or float, Lab).
    """
    if image.mode.startswith("I;16"):
        return eight_bits(image)
    if image.mode in ("I", "F", "LAB"):
        raise ImageError(f"pixels of mode {image.mode} (32-bit or Lab) are not supported")
    if image.has_transparency_data:
        return over_white(image)
    return _as(image, "L" if image.mode in ("1", "L") else "RGB")


def _as(image: Image.Image, mode: str) -> Image.Image:
    """Convert to this mode; no copy if it is the mode already: for a small picture each copy takes
    as long as a resize."""
    return image if image.mode == mode else image.convert(mode)


def eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey to ``L``: the whitest value becomes 255, in even steps.

    A TIFF may hold 12 bits in them, or count from white down, which Pillow leaves as it is.
    """
    bits, counts_from_white = 16, False
    if isinstance(image, TiffImageFile):
        bits = image.tag_v2.get(BITS_PER_SAMPLE, (16,))[0]
        counts_from_white = image.tag_v2.get(PHOTOMETRIC) == WHITE_IS_ZERO
    step = 255 / (2**bits - 1)
    grey = image.convert("I").point(lambda value: value * step + 0.5).convert("L")
    return ImageOps.invert(grey) if counts_from_white else grey


def over_white(image: Image.Image) -> Image.Image:
    layer = image.convert("RGBA")
    flat = Image.new("RGB", layer.size, WHITE)
    flat.paste(layer, mask=layer.getchannel("A"))
    return flat


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Undo the camera's rotation; an unknown orientation is taken as upright."""
    method = UPRIGHT.get(orientation)
    return image if method is None else image.transpose(method)


def square(flat: Image.Image, size: int, orientation: int = 1) -> Image.Image:
    """``flat`` (``L`` or ``RGB``) as upright RGB of ``size`` x ``size``.

    It is turned after the resize, which is cheaper and differs from the other order by at most
    one grey level.
    """
    if flat.size != (size, size):
        flat = flat.resize((size, size), Image.Resampling.BICUBIC)
    return _as(upright(flat, orientation), "RGB")


def thumbnail(flat: Image.Image, orientation: int = 1) -> Image.Image:
    """``flat`` as upright RGB of at most 320 pixels a side, never enlarged."""
    scale = min(1.0, PREVIEW_SIDE / max(flat.size))
    width, height = (max(1, round(side * scale)) for side in flat.size)
    small = flat.resize((width, height), Image.Resampling.BICUBIC)
    return upright(small, orientation).convert("RGB")
