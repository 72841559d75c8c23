"""blip_add, blip_status and blip_failures: what comes in through SQL, and what becomes of it."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from blipdb.identity import caption_id, image_id
from tests.images.pictures import encode, scene
from tests.sql.library import SIZE, Library

Connection = psycopg.Connection[Any]

PICTURE = encode(scene(), "PNG")
ADD = "SELECT blip_add(image => %b, uri => %s, caption => %s, metadata => %s, space => %s)"


def add(
    conn: Connection,
    image: bytes = PICTURE,
    uri: str | None = None,
    caption: str | None = None,
    metadata: dict[str, Any] | None = None,
    space: str | None = "",
) -> Any:
    row = conn.execute(ADD, [image, uri, caption, Jsonb(metadata or {}), space]).fetchone()
    assert row is not None
    return row[0]


def rows(conn: Connection, query: str, *values: Any) -> list[tuple[Any, ...]]:
    return conn.execute(query.encode(), values).fetchall()


def counts(conn: Connection) -> dict[tuple[str, str | None, str], int]:
    found = rows(conn, "SELECT what, model, state, count FROM blip_status()")
    return {(what, model, state): count for what, model, state, count in found}


def test_add_stores_all_and_enqueues(conn: Connection, library: Library) -> None:
    id = add(conn, PICTURE, "shop:7", "a ramp", {"price": 3}, "red")
    assert id == image_id("red", PICTURE)
    query = (
        "SELECT space, sha256, mime, width, height, bytes, content, preview, metadata"
        " FROM blip.images WHERE image_id = %s"
    )
    stored = ("red", sha256(PICTURE).digest(), "image/png", None, None, len(PICTURE), PICTURE)
    assert rows(conn, query, id) == [(*stored, None, {"price": 3})]
    query = "SELECT uri, space, size, mtime FROM blip.files WHERE image_id = %s"
    assert rows(conn, query, id) == [("shop:7", "red", len(PICTURE), None)]
    query = "SELECT caption_id, text, origin, model_id FROM blip.captions WHERE image_id = %s"
    assert rows(conn, query, id) == [(caption_id("web", "a ramp"), "a ramp", "web", None)]
    query = "SELECT stage, model_id, state::text, attempts FROM blip.jobs WHERE image_id = %s"
    assert rows(conn, query, id) == [("encode", library.model.model_id, "p", 0)]


def test_add_the_least(conn: Connection) -> None:
    row = conn.execute("SELECT blip_add(%b)", [PICTURE]).fetchone()
    assert row == (image_id("", PICTURE),)
    assert rows(conn, "SELECT FROM blip.files WHERE image_id = %s", *row) == []
    assert rows(conn, "SELECT FROM blip.captions WHERE image_id = %s", *row) == []


def test_add_is_safe_to_repeat(conn: Connection) -> None:
    query = (
        "SELECT i.*, f.*, c.*, j.* FROM blip.images i LEFT JOIN blip.files f USING (image_id)"
        " LEFT JOIN blip.captions c USING (image_id) LEFT JOIN blip.jobs j USING (image_id)"
        " ORDER BY i.image_id, f.uri"
    )
    arguments: dict[str, Any] = {"uri": "u", "caption": "c", "metadata": {"a": 1}}
    id = add(conn, **arguments)
    before = rows(conn, query)
    assert add(conn, **arguments) == id
    assert rows(conn, query) == before


def test_add_again_completes(conn: Connection) -> None:
    """Content that was left in its file, more metadata, another file, another caption."""
    id = add(conn, uri="u", caption="one", metadata={"a": 1, "b": 1})
    conn.execute("UPDATE blip.images SET content = NULL WHERE image_id = %s", [id])
    add(conn, uri="v", caption="two", metadata={"b": 2})
    found = rows(conn, "SELECT content, metadata FROM blip.images WHERE image_id = %s", id)
    assert found == [(PICTURE, {"a": 1, "b": 2})]
    query = "SELECT uri FROM blip.files WHERE image_id = %s ORDER BY uri"
    assert rows(conn, query, id) == [("u",), ("v",)]
    query = "SELECT text FROM blip.captions WHERE image_id = %s ORDER BY text"
    assert rows(conn, query, id) == [("one",), ("two",)]
    assert len(rows(conn, "SELECT FROM blip.jobs WHERE image_id = %s", id)) == 1


def test_another_image_at_the_same_place(conn: Connection) -> None:
    other = encode(scene(9, 9), "PNG")
    add(conn, uri="u")
    id = add(conn, other, uri="u")
    query = "SELECT image_id, size FROM blip.files WHERE uri = 'u'"
    assert rows(conn, query) == [(id, len(other))]


def test_spaces_are_apart(conn: Connection) -> None:
    """The same picture at the same place, and two tenants."""
    ids = {add(conn, uri="u", space=space) for space in ("", "red", "blue")}
    assert len(ids) == 3
    assert len(rows(conn, "SELECT FROM blip.files WHERE uri = 'u'")) == 3
    assert add(conn, space=None) in ids


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_formats_are_known_by_their_first_bytes(conn: Connection, format: str) -> None:
    id = add(conn, encode(scene(), format))
    query = "SELECT mime FROM blip.images WHERE image_id = %s"
    assert rows(conn, query, id) == [(f"image/{format.lower()}",)]


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (b"", "the image is empty"),
        (b"<svg/>", "in no format that is taken: JPEG, PNG, WebP, GIF, BMP or TIFF"),
        (b"\xff\xd8", "in no format that is taken"),
        (bytes((64 << 20) + 1), "has 67108865 bytes; at most 67108864 are taken"),
    ],
)
def test_what_is_no_image_is_refused(conn: Connection, image: bytes, message: str) -> None:
    with pytest.raises(psycopg.Error, match=message) as caught:
        add(conn, image)
    assert caught.value.sqlstate == "22023"


def test_null_is_refused(conn: Connection) -> None:
    with pytest.raises(psycopg.Error, match="the image is NULL"):
        conn.execute("SELECT blip_add(NULL)")


@pytest.mark.parametrize(("metadata", "kind"), [([1], "array"), (None, "null"), ("x", "string")])
def test_metadata_must_be_an_object(conn: Connection, metadata: Any, kind: str) -> None:
    with pytest.raises(psycopg.Error, match=f"metadata must be a JSON object, not {kind}"):
        conn.execute("SELECT blip_add(%b, metadata => %s)", [PICTURE, Jsonb(metadata)])


def test_a_place_has_a_name(conn: Connection) -> None:
    with pytest.raises(psycopg.Error, match="the uri is empty"):
        add(conn, uri="")


def test_add_without_a_model_says_so(conn: Connection) -> None:
    said: list[str | None] = []
    conn.add_notice_handler(lambda diag: said.append(diag.message_primary))
    conn.execute("DELETE FROM blip.active_models")
    id = add(conn)
    assert said == ["stored, but not to be found: no model is active in the role 'retrieval'"]
    assert rows(conn, "SELECT FROM blip.jobs WHERE image_id = %s", id) == []


# How far the work is


def test_status_counts_exactly(conn: Connection, library: Library) -> None:
    assert counts(conn) == {
        ("images", None, "stored"): SIZE,
        ("files", None, "stored"): SIZE,
        ("files", None, "failed"): 0,
        ("captions", None, "stored"): SIZE,
        ("captions", "tiny", "unscored"): SIZE,
        ("encode", "tiny", "pending"): 0,
        ("encode", "tiny", "running"): 0,
        ("encode", "tiny", "parked"): 0,
        ("encode", "tiny", "done"): SIZE,
    }
    add(conn, uri="u", caption="c")
    lease = "UPDATE blip.jobs SET state = 'r', lease = gen_random_uuid(), run_after = now() + %s"
    conn.execute(lease + " WHERE image_id = ANY(%s)", ["1 min", library.ids[:2]])
    conn.execute(lease + " WHERE image_id = ANY(%s)", ["-1 min", library.ids[2:5]])
    conn.execute("UPDATE blip.jobs SET state = 'x' WHERE image_id = %s", [library.ids[5]])
    conn.execute("INSERT INTO blip.failed_files (uri, reason) VALUES ('/a', 'empty')")
    found = counts(conn)
    assert found["images", None, "stored"] == SIZE + 1
    assert found["files", None, "failed"] == 1
    assert found["captions", None, "stored"] == SIZE + 1
    assert found["encode", "tiny", "pending"] == 1 + 3  # who overran the deadline runs no more
    assert found["encode", "tiny", "running"] == 2
    assert found["encode", "tiny", "parked"] == 1
    assert found["encode", "tiny", "done"] == SIZE - 6


def test_failures_name_file_and_reason(conn: Connection, library: Library) -> None:
    assert rows(conn, "SELECT FROM blip_failures()") == []
    conn.execute(
        "UPDATE blip.jobs SET state = 'x', error = 'truncated', attempts = 3,"
        " updated_at = '2026-01-02' WHERE image_id = %s",
        [library.ids[3]],
    )
    conn.execute(
        "INSERT INTO blip.failed_files (uri, reason, attempts, failed_at)"
        " VALUES ('/empty.png', 'the file is empty', 2, '2026-01-01')"
    )
    query = "SELECT uri, image_id, stage, model, reason, attempts FROM blip_failures()"
    assert rows(conn, query) == [
        ("/album/03.png", library.ids[3], "encode", "tiny", "truncated", 3),
        ("/empty.png", None, "read", None, "the file is empty", 2),
    ]
