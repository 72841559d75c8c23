"""blipdb's own tables as a dataset, from a real PostgreSQL."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from blipdb.errors import DatabaseError
from blipdb.identity import caption_id, image_id
from blipdb.training.datasets import database as module
from blipdb.training.datasets.database import CapFilt
from blipdb.training.datasets.open import open_dataset
from blipdb.training.datasets.sample import Broken, DataError, Sample
from tests.album import picture

Connection = psycopg.Connection[Any]

COUNT = 12  # images, with two captions that stay and one that doesn't


def add(conn: Connection, number: int, path: Path | None = None) -> UUID:
    """An image with its content, or in a file; one caption by a person, one that was judged."""
    data = picture(number)
    id = image_id("", data)
    conn.execute(
        "INSERT INTO blip.images (image_id, sha256, mime, bytes, content)"
        " VALUES (%s, sha256(%s), 'image/png', %s, %s)",
        [id, data, len(data), None if path else data],
    )
    if path:
        path.write_bytes(data)
        conn.execute(
            "INSERT INTO blip.files (uri, image_id, is_ingested) VALUES (%s, %s, true)",
            [str(path), id],
        )
    for origin, text, itm in (
        ("human", f"person {number}", None),
        ("web", f"web {number}", 0.75),
        ("web", f"noise {number}", 0.25),
    ):
        conn.execute(
            "INSERT INTO blip.captions (image_id, caption_id, text, origin, itm)"
            " VALUES (%s, %s, %s, %s, %s)",
            [id, caption_id(origin, text), text, origin, itm],
        )
    return id


@pytest.fixture
def url(database: str, tmp_path: Path) -> str:
    """A database with images in rows and in files."""
    with psycopg.connect(database) as conn:
        for number in range(COUNT):
            add(conn, number, tmp_path / f"{number}.png" if number % 3 == 0 else None)
    return database


def texts(found: Iterator[Sample | Broken], count: int | None = None) -> list[str]:
    chosen = itertools.islice(found, count)
    return [one.text if isinstance(one, Sample) else str(one) for one in chosen]


KEPT = sorted(f"{origin} {n}" for n in range(COUNT) for origin in ("person", "web"))


def test_captions_that_were_kept_come_with_their_images(url: str) -> None:
    data = CapFilt(url)
    assert len(data) == 2 * COUNT
    found = list(data.once())
    assert sorted(texts(iter(found))) == KEPT
    keys = []
    for one in found:
        assert isinstance(one, Sample)
        origin, number = one.text.split()
        content = picture(int(number))
        assert one.images == (content,)
        assert one.key == str(image_id("", content))
        assert one.id == str(caption_id("human" if origin == "person" else "web", one.text))
        keys.append((UUID(one.key), UUID(one.id)))
    assert keys == sorted(keys)


@pytest.mark.parametrize("at_once", [1, 5, 64])
def test_a_stream_is_a_datasets(url: str, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TEXTS_PER_QUERY", at_once)
    data = open_dataset({"kind": "database", "url": url})
    dealt = [texts(data.stream(3, part, 3, 0), 20) for part in range(3)]
    turns = [text for turn in zip(*dealt, strict=True) for text in turn]
    for epoch in range(2):
        assert sorted(turns[epoch * 2 * COUNT : (epoch + 1) * 2 * COUNT]) == KEPT
    assert texts(data.stream(3, 1, 3, 7), 9) == dealt[1][7:16]
    assert texts(CapFilt(url).stream(3, 1, 3, 7), 9) == dealt[1][7:16]


def test_what_changes_meanwhile_is_broken_or_waits(url: str, tmp_path: Path) -> None:
    data = CapFilt(url)
    with psycopg.connect(url) as conn:
        conn.execute("DELETE FROM blip.captions WHERE text = 'person 1'")
        conn.execute("DELETE FROM blip.images WHERE image_id = %s", [image_id("", picture(2))])
        (tmp_path / "3.png").write_bytes(b"another content")
        (tmp_path / "6.png").unlink()
        add(conn, 100)
    broken = [one for one in data.once() if isinstance(one, Broken)]
    left = "it has gone since it was indexed"
    assert sorted(one.reason for one in broken) == sorted(
        [left] * 3
        + [f"its content is nowhere: {tmp_path}/3.png: it has other content now; ingest it again"]
        * 2
        + [f"its content is nowhere: {tmp_path}/6.png: no such file or directory"] * 2
    )
    assert {one.kind for one in broken} == {left, "its content is nowhere"}
    assert not any("100" in text for text in texts(data.once()))
    assert len(CapFilt(url)) == 2 * COUNT + 2 - 3


def test_a_kept_index_lasts(url: str, tmp_path: Path) -> None:
    index = tmp_path / "folder" / "capfilt.index"
    whole = texts(CapFilt(url, index).stream(1, 0, 1, 0), 30)
    with psycopg.connect(url) as conn:
        add(conn, 100)
    assert texts(CapFilt(url, index).stream(1, 0, 1, 0), 30) == whole
    assert texts(CapFilt(url).stream(1, 0, 1, 0), 30) != whole


def test_policies_hold(url: str) -> None:
    """Whoever trains sees what they may see."""
    with psycopg.connect(url) as conn:
        conn.execute("CREATE ROLE learner LOGIN IN ROLE blip_reader")
        conn.execute("ALTER TABLE blip.images ENABLE ROW LEVEL SECURITY")
        few = [image_id("", picture(number)) for number in (1, 2)]
        ids = ", ".join(f"'{id}'" for id in few)
        conn.execute(
            f"CREATE POLICY few ON blip.images FOR SELECT USING (image_id IN ({ids}))".encode()
        )
    try:
        learner = f"{url}&options=-c%20role%3Dlearner"
        assert sorted(texts(CapFilt(learner).once())) == ["person 1", "person 2", "web 1", "web 2"]
    finally:
        with psycopg.connect(url) as conn:
            conn.execute("DROP OWNED BY learner")
            conn.execute("DROP ROLE learner")


def test_an_empty_view_is_named(database: str) -> None:
    with pytest.raises(DataError, match=r"blip\.capfilt holds no caption at postgresql://"):
        CapFilt(database)


def test_what_is_no_database_of_this_version_is_named(database: str) -> None:
    with pytest.raises(DatabaseError, match="PostgreSQL can't be reached at postgresql:///none"):
        CapFilt("postgresql:///none?host=/nowhere")
    with psycopg.connect(database) as conn:
        conn.execute("UPDATE blip.alembic_version SET version_num = '0001'")
    with pytest.raises(DatabaseError, match=r"are of revision 0001;(?s:.*)blipdb init"):
        CapFilt(database)


def test_a_server_that_goes_away_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TEXTS_PER_QUERY", 2)
    stream = CapFilt(url).stream(1, 0, 1, 0)
    next(stream)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(DatabaseError, match=r"has gone while training read it(?s:.*)same command"):
        list(itertools.islice(stream, 9))


@pytest.mark.parametrize(("captions", "each"), [("kept", 2), ("all", 3), ("human", 1)])
def test_which_captions_are_read(url: str, captions: str, each: int) -> None:
    dataset = open_dataset({"kind": "database", "url": url, "captions": captions})
    assert isinstance(dataset, CapFilt)
    assert len(dataset) == each * COUNT
    assert sum(isinstance(one, Sample) for one in dataset.once()) == each * COUNT


def test_a_space_alone(url: str) -> None:
    assert len(CapFilt(url, space="")) == 2 * COUNT
    with pytest.raises(DataError, match="holds no caption of people"):
        CapFilt(url, captions="human", space="theirs")
    with pytest.raises(DataError, match="captions is 'good'; it can be kept, all, human"):
        CapFilt(url, captions="good")
