from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageFont

from blipdb.client.sheet import GAP, MARGIN, PAPER, Strip, Tile, draw_sheet, fit, write_sheet

RED, BLUE = (200, 10, 10), (10, 10, 200)


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> bytes:
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_pictures_stand_in_the_order_of_the_hits() -> None:
    strip = Strip("two", [Tile(picture(RED), ["first"]), Tile(picture(BLUE), ["second"])])
    sheet = draw_sheet([strip], tile=64)
    assert sheet.width == 2 * MARGIN + 2 * 64 + GAP
    row = next(y for y in range(sheet.height) if sheet.getpixel((MARGIN + 32, y)) == RED)
    assert sheet.getpixel((MARGIN + 64 + GAP + 32, row)) == BLUE


def test_strips_stand_below_each_other() -> None:
    strips = [Strip("a", [Tile(picture(RED), ["x"])]), Strip("b", [Tile(picture(BLUE), ["x"])])]
    sheet = draw_sheet(strips, tile=64)
    column = [sheet.getpixel((MARGIN + 32, y)) for y in range(sheet.height)]
    assert column.count(RED) == column.count(BLUE) == 64
    assert column.index(RED) < column.index(BLUE)


def test_a_wide_picture_keeps_its_shape() -> None:
    sheet = draw_sheet([Strip("wide", [Tile(picture(RED, (200, 100)), [])])], tile=100)
    column = [sheet.getpixel((MARGIN + 50, y)) for y in range(sheet.height)]
    assert column.count(RED) == 50


def test_every_line_is_drawn_under_its_picture() -> None:
    def ink(lines: list[str]) -> int:
        sheet = draw_sheet([Strip("t", [Tile(picture(RED), lines)])], tile=64)
        return sum(pixel != PAPER for pixel in sheet.get_flattened_data())

    assert ink([]) < ink(["one"]) < ink(["one", "two"])


def test_a_hit_without_preview_and_a_search_without_hit_are_said() -> None:
    without = draw_sheet([Strip("t", [Tile(None, [])])], tile=160)
    empty = draw_sheet([Strip("t", [])], tile=160)
    assert any(pixel != PAPER for pixel in without.get_flattened_data())
    assert empty.height < without.height


def test_a_picture_that_is_none_is_an_error() -> None:
    with pytest.raises(ValueError, match="preview can't be read"):
        draw_sheet([Strip("t", [Tile(b"no picture", [])])])
    with pytest.raises(ValueError, match="at least one strip"):
        draw_sheet([])


def test_text_is_cut_to_its_room() -> None:
    font = ImageFont.load_default(13)
    assert fit("short", font, 200) == "short"
    cut = fit("a red bicycle left of a very long sentence", font, 100)
    assert cut.endswith("…")
    assert cut.startswith("a red")
    assert font.getlength(cut) <= 100
    assert fit("one\ntwo\x1b[2Jthree", font, 400) == "one two [2Jthree"


def test_writing_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "sheet.png"
    strips = [Strip("t", [Tile(picture(RED), ["x"])])]
    assert write_sheet(path, strips, tile=64)
    assert not write_sheet(path, strips, tile=64)
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.size == draw_sheet(strips, tile=64).size
    assert write_sheet(path, [Strip("other", [])], tile=64)
