"""WebDataset shards: from files and URLs, whole and broken, shared among parts."""

from __future__ import annotations

import io
import itertools
import json
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from blipdb.training.datasets import shards as module
from blipdb.training.datasets.braces import expand
from blipdb.training.datasets.download import MAX_TRIES, Download, DownloadError, redact_url
from blipdb.training.datasets.sample import Broken, DataError, Sample
from blipdb.training.datasets.shards import ShardCounts, ShardEpochs, Shards, webdataset
from blipdb.training.datasets.tarred import Shard
from blipdb.training.datasets.turns import Turns
from tests.album import picture
from tests.training.datasets import corpora
from tests.training.datasets.corpora import caption, served

COUNTS = (3, 1, 4, 2, 5)
JPEG = picture(1, "JPEG")


def texts(found: Any, count: int | None = None) -> list[str]:
    return [
        one.text if isinstance(one, Sample) else str(one) for one in itertools.islice(found, count)
    ]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a.tar", ["a.tar"]),
        ("a-{8..11}.tar", ["a-8.tar", "a-9.tar", "a-10.tar", "a-11.tar"]),
        ("a-{098..101}", ["a-098", "a-099", "a-100", "a-101"]),
        ("{2..0}", ["2", "1", "0"]),
        ("{x,y}-{0..1}", ["x-0", "x-1", "y-0", "y-1"]),
        ("{a,b{1..2}}", ["a", "b1", "b2"]),
        ("{a,}b", ["ab", "b"]),
    ],
)
def test_braces(pattern: str, names: list[str]) -> None:
    assert sorted(expand(pattern)) == sorted(names)
    if "{a,b" not in pattern:
        assert list(expand(pattern)) == names


def test_a_shards_samples(tmp_path: Path) -> None:
    data = webdataset(corpora.write_shards(tmp_path, (2, 1)))
    found = list(data.once())
    assert [one.text for one in found if isinstance(one, Sample)] == [caption(n) for n in range(3)]
    last = found[-1]
    assert isinstance(last, Sample)
    assert last.key == f"{tmp_path}/shards-001.tar/000002"
    assert last.id == "000002"
    assert last.images == (picture(2, "JPEG"),)


@pytest.mark.parametrize("shards", ["shards-*.tar", ["shards-001.tar", "shards-000.tar"]])
def test_globs_and_lists(
    shards: str | list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpora.write_shards(tmp_path, (1, 1))
    monkeypatch.chdir(tmp_path)
    expected = [caption(0), caption(1)] if isinstance(shards, str) else [caption(1), caption(0)]
    assert texts(webdataset(shards).once()) == expected


@pytest.mark.parametrize(
    ("shards", "message"),
    [
        ("none-{0..1}.tar", r"there is no file .*none-0\.tar"),
        ("*.none", r"there is no file .*\*\.none"),
        ([], "shards is empty"),
        ("s3://bucket/a.tar", "s3://bucket/a.tar is neither a file nor an http or https URL"),
        ("pipe:rm -rf x", "pipe:rm -rf x is neither a file"),
        (["shards-000.tar", "shards-{000..001}.tar"], r"shards-000\.tar is named twice"),
    ],
)
def test_what_names_no_shards_is_refused(
    shards: str | list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpora.write_shards(tmp_path, (1, 1))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=f"webdataset: {message}|the shard {message}"):
        webdataset(shards)


def read(*files: tuple[str, bytes], cut: int | None = None) -> list[Sample | Broken]:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, data in files:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    data = out.getvalue()
    return list(Shard(io.BytesIO(data if cut is None else data[:cut]), "s.tar").samples())


GOOD = (("b.jpg", JPEG), ("b.txt", b"good"))


def test_captions_of_text_and_json() -> None:
    both = json.dumps({"caption": "json"}).encode()
    many = json.dumps({"caption": ["one", "two"], "other": 1}).encode()
    found = read(
        ("a/1.jpg", JPEG), ("a/1.json", both), ("a/1.txt", b"text\n"),
        ("a/2.json", both), ("a/2.PNG", JPEG), ("a/2.seg.png", b"mask"), ("a/2.cls", b"3"),
        ("a/3.webp", JPEG), ("a/3.json", many),
        ("._x.jpg", b"of a Mac"), ("README", b"not a sample"),
    )  # fmt: skip
    assert [(one.key, one.text) for one in found if isinstance(one, Sample)] == [
        ("s.tar/a/1", "text"), ("s.tar/a/2", "json"), ("s.tar/a/3", "one"), ("s.tar/a/3", "two"),
    ]  # fmt: skip
    assert len(found) == 4


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([("a.jpg", JPEG)], "it has no caption, neither txt nor json"),
        ([("a.txt", b"x")], "it has no image, none of jpg, jpeg, png, webp"),
        ([("a.gif", JPEG), ("a.txt", b"x")], "it has no image"),
        ([("a.jpg", JPEG), ("a.txt", b" \n")], "its text is empty"),
        ([("a.jpg", JPEG), ("a.json", b"{")], "no JSON: "),
        ([("a.jpg", JPEG), ("a.json", b"[]")], "its json is no object with fields"),
        ([("a.jpg", JPEG), ("a.json", b'{"caption": []}')], "its list of captions is empty"),
        ([("a.jpg", JPEG), ("a.json", b'{"url": ""}')], "it has no caption, in none of"),
        ([("a.jpg", JPEG), ("a.jpg", JPEG), ("a.txt", b"x")], "two files of one name"),
        ([("a.jpg", JPEG), ("a.txt", b"x" * (1 << 20 | 1))], "txt too large: 1,048,577 bytes"),
    ],
)
def test_a_broken_sample_leaves_the_others(files: list[tuple[str, bytes]], reason: str) -> None:
    broken, good = read(*files, *GOOD)
    assert isinstance(broken, Broken)
    assert broken.where == "s.tar/a"
    assert broken.reason.startswith(reason)
    assert isinstance(good, Sample)


