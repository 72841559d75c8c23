"""Small pictures of stored images, as the client and the contact sheets show them."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
from PIL import Image

from blipdb.client import pictures
from blipdb.database.steps import run
from blipdb.errors import ImageError
from blipdb.identity import image_id
from tests.album import picture


def store(conn: psycopg.Connection, content: bytes, *paths: Path | str, kept: bool = False) -> UUID:
    id = image_id("", content)
    conn.execute(
        "INSERT INTO blip.images (image_id, sha256, mime, bytes, content)"
        " VALUES (%s, sha256(%s), 'image/png', %s, %s)",
        [id, content, len(content), content if kept else None],
    )
    for path in paths:
        conn.execute(
            "INSERT INTO blip.files (uri, image_id, is_ingested) VALUES (%s, %s, true)",
            [str(path), id],
        )
    return id


def shown(conn: psycopg.Connection, *ids: UUID) -> dict[UUID, bytes | ImageError]:
    return run(conn, pictures.pictures(ids))


def size(found: bytes | ImageError) -> tuple[int, int]:
    assert isinstance(found, bytes), found
    with Image.open(BytesIO(found)) as image:
        assert image.format == "JPEG"
        return image.size


def test_from_a_file(conn: psycopg.Connection, tmp_path: Path) -> None:
    content = picture(1, side=640)
    gone, there = tmp_path / "gone.png", tmp_path / "there.png"
    there.write_bytes(content)
    id = store(conn, content, gone, there)
    assert size(shown(conn, id)[id]) == (320, 320)


def test_from_stored_content(conn: psycopg.Connection) -> None:
    id = store(conn, picture(2, side=50), kept=True)
    assert size(shown(conn, id, id)[id]) == (50, 50)


@pytest.mark.parametrize("now", [picture(5), b"", b"no image"])
def test_a_file_with_other_content_is_not_shown(
    conn: psycopg.Connection, tmp_path: Path, now: bytes
) -> None:
    path = tmp_path / "changed.png"
    path.write_bytes(now)
    id = store(conn, picture(4), path)
    found = shown(conn, id)[id]
    assert isinstance(found, ImageError)
    assert found.reason == pictures.NO_FILE_REASON


def test_a_picture_at_a_url_is_not_fetched(conn: psycopg.Connection) -> None:
    """Workers and ingest alone read URLs, which may come from whoever may add rows."""
    id = store(conn, picture(7), "https://127.0.0.1:9/a.png")
    found = shown(conn, id)[id]
    assert isinstance(found, ImageError)
    assert found.reason == pictures.NO_FILE_REASON


def test_a_picture_that_can_not_be_decoded_has_a_reason(conn: psycopg.Connection) -> None:
    truncated, unknown = store(conn, picture(6)[:80], kept=True), uuid4()
    found = shown(conn, truncated, unknown)
    assert "truncated" in str(found[truncated])
    assert str(found[unknown]) == pictures.UNKNOWN_REASON
    assert shown(conn) == {}
