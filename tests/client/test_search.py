"""A client on a connection: each call against SQL on it, with the bundled model."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

import blipdb
from blipdb import Client, Count
from blipdb.database import connection
from blipdb.engine import daemon
from blipdb.errors import DatabaseError, EngineError, UsageError
from blipdb.identity import image_id
from blipdb.ingest.run import ingest
from blipdb.registry import register_bundled
from blipdb.scenes.demo import draw_missing, plan_album
from blipdb.settings import Settings
from blipdb.types import Connection

COUNT = 8


@pytest.fixture(scope="module")
def album(
    module_database: str, served: Settings, tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """Scenes that a database of this module's holds."""
    settings = Settings(served.home, module_database)
    with connection.connect(module_database, autocommit=True) as conn:
        register_bundled(conn, settings)
    album = plan_album(tmp_path_factory.mktemp("scenes"))
    paths = [picture.path for picture in islice(draw_missing(album), COUNT)]
    assert ingest(settings, paths).added == COUNT
    return paths


@pytest.fixture
def conn(module_database: str, album: list[Path]) -> Iterator[Connection]:
    """A connection, rolled back at the end."""
    with connection.connect(module_database) as conn:
        yield conn
        conn.rollback()


@pytest.fixture
def db(conn: Connection) -> Client:
    """A client on ``conn``, which has looked at the server."""
    client = blipdb.connect(conn)
    client.status()
    assert client.inference == "server"
    return client


def ids(conn: Connection) -> list[object]:
    return [row[0] for row in conn.execute("SELECT image_id FROM blip.images ORDER BY 1")]


def test_search_is_blip_search(conn: Connection, db: Client) -> None:
    hits = db.search("red bicycle", 3, candidates=5)
    rows = conn.execute(
        "SELECT image_id, uri, caption, score, itm, itc"
        " FROM blip_search('red bicycle', k => 3, candidates => 5)"
    ).fetchall()
    assert [tuple(vars(hit).values()) for hit in hits] == rows
    assert len(hits) == 3


def test_score_is_logit_plus_cosine(conn: Connection, db: Client) -> None:
    for hit in db.search("an orange cup", COUNT):
        assert hit.itm is not None
        assert 0 <= hit.itm <= 1
        assert -1 <= hit.itc <= 1
    vector = db.embed("an orange cup")
    row = conn.execute(
        "SELECT 1 - (itc <=> %s::real[]::halfvec) FROM blip.image_vectors WHERE image_id = %s",
        [vector.tolist(), hit.image_id],
    ).fetchone()
    assert row is not None
    assert hit.itc == pytest.approx(row[0], abs=1e-3)


def test_search_by_image(db: Client, album: list[Path]) -> None:
    content = album[4].read_bytes()
    first, second = db.search(content, 2)
    assert first.image_id == image_id("", content)
    assert first.score == first.itc == pytest.approx(1, abs=1e-2)
    assert (first.itm, second.itm) == (None, None)
    assert db.search(content, 2, candidates=COUNT) == [first, second]


def test_within_filter_and_threshold(db: Client, album: list[Path]) -> None:
    two = [image_id("", path.read_bytes()) for path in album[:2]]
    assert {hit.image_id for hit in db.search("red", within=two)} == set(two)
    assert db.search("red", within=[]) == []
    assert db.search("red", threshold=1.1) == []
    assert db.search("red", filter={"year": 2024}) == []
    db.add(album[3].read_bytes(), metadata={"year": 2024})
    (hit,) = db.search("red", filter={"year": 2024})
    assert hit.image_id == image_id("", album[3].read_bytes())


def test_rerank(db: Client) -> None:
    hits = db.search("a pink kite", COUNT)
    again = db.rerank("a pink kite", [hit.image_id for hit in reversed(hits)], COUNT)
    assert again == hits
    assert db.rerank("a pink kite", [], 3) == []


def test_embed(db: Client, album: list[Path]) -> None:
    text, image = db.embed("red bicycle"), db.embed(album[0].read_bytes())
    assert text.shape == image.shape == (128,)
    assert text.dtype == np.float32
    assert np.linalg.norm(text) == pytest.approx(1, abs=1e-3)
    assert np.linalg.norm(image) == pytest.approx(1, abs=1e-3)


def test_match_and_caption(db: Client, album: list[Path]) -> None:
    content = album[2].read_bytes()
    stored = image_id("", content)
    by_id, by_content = (db.match(image, "an orange cup") for image in (stored, content))
    assert by_id == pytest.approx(by_content, abs=1e-2)
    assert db.caption(stored) == db.caption(content, beams=3)
    sampled = {db.caption(stored, nucleus=0.95, seed=seed, max_tokens=12) for seed in (1, 1, 2)}
    assert len(sampled) <= 2
    assert all(sampled)


