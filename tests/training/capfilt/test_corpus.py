"""Corpora of every kind come in, once, and what is broken is left out and told of."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import psycopg
import pytest

from blipdb.database import connection
from blipdb.settings import Settings
from blipdb.training.capfilt.corpus import CollectResult, collect
from tests.album import picture


def bring(url: str, spec: dict[str, object], origin: str = "web") -> CollectResult:
    with connection.connect(url, autocommit=True) as conn:
        return collect(conn, spec, origin)


def rows(url: str) -> list[tuple[str, str]]:
    with psycopg.connect(url) as conn:
        return conn.execute("SELECT origin, text FROM blip.captions ORDER BY text").fetchall()


def counted(url: str, table: str) -> int:
    with psycopg.connect(url) as conn:
        row = conn.execute(f"SELECT count(*) FROM blip.{table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def album(tmp_path: Path) -> Path:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(picture(number))
    return tmp_path


def as_json(album: Path) -> dict[str, object]:
    """BLIP's list."""
    records = [{"image": f"{n}.png", "caption": f"Text {n}!"} for n in range(3)]
    (album / "list.json").write_text(json.dumps(records))
    return {"kind": "json", "path": str(album / "list.json")}


def as_jsonl(album: Path) -> dict[str, object]:
    lines = [json.dumps({"image": f"{n}.png", "caption": f"Text {n}!"}) for n in range(3)]
    (album / "list.jsonl").write_text("\n".join(lines))
    return {"kind": "jsonl", "path": str(album / "list.jsonl")}


def as_csv(album: Path) -> dict[str, object]:
    lines = ["image,caption", *(f"{n}.png,Text {n}!" for n in range(3))]
    (album / "list.csv").write_text("\n".join(lines))
    return {"kind": "csv", "path": str(album / "list.csv")}


def as_folder(album: Path) -> dict[str, object]:
    for n in range(3):
        (album / f"{n}.txt").write_text(f"Text {n}!")
    return {"kind": "folder", "path": str(album)}


def as_coco(album: Path) -> dict[str, object]:
    """COCO's annotations."""
    images = [
        {
            "filepath": "",
            "filename": f"{n}.png",
            "split": "train",
            "cocoid": n,
            "sentences": [{"raw": f"Text {n}!"}],
        }
        for n in range(3)
    ]
    (album / "dataset.json").write_text(json.dumps({"dataset": "coco", "images": images}))
    return {
        "kind": "coco",
        "path": str(album / "dataset.json"),
        "images": str(album),
        "split": "train",
    }


def as_shard(album: Path) -> dict[str, object]:
    with tarfile.open(album / "a.tar", "w") as tar:
        for n in range(3):
            for suffix, data in (("png", picture(n)), ("txt", f"Text {n}!".encode())):
                member = tarfile.TarInfo(f"{n}.{suffix}")
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
    return {"kind": "webdataset", "shards": str(album / "a.tar")}


@pytest.mark.parametrize("kind", [as_json, as_jsonl, as_csv, as_folder, as_coco, as_shard])
def test_every_kind_comes_in_as_it_is(database: str, album: Path, kind: object) -> None:
    spec = kind(album)  # type: ignore[operator]
    assert bring(database, spec).samples == 3
    assert rows(database) == [("web", f"Text {n}!") for n in range(3)]
    is_file = spec["kind"] != "webdataset"
    assert counted(database, "files") == (3 if is_file else 0)
    assert counted(database, "images WHERE content IS NOT NULL") == (0 if is_file else 3)


def test_again_nothing_is_added(database: str, album: Path) -> None:
    spec = as_json(album)
    bring(database, spec)
    assert bring(database, spec).samples == 3
    assert (counted(database, "images"), counted(database, "captions")) == (3, 3)
    bring(database, spec, "human")
    assert (counted(database, "images"), counted(database, "captions")) == (3, 6)


def test_what_is_broken_is_left_out(database: str, album: Path) -> None:
    (album / "1.png").write_bytes(picture(1)[:-40])
    records = [
        *({"image": f"{n}.png", "caption": f"text {n}"} for n in range(3)),
        {"image": "gone.png", "caption": "lost"},
        {"image": "0.png", "caption": "another"},
    ]
    (album / "list.json").write_text(json.dumps(records))
    found = bring(database, {"kind": "json", "path": str(album / "list.json")})
    assert found.samples == 3
    assert found.broken.total() == 2
    assert any("gone.png" in first for first in found.first.values())
    assert [text for _, text in rows(database)] == ["another", "text 0", "text 2"]


def test_an_active_model_gets_its_jobs(ready: Settings, album: Path) -> None:
    bring(ready.database_url(), as_json(album))
    assert counted(ready.database_url(), "jobs WHERE stage = 'encode' AND state = 'p'") == 3
