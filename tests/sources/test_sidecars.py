"""Captions beside files and in tables, down to what a table gets wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blipdb.errors import UsageError
from blipdb.sources.captions import MAX_BESIDE, MAX_TEXT, clean, gather
from blipdb.sources.records import Caption


def photo(folder: Path, name: str) -> str:
    return str(folder / name)


def texts(table: Path, *uris: str) -> dict[str, list[str]]:
    captions = gather(uris, [table])
    assert captions.warnings == []
    return {Path(uri).name: [c.text for c in known] for uri, known in captions.by_uri.items()}


def test_a_text_beside_a_photo_holds_a_caption_a_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes("\ufeffein Fahrrad  am Fluß\r\n\r\n red\tbicycle \n".encode())
    uri = photo(tmp_path, "a.jpg")
    captions = gather([uri, photo(tmp_path, "b.jpg")])
    assert captions.by_uri == {uri: [Caption("ein Fahrrad am Fluß"), Caption("red bicycle")]}
    assert captions.by_uri[uri][0].origin == "web"


def test_a_text_beside_that_is_no_caption_is_left_out_and_said(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x" * (MAX_BESIDE + 1))
    (tmp_path / "b.txt").write_text("y" * (MAX_TEXT + 1))
    (tmp_path / "c.txt").mkdir()
    captions = gather([photo(tmp_path, name) for name in ("a.jpg", "b.jpg", "c.jpg")])
    assert captions.by_uri == {}
    assert captions.warnings == [
        f"{tmp_path}/a.txt is left out: over 65,536 bytes",
        f"{tmp_path}/b.txt: a caption of 4,097 characters is left out; 4,096 are kept",
    ]


def test_clean_leaves_one_line_without_controls() -> None:
    assert clean(" a\x00b\u0085\n\tc\ud800 ") == "a b c"


CAPTIONS = {"a.jpg": ["one", "two"], "b.jpg": ["three"]}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.csv", "image,caption\na.jpg,one\na.jpg,two\nb.jpg,three\n"),
        ("c.csv", "\ufeffFile_Name;Text\r\na.jpg;one\r\na.jpg;two\r\nb.jpg;three\r\n"),
        (
            "c.csv",
            "image_name| comment_number| comment\na.jpg| 0| one\na.jpg| 1| two\nb.jpg|0|three",
        ),
        ("c.tsv", "path\ttext\na.jpg\tone\na.jpg\ttwo\nb.jpg\tthree\nb.jpg\t\n"),
        (
            "c.jsonl",
            '{"file_name":"a.jpg","text":["one","two"]}\n\n{"file":"b.jpg","text":"three"}',
        ),
        ("c.json", json.dumps(CAPTIONS)),
        ("c.json", json.dumps([{"file": k, "captions": v} for k, v in CAPTIONS.items()])),
        (
            "c.json",
            json.dumps(
                {
                    "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "b.jpg"}],
                    "annotations": [
                        {"image_id": 7, "caption": "one"},
                        {"image_id": 8, "caption": "three"},
                        {"image_id": 7, "caption": "two"},
                    ],
                }
            ),
        ),
    ],
)
def test_every_format_of_a_table(tmp_path: Path, name: str, text: str) -> None:
    table = tmp_path / name
    table.write_text(text, newline="")
    assert texts(table, photo(tmp_path, "a.jpg"), photo(tmp_path, "b.jpg")) == CAPTIONS


def test_a_quoted_caption_keeps_its_comma_and_loses_its_line_break(tmp_path: Path) -> None:
    table = tmp_path / "c.csv"
    table.write_text('image,caption\na.jpg,"red, ""fast""\nbicycle"\n')
    assert texts(table, photo(tmp_path, "a.jpg")) == {"a.jpg": ['red, "fast" bicycle']}


def test_a_file_is_found_by_path_from_the_table_or_by_the_end_of_its_path(tmp_path: Path) -> None:
    uris = [photo(tmp_path / "x", "a.jpg"), photo(tmp_path / "y", "a.jpg"), "/far/z/b.jpg"]
    table = tmp_path / "x" / "c.json"
    table.parent.mkdir()
    rows = {"a.jpg": "near", "../y/a.jpg": "up", "z/b.jpg": "end", "/far/z/b.jpg": "absolute"}
    table.write_text(json.dumps(rows))
    captions = gather(uris, [table])
    assert captions.warnings == []
    assert {uri: [c.text for c in known] for uri, known in captions.by_uri.items()} == {
        uris[0]: ["near"],
        uris[1]: ["up"],
        uris[2]: ["end", "absolute"],
    }


def test_names_that_match_nothing_or_more_than_one_file_are_counted(tmp_path: Path) -> None:
    table = tmp_path / "c.json"
    table.write_text(json.dumps({"a.jpg": "which?", "gone.jpg": "x", "b.jpg": "ok"}))
    uris = [photo(tmp_path / "x", "a.jpg"), photo(tmp_path / "y", "a.jpg"), "/far/b.jpg"]
    captions = gather(uris, [table])
    assert captions.by_uri == {"/far/b.jpg": [Caption("ok")]}
    assert captions.warnings == [
        f"{table} names 2 files that were not among the images, as a.jpg, gone.jpg"
    ]


def test_a_row_may_say_that_a_person_wrote_it(tmp_path: Path) -> None:
    table = tmp_path / "c.csv"
    table.write_text("image,caption,origin\na.jpg,one,human\na.jpg,one,\na.jpg,one,web\n")
    uri = photo(tmp_path, "a.jpg")
    assert gather([uri], [table]).by_uri == {uri: [Caption("one", "human"), Caption("one", "web")]}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "c.csv",
            "picture,caption\n",
            "has no field for the file; its fields are picture, caption",
        ),
        ("c.csv", "image,words\n", "has no field for the caption"),
        ("c.csv", "", "has no field for the file; its fields are none"),
        ("c.csv", "image,caption,origin\na.jpg,x,alien\n", "the origin 'alien' is not known"),
        ("c.json", "{", "is not JSON"),
        ("c.json", "[" * 9_999, "is not JSON: maximum recursion depth"),
        ("c.json", "3", "is neither a list of captions nor an object"),
        ("c.json", "[3]", "3 is not an object with fields"),
        ("c.json", '{"a.jpg": 3}', "file 'a.jpg' with caption 3 are not texts"),
        ("c.json", '{"images": [], "annotations": [{"image_id": 1}]}', "lacks 1"),
        ("c.jsonl", '{"file":"a","text":"b"}\nx', "line 2 is not JSON"),
        ("c.xml", "<a/>", "have a suffix that is not known"),
    ],
)
def test_a_table_that_is_none_says_what_is_wrong(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    table = tmp_path / name
    table.write_text(text)
    with pytest.raises(UsageError) as caught:
        gather([photo(tmp_path, "a.jpg")], [table])
    assert message in caught.value.message
    assert str(table) in caught.value.message


def test_a_table_that_is_not_there_or_not_utf8_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="can't be read: No such file"):
        gather([], [tmp_path / "gone.csv"])
    (tmp_path / "c.csv").write_bytes(b"image,caption\na.jpg,\xff\n")
    with pytest.raises(UsageError, match=r"are not UTF-8 \(byte 20\)"):
        gather([], [tmp_path / "c.csv"])
