"""A stored preview is never decoded: pictures to show come from confined decoders alone."""

from __future__ import annotations

import resource
import zlib
from pathlib import Path
from struct import pack
from typing import Any
from uuid import UUID

import psycopg
import pytest

import blipdb
from blipdb.client import tables
from blipdb.client.pictures import pictures
from blipdb.database.steps import run
from tests.album import picture
from tests.sql.library import Library

Connection = psycopg.Connection[Any]


def bomb(side: int = 20_000) -> bytes:
    """A PNG of half a megabyte that takes more than a gigabyte as pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data))

    packer = zlib.compressobj(1)
    row = bytes(1 + 3 * side)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    head = pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (chunk(b"IHDR", head), chunk(b"IDAT", data), chunk(b"IEND", b""))
    )


@pytest.fixture
def mined(conn: Connection, library: Library) -> UUID:
    """An image without content or file, with a bomb as its preview."""
    id = library.ids[0]
    conn.execute("UPDATE blip.images SET preview = %s WHERE image_id = %s", [bomb(2000), id])
    return id


def test_to_have_a_preview_decoded(conn: Connection, mined: UUID) -> None:
    found = run(conn, pictures([mined]))[mined]
    assert not isinstance(found, bytes)


def test_to_have_a_preview_stand_in_for_the_content(conn: Connection, mined: UUID) -> None:
    content = picture(1, side=50)
    row = conn.execute("SELECT blip_add(%b)", [content]).fetchone()
    assert row is not None
    conn.execute("UPDATE blip.images SET preview = %s", [bomb(2000)])
    small = run(conn, pictures([row[0]]))[row[0]]
    assert isinstance(small, bytes)
    assert small.startswith(b"\xff\xd8\xff")


def test_to_have_a_bomb_decoded_as_content(conn: Connection) -> None:
    """The confined children refuse it, and this process never holds its pixels."""
    row = conn.execute("SELECT blip_add(%b)", [bomb()]).fetchone()
    assert row is not None
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert not isinstance(run(conn, pictures([row[0]]))[row[0]], bytes)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10  # KiB


def test_nothing_reads_the_column() -> None:
    """No statement of the package names it."""
    folder = Path(blipdb.__file__).parent
    for path in folder.rglob("*.py"):
        assert "i.preview" not in path.read_text(), path
    assert "preview" not in tables.PREVIEWS.lower()
