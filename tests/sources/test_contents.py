"""Where a stored image's bytes are found, and what is never taken for them."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest

from blipdb.database import connection
from blipdb.errors import ImageError
from blipdb.identity import image_id
from blipdb.sources.stored import content
from blipdb.types import Connection

LIMIT = 1000
DATA = b"a picture's bytes"
ID = image_id("", DATA)


@pytest.fixture
def boss(database: str) -> Iterator[Connection]:
    with connection.connect(database, autocommit=True) as conn:
        yield conn


def add(conn: Connection, *uris: str, stored: bytes | None = None) -> None:
    conn.execute(
        "INSERT INTO blip.images (image_id, sha256, mime, bytes, content)"
        " VALUES (%s, %s, 'image/png', %s, %s)",
        [ID, sha256(DATA).digest(), len(DATA), stored],
    )
    for uri in uris:
        conn.execute(
            "INSERT INTO blip.files (uri, image_id, is_ingested) VALUES (%s, %s, true)", [uri, ID]
        )


def reason(conn: Connection) -> str:
    with pytest.raises(ImageError) as caught:
        content(conn, ID, LIMIT)
    return caught.value.reason


def test_stored_content_goes_before_files(boss: Connection, tmp_path: Path) -> None:
    add(boss, str(tmp_path / "gone"), stored=DATA)
    assert content(boss, ID, LIMIT) == DATA


def test_a_file_is_read_by_its_path(boss: Connection, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(DATA)
    add(boss, str(tmp_path / "a"))
    assert content(boss, ID, LIMIT) == DATA


def test_an_image_that_is_not_there_has_none(boss: Connection) -> None:
    assert content(boss, UUID(int=1), LIMIT) is None


def test_another_file_stands_in_for_those_that_changed_or_are_gone(
    boss: Connection, tmp_path: Path
) -> None:
    (tmp_path / "b").write_bytes(b"something else")
    (tmp_path / "c").write_bytes(DATA)
    add(boss, "https://example.org/a", *(str(tmp_path / name) for name in "abc"))
    assert content(boss, ID, LIMIT) == DATA


def test_a_file_of_other_content_is_refused(boss: Connection, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(DATA[::-1])
    add(boss, str(tmp_path / "a"))
    assert reason(boss) == f"{tmp_path}/a: it has other content now; ingest it again"


def test_the_same_bytes_in_another_space_are_another_image(
    boss: Connection, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(DATA)
    add(boss, str(tmp_path / "a"))
    boss.execute("UPDATE blip.images SET space = 'theirs'")
    assert "it has other content now" in reason(boss)


def test_a_row_cannot_make_us_read_a_device_or_an_endless_file(
    boss: Connection, tmp_path: Path
) -> None:
    add(boss, "/dev/zero")
    assert reason(boss) == "/dev/zero: not a regular file"
    (tmp_path / "large").write_bytes(bytes(LIMIT + 1))
    boss.execute("UPDATE blip.files SET uri = %s", [str(tmp_path / "large")])
    assert reason(boss) == f"{tmp_path}/large: 1,001 bytes; at most 1,000 are read"


def test_without_content_or_local_file_that_is_the_reason(boss: Connection) -> None:
    add(boss, "shop/123", "relative/b.png")
    assert reason(boss) == "neither its content nor a file of it is known that can be read here"