def test_add(conn: Connection, db: Client) -> None:
    content = b"\xff\xd8\xff not decoded here"
    id = db.add(content, uri="a://b", caption="c", metadata={"d": [1]}, space="e")
    assert id == image_id("e", content)
    row = conn.execute(
        "SELECT i.space, i.metadata, f.uri, c.text FROM blip.images i"
        " JOIN blip.files f USING (image_id) JOIN blip.captions c USING (image_id)"
        " WHERE image_id = %s",
        [id],
    ).fetchone()
    assert row == ("e", {"d": [1]}, "a://b", "c")


def test_status_and_failures(conn: Connection, db: Client) -> None:
    counts = db.status()
    assert Count("images", None, "stored", COUNT) in counts
    assert Count("encode", "scenes", "done", COUNT) in counts
    assert db.failures() == []
    conn.execute("INSERT INTO blip.failed_files (uri, reason) VALUES ('/x', 'no image')")
    (failed,) = db.failures()
    assert (failed.uri, failed.reason, failed.attempts) == ("/x", "no image", 1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"query": ""}, "the query is empty"),
        ({"query": "zebra"}, "no word of this text: 'zebra'"),
        ({"query": "red", "k": 0}, "k must be between 1 and 1000, not 0"),
        ({"query": "red", "k": 1 << 40}, "out of range"),
        ({"query": "red", "model": "nobody"}, "no model 'nobody'"),
        ({"query": b"no image"}, "not a JPEG"),
        ({"query": b""}, "the image is empty"),
    ],
)
def test_what_can_not_be_meant(db: Client, arguments: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        db.search(**arguments)  # type: ignore[arg-type]


def test_an_image_that_is_not_there(db: Client) -> None:
    with pytest.raises(DatabaseError, match="unknown here"):
        db.match(uuid4(), "red")


def test_a_database_without_blipdb(cluster: Settings) -> None:
    url = cluster.database_url().replace("/blipdb?", "/postgres?")
    with connection.connect(url) as conn, pytest.raises(DatabaseError, match="no tables of blipdb"):
        blipdb.connect(conn).search("red")


def test_a_statement_that_takes_too_long(conn: Connection, db: Client) -> None:
    conn.execute("SET LOCAL statement_timeout = 1")
    with pytest.raises(DatabaseError, match="statement timeout"):
        db.search("red", 1000)


def test_a_database_that_goes_away(conn: Connection, module_database: str) -> None:
    with connection.connect(module_database) as lost:
        conn.execute("SELECT pg_terminate_backend(%s)", [lost.info.backend_pid])
        with pytest.raises(DatabaseError, match="The database went away"):
            blipdb.connect(lost).search("red")


def test_an_engine_that_is_down(db: Client, served: Settings) -> None:
    daemon.stop(served)
    try:
        with pytest.raises(EngineError, match="does not run") as caught:
            db.search("red")
    finally:
        from blipdb import services

        services.up(served)
    assert caught.value.hint == "Start it with: blipdb up"


def test_similar(conn: Connection, db: Client) -> None:
    first = db.search("red bicycle", 1)[0].image_id
    hits = db.similar(first, 3, candidates=5)
    rows = conn.execute(
        "SELECT * FROM blip_similar(%s, k => 3, candidates => 5)", [first]
    ).fetchall()
    assert [tuple(vars(hit).values()) for hit in hits] == rows
    assert len(hits) == 3
    assert first not in [hit.image_id for hit in hits]


def test_captions(conn: Connection, db: Client) -> None:
    id = db.search("red bicycle", 1)[0].image_id
    assert db.captions(id) == []
    conn.execute(
        "INSERT INTO blip.captions (image_id, caption_id, text, origin)"
        " VALUES (%s, gen_random_uuid(), 'a bicycle', 'human')",
        [id],
    )
    (caption,) = db.captions(id)
    assert tuple(vars(caption).values()) == ("a bicycle", "human", None, None, None, None, "kept")
    with pytest.raises(DatabaseError, match="is unknown here"):
        db.captions(uuid4())


def test_functions_are_found_whatever_the_search_path(conn: Connection, db: Client) -> None:
    conn.execute("SET LOCAL search_path = pg_catalog")
    assert len(db.search("red bicycle", 2)) == 2


def test_a_statement_is_not_prepared(conn: Connection, db: Client) -> None:
    """A pooler between us and the server may not keep it; and each plan is for its own values."""
    for _ in range(7):
        db.status()
    assert conn.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
