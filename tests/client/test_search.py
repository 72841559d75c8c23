"""The Python calls: each against SQL on the same database, with the bundled model."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest

from blipdb import search
from blipdb.database import connection
from blipdb.engine import daemon
from blipdb.errors import DatabaseError, EngineError, UsageError
from blipdb.identity import image_id
from blipdb.ingest.run import ingest
from blipdb.registry import register_bundled
from blipdb.scenes.demo import draw_missing, plan_album
from blipdb.search import Count
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


def ids(conn: Connection) -> list[object]:
    return [row[0] for row in conn.execute("SELECT image_id FROM blip.images ORDER BY 1")]


def test_search_is_blip_search(conn: Connection) -> None:
    hits = search.search(conn, "red bicycle", 3, candidates=5)
    rows = conn.execute(
        "SELECT image_id, uri, caption, score, itm, itc"
        " FROM blip_search('red bicycle', k => 3, candidates => 5)"
    ).fetchall()
    assert [tuple(vars(hit).values()) for hit in hits] == rows
    assert len(hits) == 3


def test_score_is_logit_plus_cosine(conn: Connection) -> None:
    for hit in search.search(conn, "an orange cup", COUNT):
        assert hit.itm is not None
        assert 0 <= hit.itm <= 1
        assert -1 <= hit.itc <= 1
    vector = search.embed(conn, "an orange cup")
    row = conn.execute(
        "SELECT 1 - (itc <=> %s::real[]::halfvec) FROM blip.image_vectors WHERE image_id = %s",
        [vector.tolist(), hit.image_id],
    ).fetchone()
    assert row is not None
    assert hit.itc == pytest.approx(row[0], abs=1e-3)


def test_search_by_image(conn: Connection, album: list[Path]) -> None:
    content = album[4].read_bytes()
    first, second = search.search(conn, content, 2)
    assert first.image_id == image_id("", content)
    assert first.score == first.itc == pytest.approx(1, abs=1e-2)
    assert (first.itm, second.itm) == (None, None)
    assert search.search(conn, content, 2, candidates=COUNT) == [first, second]


def test_within_filter_and_threshold(conn: Connection, album: list[Path]) -> None:
    two = [image_id("", path.read_bytes()) for path in album[:2]]
    assert {hit.image_id for hit in search.search(conn, "red", within=two)} == set(two)
    assert search.search(conn, "red", within=[]) == []
    assert search.search(conn, "red", threshold=1.1) == []
    assert search.search(conn, "red", filter={"year": 2024}) == []
    search.add(conn, album[3].read_bytes(), metadata={"year": 2024})
    (hit,) = search.search(conn, "red", filter={"year": 2024})
    assert hit.image_id == image_id("", album[3].read_bytes())


def test_rerank(conn: Connection) -> None:
    hits = search.search(conn, "a pink kite", COUNT)
    again = search.rerank(conn, "a pink kite", [hit.image_id for hit in reversed(hits)], COUNT)
    assert again == hits
    assert search.rerank(conn, "a pink kite", [], 3) == []


def test_embed(conn: Connection, album: list[Path]) -> None:
    text, image = search.embed(conn, "red bicycle"), search.embed(conn, album[0].read_bytes())
    assert text.shape == image.shape == (128,)
    assert text.dtype == np.float32
    assert np.linalg.norm(text) == pytest.approx(1, abs=1e-3)
    assert np.linalg.norm(image) == pytest.approx(1, abs=1e-3)


def test_match_and_caption(conn: Connection, album: list[Path]) -> None:
    content = album[2].read_bytes()
    stored = image_id("", content)
    by_id, by_content = (search.match(conn, image, "an orange cup") for image in (stored, content))
    assert by_id == pytest.approx(by_content, abs=1e-2)
    assert search.caption(conn, stored) == search.caption(conn, content, beams=3)
    sampled = {
        search.caption(conn, stored, nucleus=0.95, seed=seed, max_tokens=12) for seed in (1, 1, 2)
    }
    assert len(sampled) <= 2
    assert all(sampled)


def test_add(conn: Connection) -> None:
    content = b"\xff\xd8\xff not decoded here"
    id = search.add(conn, content, uri="a://b", caption="c", metadata={"d": [1]}, space="e")
    assert id == image_id("e", content)
    row = conn.execute(
        "SELECT i.space, i.metadata, f.uri, c.text FROM blip.images i"
        " JOIN blip.files f USING (image_id) JOIN blip.captions c USING (image_id)"
        " WHERE image_id = %s",
        [id],
    ).fetchone()
    assert row == ("e", {"d": [1]}, "a://b", "c")


def test_status_and_failures(conn: Connection) -> None:
    counts = search.status(conn)
    assert Count("images", None, "stored", COUNT) in counts
    assert Count("encode", "scenes", "done", COUNT) in counts
    assert search.failures(conn) == []
    conn.execute("INSERT INTO blip.failed_files (uri, reason) VALUES ('/x', 'no image')")
    (failed,) = search.failures(conn)
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
def test_what_can_not_be_meant(conn: Connection, arguments: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        search.search(conn, **arguments)  # type: ignore[arg-type]


def test_an_image_that_is_not_there(conn: Connection) -> None:
    with pytest.raises(DatabaseError, match="unknown here"):
        search.match(conn, uuid4(), "red")


def test_a_database_without_blipdb(cluster: Settings) -> None:
    url = cluster.database_url().replace("/blipdb?", "/postgres?")
    with connection.connect(url) as conn, pytest.raises(DatabaseError, match="does not exist"):
        search.search(conn, "red")


def test_a_statement_that_takes_too_long(conn: Connection) -> None:
    conn.execute("SET LOCAL statement_timeout = 1")
    with pytest.raises(DatabaseError, match="statement timeout"):
        search.search(conn, "red", 1000)


def test_a_database_that_goes_away(conn: Connection, module_database: str) -> None:
    with connection.connect(module_database) as lost:
        conn.execute("SELECT pg_terminate_backend(%s)", [lost.info.backend_pid])
        with pytest.raises(DatabaseError, match="The database went away"):
            search.search(lost, "red")


def test_an_engine_that_is_down(conn: Connection, served: Settings) -> None:
    daemon.stop(served)
    try:
        with pytest.raises(EngineError, match="does not run") as caught:
            search.search(conn, "red")
    finally:
        from blipdb import services

        services.up(served)
    assert caught.value.hint == "Start it with: blipdb up"


def test_similar(conn: Connection) -> None:
    first = search.search(conn, "red bicycle", 1)[0].image_id
    hits = search.similar(conn, first, 3, candidates=5)
    rows = conn.execute(
        "SELECT * FROM blip_similar(%s, k => 3, candidates => 5)", [first]
    ).fetchall()
    assert [tuple(vars(hit).values()) for hit in hits] == rows
    assert len(hits) == 3
    assert first not in [hit.image_id for hit in hits]


def test_captions(conn: Connection) -> None:
    id = search.search(conn, "red bicycle", 1)[0].image_id
    assert search.captions(conn, id) == []
    conn.execute(
        "INSERT INTO blip.captions (image_id, caption_id, text, origin)"
        " VALUES (%s, gen_random_uuid(), 'a bicycle', 'human')",
        [id],
    )
    (caption,) = search.captions(conn, id)
    assert tuple(vars(caption).values()) == ("a bicycle", "human", None, None, None, None, "kept")
    with pytest.raises(DatabaseError, match="is unknown here"):
        search.captions(conn, uuid4())


def test_functions_are_found_whatever_the_search_path(conn: Connection) -> None:
    conn.execute("SET LOCAL search_path = pg_catalog")
    assert len(search.search(conn, "red bicycle", 2)) == 2


def test_a_statement_is_not_prepared(conn: Connection) -> None:
    """A pooler between us and the server may not keep it; and each plan is for its own values."""
    for _ in range(7):
        search.status(conn)
    assert conn.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
