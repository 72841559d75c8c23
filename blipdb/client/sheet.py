"""Contact sheets: searches and their hits, as pictures with scores, in one PNG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from uuid import UUID

from PIL import Image, ImageDraw, ImageFont, UnidentifiedImageError

from .results import Hit

PAPER = (250, 250, 248)
INK = (32, 32, 32)
FAINT = (120, 120, 120)
FRAME = (214, 214, 210)

MARGIN = 24  # pixels, round the sheet and between strips
GAP = 16  # pixels between tiles
TITLE_SIZE = 22  # points
LINE_SIZE = 13
LINE_HEIGHT = 19  # pixels

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True)
class Tile:
    """A picture and the lines under it."""

    picture: bytes | None
    """JPEG or PNG that a confined decoder made; None: there is no picture to show."""
    lines: Sequence[str]


@dataclass(frozen=True)
class Strip:
    """A search as title, and its hits as tiles, best first."""

    title: str
    tiles: Sequence[Tile]


def strip_of(title: str, hits: Sequence[Hit], previews: Mapping[UUID, bytes]) -> Strip:
    """Make the strip of a search: its hits with their scores."""
    return Strip(
        title,
        [
            Tile(previews.get(hit.image_id), _lines(number, hit))
            for number, hit in enumerate(hits, 1)
        ],
    )


def _lines(number: int, hit: Hit) -> list[str]:
    itm = "" if hit.itm is None else f"itm {hit.itm:.3f} · "
    name = hit.uri.rsplit("/", 1)[-1] if hit.uri else str(hit.image_id)
    lines = [f"{number}.  score {hit.score:.2f}", f"{itm}itc {hit.itc:.3f}", name]
    return [*lines, hit.caption] if hit.caption else lines


def draw_sheet(strips: Sequence[Strip], *, tile: int = 192) -> Image.Image:
    """Draw ``strips`` below each other, in RGB; ``tile`` is the side of a picture in pixels.

    Text that is too wide ends in an ellipsis. A tile without a picture has a note instead.

    Raises:
        ValueError: there is no strip, or a picture that Pillow can't read as JPEG or PNG.
    """
    if not strips:
        raise ValueError("a contact sheet needs at least one strip")
    columns = max(1, max(len(strip.tiles) for strip in strips))
    heights = [_strip_height(strip, tile) for strip in strips]
    width = 2 * MARGIN + columns * tile + (columns - 1) * GAP
    height = MARGIN + sum(height + MARGIN for height in heights)
    sheet = Image.new("RGB", (width, height), PAPER)
    top = MARGIN
    for strip, strip_height in zip(strips, heights, strict=True):
        _draw_strip(sheet, strip, top, tile)
        top += strip_height + MARGIN
    return sheet


def write_sheet(path: Path, strips: Sequence[Strip], *, tile: int = 192) -> bool:
    """Write the sheet to ``path`` as PNG; return False if the file already holds the same bytes."""
    buffer = BytesIO()
    draw_sheet(strips, tile=tile).save(buffer, "PNG", optimize=True)
    if path.is_file() and path.read_bytes() == buffer.getvalue():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(buffer.getvalue())
    return True


def _strip_height(strip: Strip, tile: int) -> int:
    lines = max((len(one.lines) for one in strip.tiles), default=1)
    picture = tile if strip.tiles else 0
    return TITLE_SIZE + GAP + picture + GAP // 2 + lines * LINE_HEIGHT


def _draw_strip(sheet: Image.Image, strip: Strip, top: int, tile: int) -> None:
    draw = ImageDraw.Draw(sheet)
    title, line = ImageFont.load_default(TITLE_SIZE), ImageFont.load_default(LINE_SIZE)
    room = sheet.width - 2 * MARGIN
    draw.text((MARGIN, top), fit(strip.title, title, room), INK, title)
    top += TITLE_SIZE + GAP
    if not strip.tiles:
        draw.text((MARGIN, top), "no hits", FAINT, line)
    for number, one in enumerate(strip.tiles):
        left = MARGIN + number * (tile + GAP)
        _draw_picture(sheet, one.picture, left, top, tile)
        for row, text in enumerate(one.lines):
            where = (left, top + tile + GAP // 2 + row * LINE_HEIGHT)
            draw.text(where, fit(text, line, tile), INK if row == 0 else FAINT, line)


def _draw_picture(
    sheet: Image.Image, picture: bytes | None, left: int, top: int, tile: int
) -> None:
    draw = ImageDraw.Draw(sheet)
    if picture is None:
        draw.text(
            (left + 8, top + 8), "no picture to show", FAINT, ImageFont.load_default(LINE_SIZE)
        )
    else:
        image = _open(picture)
        image.thumbnail((tile, tile), Image.Resampling.LANCZOS)
        sheet.paste(image, (left + (tile - image.width) // 2, top + (tile - image.height) // 2))
    draw.rectangle((left - 1, top - 1, left + tile, top + tile), outline=FRAME)


def _open(picture: bytes) -> Image.Image:
    try:
        return Image.open(BytesIO(picture), formats=("JPEG", "PNG")).convert("RGB")
    except (UnidentifiedImageError, OSError) as error:
        raise ValueError(f"a preview can't be read: {error}") from error


def fit(text: str, font: _Font, room: int) -> str:
    """Cut ``text`` to ``room`` pixels, with an ellipsis if it is longer."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if font.getlength(text) <= room:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (
            (middle, high) if font.getlength(text[:middle] + "…") <= room else (low, middle - 1)
        )
    return text[:low].rstrip() + "…"
