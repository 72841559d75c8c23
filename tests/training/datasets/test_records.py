"""Lists in files: where their records are, what they say, and what is wrong with them."""

from __future__ import annotations

import io
import itertools
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from blipdb.training.datasets import scan
from blipdb.training.datasets.lists import caption_list
from blipdb.training.datasets.records import ONE, Expansion, Records
from blipdb.training.datasets.sample import Broken, DataError, Sample
from blipdb.training.datasets.scan import scan_array, scan_lines, scan_rows
from tests.training.datasets import corpora

HARD = [
    {"image": 'a "quoted" \\ path\\', "caption": "brackets ]}[{ in a text"},
    {"image": "b", "caption": ["nested", ["lists", {"and": "objects"}]]},
    {"image": "ü", "caption": "\u2028 and \\u00fc, \x00"},
    {"image": "", "empty": {}, "none": [], "number": 1.5e3, "true": True, "null": None},
]


@pytest.fixture(params=[1, 7, 64, 1 << 20])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Number of bytes that the scanner reads at once."""
    monkeypatch.setattr(scan, "CHUNK_BYTES", request.param)
    return int(request.param)


def found(data: bytes, key: str | None = None) -> list[Any]:
    places = scan_array(io.BytesIO(data), Path("x.json"), key)
    return [json.loads(data[start : start + length]) for start, length in places]


@pytest.mark.usefixtures("chunk")
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_the_objects_of_a_list_are_found(indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(HARD, indent=indent, ensure_ascii=ascii_only)
    assert found(text.encode()) == HARD
    assert found(b"\xef\xbb\xbf" + text.encode()) == HARD
    assert found(b" \n[ ] ") == []


@pytest.mark.usefixtures("chunk")
def test_the_list_under_a_key_is_found() -> None:
    value = {"info": {"images": [1], "x": "images"}, "y": [[2], "]"], "images": HARD, "z": [3]}
    assert found(json.dumps(value).encode(), "images") == HARD
    assert found(json.dumps(value, indent=1).encode(), "images") == HARD


@pytest.mark.usefixtures("chunk")
@pytest.mark.parametrize(
    ("data", "key", "message"),
    [
        (b"", None, r"x\.json is not JSON"),
        (b"hello", None, r"x\.json is not JSON"),
        (b"hello [", None, r"x\.json is not JSON"),
        (b'{"images": []}', None, r"begins with \{, and should be a list of records"),
        (b"[]", "images", r'begins with \[, and should be an object with a list "images"'),
        (b'{"a": [], "b": {}}', "images", r'has no list "images"; it has a, b'),
        (b'{"a": 1}', "images", r'has no list "images"; it has none'),
        (b'{"images": {}}', "images", r'has no list "images"; it has images'),
        (b'[{"a": 1}, {"a": ', None, "breaks off within record 1"),
        (b'[{"a": "', None, "breaks off within record 0"),
        (b'[{"a": 1}, ', None, "breaks off behind record 0"),
        (b'[{"a": 1} {"a": 2}]', None, r"'\{' at byte 11, where record 1 is expected"),
        (b'[{"a": 1}, 5, {"a": 2}]', None, r"', 5, \{' at byte 15, where record 1 is expected"),
        (b'["a", "b"]', None, r"""'"a", "b"\]' at byte 10, where record 0 is expected"""),
        (b"[[1], [2]]", None, r"'\[' at byte 2, where record 0 is expected"),
    ],
)
def test_what_is_no_list_of_objects_is_refused(data: bytes, key: str | None, message: str) -> None:
    with pytest.raises(DataError, match=message):
        found(data, key)


def test_what_has_no_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "MAX_RECORD_BYTES", 100)
    monkeypatch.setattr(scan, "CHUNK_BYTES", 10)
    with pytest.raises(DataError, match="no bracket in 100 bytes behind byte 7"):
        found(b'[{"a":{"' + b"x" * 200 + b'"}}]')
    with pytest.raises(DataError, match="the line at byte 3 has 100 bytes or more"):
        list(scan_lines(io.BytesIO(b"{}\n" + b" " * 200), Path("x")))


def test_lines_and_rows_are_found() -> None:
    lines = b'\n{"a": 1}\r\n\n  \n{"a": 2}'
    places = list(scan_lines(io.BytesIO(lines), Path("x")))
    assert [lines[start : start + length] for start, length in places] == [
        b'{"a": 1}\r\n',
        b'{"a": 2}',
    ]
    rows = b'a,b\n\n1,"x\n\n""y"""\r\n2,z'
    places = list(scan_rows(io.BytesIO(rows), Path("x"), ","))
    assert [rows[start : start + length] for start, length in places] == [
        b"a,b\n",
        b'1,"x\n\n""y"""\r\n',
        b"2,z",
    ]


