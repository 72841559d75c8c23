"""The database and the home of a client."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psycopg
import pytest

import blipdb
from blipdb.database import connection, requirements
from blipdb.errors import DatabaseError, UsageError
from blipdb.identity import image_id
from blipdb.settings import Settings
from tests.album import picture
from tests.client.conftest import SCENES, World


def images(db: blipdb.Client) -> int:
    return sum(line.count for line in db.status() if line.what == "images")


def stored(served: Settings) -> int:
    with connection.connect(served.database_url()) as conn:
        row = conn.execute("SELECT count(*) FROM blip.images").fetchone()
    assert row is not None
    return int(row[0])


def test_without_a_url_it_is_the_private_cluster(
    served: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with blipdb.connect(home=served.home) as db:
        assert db.inference == "server"
        id = db.add(picture(77))
    with connection.connect(served.database_url()) as conn:
        assert conn.execute("DELETE FROM blip.images WHERE image_id = %s", [id]).rowcount == 1
    monkeypatch.setenv("BLIPDB_HOME", str(served.home))
    with blipdb.connect() as db:
        assert images(db) == stored(served)

    async def main() -> None:
        async with blipdb.aconnect() as db:
            assert db.inference == "server"

    asyncio.run(main())


def test_the_variable_names_another_server_and_an_argument_goes_first(
    with_functions: World, served: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLIPDB_URL", with_functions.url)
    with blipdb.connect(home=served.home) as db:
        assert db._options.url == with_functions.url
        assert images(db) == SCENES
    with blipdb.connect(served.database_url()) as db:
        assert db._options.url == served.database_url()
        assert images(db) == stored(served)
    monkeypatch.setenv("BLIPDB_URL", "mysql://x")
    with pytest.raises(UsageError, match="must start with postgresql://"):
        blipdb.connect()


def test_a_private_cluster_that_does_not_run(tmp_path: Path) -> None:
    """It is not for a library to start servers."""
    with pytest.raises(DatabaseError, match="can't be reached") as caught:
        blipdb.connect(home=tmp_path).status()
    assert caught.value.hint is not None
    assert "blipdb up" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_looked_for_before_the_first_call(read: World) -> None:
    db = blipdb.connect("postgresql://127.0.0.1:9/nowhere")
    assert db.inference is None
    db.close()
    db = blipdb.connect(read.url, home=read.home)
    assert images(db) == SCENES
    assert db.inference == read.kind
    db.close()


def test_a_client_names_its_database_without_the_password(with_tables: World) -> None:
    db = blipdb.connect("postgresql://ann:secret@127.0.0.1:9/x")
    assert repr(db) == "<blipdb.Client of postgresql://ann@127.0.0.1:9/x>"
    db.close()
    assert repr(db) == "<blipdb.Client of postgresql://ann@127.0.0.1:9/x, closed>"
    assert repr(blipdb.aconnect("postgresql:///x")) == "<blipdb.AsyncClient of postgresql:///x>"
    with connection.connect(with_tables.url) as conn:
        assert repr(blipdb.connect(conn)) == "<blipdb.Client of an app's connection>"


def test_a_client_by_hand(read: World) -> None:
    async def main() -> None:
        db = blipdb.aconnect(read.url, home=read.home)
        assert len(await db.search("red bicycle", 3)) == 3
        await db.aclose()

    asyncio.run(main())


def test_clients_of_one_connection_look_once(read: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of a session in each request: below it is a pool's connection."""
    looks = []
    look = requirements.look

    def looking() -> Any:
        looks.append(1)
        return look()

    monkeypatch.setattr(requirements, "look", looking)
    for number in (1, 2):
        with psycopg.connect(read.url) as conn:
            for _ in range(3):
                with blipdb.connect(conn, home=read.home) as db:
                    assert images(db) == SCENES
                conn.rollback()
        assert len(looks) == number


def test_the_same_image_in_two_spaces(write: World) -> None:
    content = picture(5)
    with blipdb.connect(write.url, home=write.home) as db:
        ids = {db.add(content, space=space) for space in ("", "a", "b")}
        assert ids == {image_id(space, content) for space in ("", "a", "b")}
        assert {db.image(id).space for id in ids} == {"", "a", "b"}