def test_a_name_that_occurs_twice_is_broken() -> None:
    found = read(*GOOD, ("c.jpg", JPEG), ("c.txt", b"x"), *GOOD)
    assert [str(one) for one in found if isinstance(one, Broken)] == [
        "s.tar/b: its name occurs twice in the shard"
    ]


def test_a_damaged_shard_gives_what_it_has() -> None:
    files = [
        (f"{n}.{suffix}", data) for n in range(3) for suffix, data in (("jpg", JPEG), ("txt", b"x"))
    ]
    block = 512 + -(-len(JPEG) // 512) * 512 + 1024
    for cut, reason in (
        (2 * block + 600, "damaged tar: unexpected end of data"),
        (2 * block, "truncated tar: its end is missing"),
        (3 * block, "truncated tar: its end is missing"),
        (0, "damaged tar: empty file"),
    ):
        *good, last = read(*files, cut=cut)
        assert len(good) == cut // block
        assert all(isinstance(one, Sample) for one in good)
        assert str(last) == f"s.tar: {reason}"
    assert [str(one) for one in read()] == ["s.tar: it holds no samples"]
    garbage = list(Shard(io.BytesIO(b"garbage" * 1000), "s.tar").samples())
    assert [one.kind for one in garbage if isinstance(one, Broken)] == ["damaged tar"]


def sizes(counts: tuple[int, ...], parts: int, seed: int, epoch: int) -> list[int]:
    """Number of samples of each part in an epoch."""
    return [
        sum(
            len(range(piece.first, counts[piece.shard], piece.every))
            for piece in ShardEpochs(len(counts), seed, part, parts)[epoch]
        )
        for part in range(parts)
    ]


@pytest.mark.parametrize("parts", [1, 2, 5, 7, 20])
def test_an_epoch_has_each_sample_in_one_part(parts: int, tmp_path: Path) -> None:
    data = webdataset(corpora.write_shards(tmp_path, COUNTS))
    begins = [0] * parts
    for epoch in range(3):
        found: list[str] = []
        for part, size in enumerate(sizes(COUNTS, parts, 3, epoch)):
            found += texts(data.stream(3, part, parts, begins[part]), size)
            begins[part] += size
        assert Counter(found) == Counter(caption(n) for n in range(sum(COUNTS)))


def test_parts_have_shards_of_their_own_where_there_are_enough() -> None:
    for parts in (1, 2, 5):
        dealt = [piece for part in range(parts) for piece in ShardEpochs(5, 1, part, parts)[0]]
        assert sorted(piece.shard for piece in dealt) == list(range(5))
        assert {(piece.first, piece.every) for piece in dealt} == {(0, 1)}


def test_a_part_takes_from_several_shards_in_turn(tmp_path: Path) -> None:
    data = webdataset(corpora.write_shards(tmp_path, (10, 10, 10, 10, 10)))
    numbers = [int(text.split()[-1]) // 10 for text in texts(data.stream(1, 0, 1, 0), 40)]
    assert all(len(set(numbers[n : n + 4])) == 4 for n in range(0, 40, 4))


@pytest.mark.parametrize("counts", [(), (1,), (5,), (0, 0), (2, 0, 3), (3, 1, 4, 1, 5, 9, 2, 6)])
@pytest.mark.parametrize("width", [1, 2, 4])
def test_turns_are_where_reading_would_be(counts: tuple[int, ...], width: int) -> None:
    def begin(reader: int, taken: int) -> Any:
        return iter([(reader, n) for n in range(taken, counts[reader])])

    def rest(places: int) -> list[tuple[int, int]]:
        turns = Turns(len(counts), width)
        assert turns.skip(places, lambda reader: counts[reader]) == max(0, places - sum(counts))
        return list(turns.read(turns.open(begin), begin))

    whole = rest(0)
    assert sorted(whole) == [
        (reader, n) for reader, count in enumerate(counts) for n in range(count)
    ]
    for places in range(sum(counts) + 3):
        assert rest(places) == whole[places:]


def test_counts_are_remembered(cache: Path, tmp_path: Path) -> None:
    pattern = corpora.write_shards(tmp_path, COUNTS)
    assert webdataset(pattern).size is None
    assert webdataset(pattern, samples=99).size == 99
    list(itertools.islice(webdataset(pattern).stream(1, 0, 1, 0), 40))
    assert webdataset(pattern).size == sum(COUNTS)
    (path,) = cache.glob("*.counts")
    with path.open("a") as file:
        file.write('["cut off')
    assert webdataset(pattern).size == sum(COUNTS)
    corpora.write_tar(tmp_path / "shards-001.tar", GOOD * 2)
    assert webdataset(pattern).size is None


def test_a_later_start_passes_over_whole_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pattern = corpora.write_shards(tmp_path, (3,) * 12)
    whole = texts(webdataset(pattern).stream(1, 0, 1, 0), 60)
    opened: list[str] = []
    original = module._stream

    def noting(name: str) -> Any:
        opened.append(name)
        return original(name)

    monkeypatch.setattr(module, "_stream", noting)
    for start, most in ((12, 1), (14, 3), (36 + 14, 3), (36 + 17, 4)):
        opened.clear()
        assert texts(webdataset(pattern).stream(1, 0, 1, start), 1) == [whole[start]]
        assert len(opened) <= most


def test_a_start_without_counts_reads_on(cache: Path, tmp_path: Path) -> None:
    """As after the first epoch broke off, on a machine with another cache."""
    pattern = corpora.write_shards(tmp_path, COUNTS)
    whole = texts(webdataset(pattern).stream(1, 0, 1, 0), 60)
    for start in range(40):
        for path in cache.glob("*.counts"):
            path.unlink()
        assert texts(webdataset(pattern).stream(1, 0, 1, start), 9) == whole[start : start + 9]


def test_shards_come_by_url(tmp_path: Path) -> None:
    pattern = corpora.write_shards(tmp_path, COUNTS)
    with served(tmp_path) as server:
        remote = webdataset(f"{server.url}/{Path(pattern).name}?key=secret")
        found = list(remote.once())
        assert texts(found) == texts(webdataset(pattern).once())
        first = found[0]
        assert isinstance(first, Sample)
        assert first.key == f"{server.url}/shards-000.tar/000000"
        assert texts(remote.stream(1, 1, 2, 3), 20) == texts(
            webdataset(pattern).stream(1, 1, 2, 3), 20
        )
        assert {path.partition("?")[2] for path, _ in server.requests} == {"key=secret"}


@pytest.mark.parametrize("ranges", [True, False])
def test_a_broken_download_goes_on_where_it_was(ranges: bool, tmp_path: Path) -> None:
    pattern = corpora.write_shards(tmp_path, (9,))
    whole = (tmp_path / "shards-000.tar").read_bytes()
    with served(tmp_path) as server:
        server.ranges = ranges
        server.breaks = [5000, 0, 7000, 1] if ranges else [5000, 9000, 12_000]
        breaks = len(server.breaks)
        assert texts(webdataset(f"{server.url}/shards-000.tar").once()) == texts(
            webdataset(pattern).once()
        )
        assert len(server.requests) == breaks + 1
        assert [wanted for _, wanted in server.requests][:2] == [None, "bytes=5000-"]
        server.breaks = [1000] * 40  # each try gains something
        if ranges:
            download = Download(f"{server.url}/shards-000.tar")
            data = b"".join(iter(lambda: download.read(700), b""))
            download.close()
            assert data == whole


def test_what_cannot_be_downloaded_is_a_broken_sample(tmp_path: Path) -> None:
    corpora.write_shards(tmp_path, (2, 2))
    with served(tmp_path) as server:
        missing = webdataset([f"{server.url}/none.tar", f"{server.url}/shards-001.tar"])
        broken, *good = missing.once()
        assert str(broken) == f"{server.url}/none.tar: the server answers 404 Not Found"
        assert len(good) == 2
        assert len(server.requests) == 2  # 404 is not asked again
        server.answers = [503] * (MAX_TRIES - 1)
        assert len(list(webdataset(f"{server.url}/shards-000.tar").once())) == 2
        server.answers = [503] * MAX_TRIES
        (broken,) = webdataset(f"{server.url}/shards-000.tar").once()
        assert isinstance(broken, Broken)
        assert broken.reason == "the server answers 503 Service Unavailable"
        server.breaks = [3000] + [0] * MAX_TRIES
        *_, broken = webdataset(f"{server.url}/shards-000.tar").once()
        assert isinstance(broken, Broken)
        assert broken.kind == "it breaks off"
        url = server.url
    (broken,) = webdataset(f"{url}/shards-000.tar").once()
    assert isinstance(broken, Broken)
    assert broken.kind == "no connection"


def test_a_failed_download_is_no_count(tmp_path: Path) -> None:
    corpora.write_shards(tmp_path, (4,))
    with served(tmp_path) as server:
        url = f"{server.url}/shards-000.tar"
        server.answers = [404]
        assert len(list(webdataset(url).once())) == 1
        assert ShardCounts([url]).get(0) is None
        assert len(list(webdataset(url).once())) == 4
        assert ShardCounts([url]).get(0) == 4


def test_a_file_that_changes_while_it_is_read_is_named(tmp_path: Path) -> None:
    corpora.write_shards(tmp_path, (4,))
    with served(tmp_path) as server:
        server.breaks = [2000]
        download = Download(f"{server.url}/shards-000.tar")
        assert download.read(1000)
        server.tag = "2"
        with pytest.raises(DownloadError, match="it has changed since it was begun"):
            list(iter(lambda: download.read(1000), b""))


def test_passwords_and_keys_are_not_shown() -> None:
    assert redact_url("https://me:secret@host:8/a/b.tar?key=secret#x") == "https://host:8/a/b.tar"


def test_a_vanished_shard_is_a_broken_sample(tmp_path: Path) -> None:
    data = webdataset(corpora.write_shards(tmp_path, (2, 2)))
    (tmp_path / "shards-000.tar").unlink()
    broken, *good = data.once()
    assert str(broken) == f"{tmp_path}/shards-000.tar: it can't be read: No such file or directory"
    assert len(good) == 2
    assert len(list(itertools.islice(data.stream(1, 0, 1, 7), 9))) == 9


def test_an_early_end_of_a_known_shard_is_found_out(tmp_path: Path) -> None:
    pattern = corpora.write_shards(tmp_path, (6, 6))
    data = webdataset(pattern)
    list(data.once())
    wrong = Shards([str(tmp_path / f"shards-00{n}.tar") for n in range(2)])
    wrong._counts.note(0, 60, lasting=False)
    assert texts(wrong.stream(1, 0, 1, 14), 5) == texts(data.stream(1, 0, 1, 14), 5)