def test_an_open_quote_is_named() -> None:
    rows = b'a,b\n1,"x\n' + b"2,y\n" * 100_000
    with pytest.raises(DataError, match=r"the row at byte 4: .*a quote is left open"):
        list(scan_rows(io.BytesIO(rows), Path("x"), ","))


TEXTS = Expansion("texts", lambda record: len(record["texts"]))


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_records_are_read_in_any_order(tmp_path: Path) -> None:
    path = corpora.json_list(tmp_path, 20)
    records = Records(path)
    assert len(records) == 20
    for number in (19, 0, 7, 7):
        assert records[number] == (json.loads(path.read_text())[number], 0)
    with pytest.raises(IndexError, match="row 20 of 20"):
        records[20]


def test_a_record_may_be_several_samples_or_none(tmp_path: Path) -> None:
    values = [{"texts": ["a", "b"]}, {"texts": []}, {}, {"texts": ["c"]}]
    records = Records(corpora.write_json(tmp_path / "x.json", values), TEXTS)
    expected = [(values[0], 0), (values[0], 1), (values[2], 0), (values[3], 0)]
    assert [records[number] for number in range(len(records))] == expected


def test_an_index_is_made_once_for_a_file_as_it_is(cache: Path, tmp_path: Path) -> None:
    path = corpora.write_json(tmp_path / "x.json", [{"texts": ["a", "b"]}])
    for expansion, count in ((ONE, 1), (TEXTS, 2), (ONE, 1), (TEXTS, 2)):
        assert len(Records(path, expansion)) == count
    made = {index: index.stat().st_mtime_ns for index in cache.glob("*.index")}
    assert len(made) == 2
    assert cache.stat().st_mode & 0o777 == 0o700
    corpora.write_json(path, [{"texts": ["a"]}, {"texts": []}])
    assert len(Records(path)) == 2
    assert len(list(cache.glob("*.index"))) == 3
    assert all(index.stat().st_mtime_ns == time for index, time in made.items())


def test_a_failed_index_leaves_nothing(cache: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", '[{"a": 1}, {"a"')
    for _ in range(2):
        with pytest.raises(DataError, match="breaks off within record 1"):
            Records(path)
    assert [index.suffix for index in cache.iterdir()] == [".lock"]


def test_a_cache_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(write(tmp_path / "file", "")))
    with pytest.raises(DataError, match=r"can't be written into .*/file/blipdb/.*XDG_CACHE_HOME"):
        Records(corpora.json_list(tmp_path, 1))


def test_keys_find_records_and_their_doubles(tmp_path: Path) -> None:
    values = [{"id": number, "texts": ["a", "b"]} for number in range(50)]
    records = Records(corpora.write_json(tmp_path / "x.json", values), TEXTS)
    keys = records.keys("id", lambda record: str(record["id"]))
    assert keys.find("17") == values[17]
    assert keys.find("50") is None
    double = corpora.write_json(tmp_path / "y.json", [*values, values[3], {"none": 1}])
    with pytest.raises(
        DataError, match=r"3 occurs twice: .*y\.json, byte 97; .*y\.json, byte 1,641"
    ):
        Records(double, TEXTS).keys("id", lambda record: str(record["id"]))


def samples(path: Path, **options: Any) -> list[Sample | Broken]:
    return list(caption_list(path, **options).once())


def test_blips_lists(tmp_path: Path) -> None:
    path = corpora.write_json(
        tmp_path / "x.json",
        [
            {"image": "a.jpg", "caption": "one", "image_id": 7},
            {"image": "b/c.jpg", "caption": ["two", "three"], "url": "http://x/c.jpg"},
            {"image": "/d.jpg", "text": "four"},
        ],
    )
    c = tmp_path / "b/c.jpg"
    assert samples(path) == [
        Sample((tmp_path / "a.jpg",), str(tmp_path / "a.jpg"), "one", id="7"),
        Sample((c,), str(c), "two"),
        Sample((c,), str(c), "three"),
        Sample((Path("/d.jpg"),), "/d.jpg", "four"),
    ]
    (tmp_path / "root").mkdir()
    first = samples(path, images=tmp_path / "root")[0]
    assert isinstance(first, Sample)
    assert first.images == (tmp_path / "root/a.jpg",)


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ({"caption": "a"}, "it has no image, in none of image, image_path, file_name"),
        ({"url": "http://x", "caption": "a"}, "it has a url and no image: download the images"),
        ({"image": "a.jpg"}, "it has no caption, in none of caption, text"),
        ({"image": "a.jpg", "caption": ""}, "its text is empty"),
        ({"image": "a.jpg", "caption": " \n"}, "its text is empty"),
        ({"image": "a.jpg", "caption": []}, "its list of captions is empty"),
        ({"image": "a.jpg", "caption": 5}, "its caption is no text: 5"),
        ({"image": "a.jpg", "caption": [None]}, "its caption is no text: None"),
        ({"image": 5, "caption": "a"}, "it has no image"),
        ({"image": "a\0b", "caption": "a"}, "its image's path has a NUL in it"),
    ],
)
def test_a_broken_record_is_a_broken_sample(
    record: dict[str, Any], reason: str, tmp_path: Path
) -> None:
    good = {"image": "a.jpg", "caption": "a"}
    path = corpora.write_json(tmp_path / "x.json", [good, record, good])
    first, broken, last = samples(path)
    assert isinstance(first, Sample)
    assert first == last
    assert isinstance(broken, Broken)
    assert broken.where == f"{path}, byte 37"
    assert broken.reason.startswith(reason)


