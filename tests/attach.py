"""An app's table, and what blipdb knows of its rows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg

from blipdb.identity import image_id

Connection = psycopg.Connection[Any]


def shop(conn: Connection, name: str = "products", *, key: str = "id integer PRIMARY KEY") -> None:
    """An app's table."""
    conn.execute(f"CREATE TABLE {name} ({key}, title text, price numeric, photo bytea)".encode())


def attach(conn: Connection, source: str = "products", **options: Any) -> int:
    """Attach ``photo`` with ``title``, or as the options say."""
    given = {"image": "photo", "caption": "title"} | options
    named = ", ".join(f"{name} => %s" for name in given)
    row = conn.execute(
        f"SELECT blip_attach(%s::regclass, {named})".encode(), [source, *given.values()]
    ).fetchone()
    assert row is not None
    assert isinstance(row[0], int)
    return row[0]


def put(conn: Connection, id: int, photo: bytes | None, title: str | None = None) -> None:
    conn.execute("INSERT INTO products (id, title, photo) VALUES (%s, %s, %s)", [id, title, photo])


def links(conn: Connection) -> dict[Any, UUID | None]:
    """Keys of the rows that are known, with the image that each holds."""
    rows = conn.execute("SELECT key, image_id FROM blip.attached_rows ORDER BY key").fetchall()
    return {key[0] if len(key) == 1 else tuple(key): id for key, id in rows}


def states(conn: Connection) -> dict[Any, str]:
    rows = conn.execute("SELECT key, state FROM blip.attached_rows ORDER BY key").fetchall()
    return {key[0] if len(key) == 1 else tuple(key): state for key, state in rows}


def stored(conn: Connection) -> set[UUID]:
    return {row[0] for row in conn.execute("SELECT image_id FROM blip.images")}


def captions(conn: Connection) -> set[tuple[UUID, str]]:
    return set(conn.execute("SELECT image_id, text FROM blip.captions").fetchall())


def id_of(photo: bytes, space: str = "") -> UUID:
    return image_id(space, photo)