def test_a_broken_line_is_a_broken_sample(tmp_path: Path) -> None:
    text = '{"image": "a", "caption": "b"}\n{"image": \n[1]\n' + "[" * 100_000 + "\n"
    found = samples(write(tmp_path / "x.jsonl", text))
    assert [one.kind if isinstance(one, Broken) else "" for one in found] == [
        "", "no JSON", "no object with fields", "no JSON",
    ]  # fmt: skip
    rows = "image,caption\na,b\nc\nd,e,f\ng,h\n"
    found = samples(write(tmp_path / "x.csv", rows))
    assert [one.reason if isinstance(one, Broken) else "" for one in found] == [
        "",
        "not as many fields as the heading: 1, not 2",
        "not as many fields as the heading: 3, not 2",
        "",
    ]


def test_a_list_of_another_layout_is_one_clear_error(tmp_path: Path) -> None:
    path = corpora.write_json(tmp_path / "x.json", [{"picture": "a", "title": "b"}] * 200)
    with pytest.raises(
        DataError, match=r"none of the first 100 .*x\.json, byte 1: it has no image"
    ):
        samples(path)
    rows = write(tmp_path / "x.csv", "a cat on a mat\thttp://x/cat.jpg\n" * 3)
    with pytest.raises(DataError, match=r"none of the first 2 samples .*x\.csv.*it has no image"):
        samples(rows)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("x.json", "[]", r"x\.json has no samples"),
        ("x.jsonl", "\n\n", r"x\.jsonl has no samples"),
        ("x.csv", "image,caption\n", r"x\.csv has no samples"),
        ("x.csv", "", r"x\.csv has no samples"),
        ("x.txt", "a", r"x\.txt is none of \.json, \.jsonl, \.ndjson, \.csv, \.tsv"),
    ],
)
def test_an_empty_or_foreign_file_is_named(
    name: str, text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=message):
        samples(write(tmp_path / name, text))


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.json can't be read: No such file"):
        samples(tmp_path / "none.json")
    with pytest.raises(DataError, match=r"\*\.json matches no file"):
        samples(tmp_path / "*.json")
    with pytest.raises(DataError, match="images: /nowhere is no folder"):
        samples(corpora.json_list(tmp_path, 1), images="/nowhere")


def test_several_lists_are_one(tmp_path: Path) -> None:
    for name in ("b", "a"):
        corpora.write_json(tmp_path / f"{name}.json", [{"image": name, "caption": name}])
    assert [one.key for one in samples(tmp_path / "*.json") if isinstance(one, Sample)] == [
        str(tmp_path / "a"),
        str(tmp_path / "b"),
    ]
    listed = caption_list([str(tmp_path / "b.json"), str(tmp_path / "a.json")])
    assert [one.text for one in listed.once() if isinstance(one, Sample)] == ["b", "a"]


@pytest.mark.parametrize(
    ("make", "kind"),
    [(corpora.json_list, "no JSON"), (corpora.csv_list, "not as many fields as the heading")],
)
def test_a_file_that_shrinks_meanwhile_breaks_samples_alone(
    make: Callable[[Path, int], Path], kind: str, tmp_path: Path
) -> None:
    path = make(tmp_path, 9)
    listed = caption_list(path)
    os.truncate(path, 100)
    found = list(listed.once())
    assert len(found) == 9
    assert isinstance(found[0], Sample)
    assert isinstance(found[-1], Broken)
    assert found[-1].kind == kind


def forever(one: Iterator[Sample | Broken]) -> list[Sample | Broken]:
    return list(itertools.islice(one, 12))


def test_broken_samples_have_their_place_in_a_stream(tmp_path: Path) -> None:
    records = [*corpora.records(tmp_path, 3), {"image": "x"}]
    listed = caption_list(corpora.write_json(tmp_path / "x.json", records))
    found = forever(listed.stream(1, 0, 1, 0))
    assert sum(isinstance(one, Broken) for one in found) == 3
    assert forever(listed.stream(1, 0, 1, 5))[:7] == found[5:]
