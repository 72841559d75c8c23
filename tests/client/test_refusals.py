"""Refused calls: an error of blipdb's own names the cause."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from PIL import Image
from sqlalchemy import NullPool, create_engine, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

import blipdb
from blipdb import services
from blipdb.database import connection as db_connection
from blipdb.database import requirements
from blipdb.engine import daemon
from blipdb.errors import BlipdbError, DatabaseError, EngineError, UsageError
from blipdb.settings import Settings
from tests.client.conftest import World

NOBODY = UUID(int=1)


@pytest.fixture
def db(read: World) -> Iterator[blipdb.Client]:
    with blipdb.connect(read.url, home=read.home) as db:
        yield db


ARGUMENTS: dict[str, tuple[Any, str]] = {
    "empty": (lambda db: db.search(""), "the query is empty"),
    "blank": (lambda db: db.search(" \n"), "the query is empty"),
    "unknown word": (lambda db: db.search("zebra"), "no word of this text: 'zebra'"),
    "long": (lambda db: db.search("red " * 99), "reads at most"),
    "far too long": (lambda db: db.search("a" * 10_001), "10001 characters; at most 10000"),
    "NUL": (lambda db: db.search("a\0b"), "holds a NUL character"),
    "surrogate": (lambda db: db.search("\ud800"), "not valid UTF-8"),
    "None": (lambda db: db.search(None), "not the bytes of a file"),
    "k 0": (lambda db: db.search("red", 0), "k must be between 1 and 1000, not 0"),
    "k 1001": (lambda db: db.search("red", 1001), "k must be between 1 and 1000, not 1001"),
    "k large": (lambda db: db.search("red", 1 << 40), "k is out of range: 1099511627776"),
    "k float": (lambda db: db.search("red", 2.5), "k must be a whole number, not a float: 2.5"),
    "k bool": (lambda db: db.search("red", True), "k must be a whole number"),
    "candidates": (lambda db: db.search("red", 5, candidates=4), "candidates must be between 5"),
    "many candidates": (lambda db: db.search("red", candidates=1001), "between 10 and 1000"),
    "filter list": (lambda db: db.search("red", filter=[1]), "must be a mapping, not a list"),
    "filter text": (lambda db: db.search("red", filter="{}"), "must be a mapping, not a text"),
    "filter set": (lambda db: db.search("red", filter={"a": {1}}), "can't be written as JSON"),
    "filter NaN": (lambda db: db.search("red", filter={"a": float("nan")}), "written as JSON"),
    "within text": (lambda db: db.search("red", within=str(NOBODY)), "a list of UUIDs"),
    "within texts": (lambda db: db.search("red", within=[str(NOBODY)]), "must hold UUIDs"),
    "no threshold": (lambda db: db.search("red", threshold=float("nan")), "and is not one: nan"),
    "threshold": (lambda db: db.search("red", threshold="0.5"), "threshold must be a number"),
    "model": (lambda db: db.search("red", model="nobody"), "no model 'nobody' with the role"),
    "no model's role": (lambda db: db.caption(NOBODY, model="vqa"), "with the role 'captioner'"),
    "model number": (lambda db: db.search("red", model=1), "model must be a text, not an int"),
    "no image": (lambda db: db.search(b"no image"), "not a JPEG"),
    "no bytes": (lambda db: db.search(b""), "the image is empty"),
    "large": (lambda db: db.search(bytes((64 << 20) + 1)), "67108865 bytes; at most 67108864"),
    "path": (lambda db: db.search(Path("/x/photo.jpg")), "The image is a path: '/x/photo.jpg'"),
    "add path": (lambda db: db.add(Path("/x/photo.jpg")), "The image is a path"),
    "add name": (lambda db: db.add("/x/photo.jpg"), "The image is a text: '/x/photo.jpg'"),
    "add picture": (lambda db: db.add(Image.new("RGB", (2, 2))), "a picture of Pillow's"),
    "add nothing": (lambda db: db.add(b""), "the image is empty"),
    "add no image": (lambda db: db.add(b"no image"), "in no format that is taken"),
    "add uri": (lambda db: db.add(b"\xff\xd8\xff", uri=""), "the uri is empty"),
    "add list": (lambda db: db.add(b"\xff\xd8\xff", metadata=[1]), "metadata must be a mapping"),
    "match text": (lambda db: db.match(str(NOBODY), "red"), "The image is a text"),
    "match empty": (lambda db: db.match(NOBODY, ""), "the query is empty"),
    "match damaged": (lambda db: db.match(b"\x89PNG\r\n", "red"), "refused: truncated"),
    "similar text": (lambda db: db.similar("x"), "image_id must be a UUID, not a text: 'x'"),
    "rerank many": (lambda db: db.rerank("red", [NOBODY] * 1001), "image_ids must be between"),
    "beams": (lambda db: db.caption(NOBODY, beams=11), "beams must be between 1 and 10, not 11"),
    "tokens": (lambda db: db.caption(NOBODY, max_tokens=0), "max_tokens must be between 1 and 512"),
    "nucleus": (lambda db: db.caption(NOBODY, nucleus=0.0), "nucleus must be above 0"),
    "question": (lambda db: db.answer(NOBODY, " "), "the question is empty"),
    "among none": (lambda db: db.answer(NOBODY, "a", among=[]), "in among must be between 1"),
    "among text": (lambda db: db.answer(NOBODY, "a", among="ab"), "among must be a list of texts"),
    "among number": (lambda db: db.answer(NOBODY, "a", among=[1]), "must be a text, not an int"),
}  # fmt: skip


@pytest.mark.parametrize("name", ARGUMENTS)
def test_arguments(db: blipdb.Client, name: str) -> None:
    call, says = ARGUMENTS[name]
    with pytest.raises(UsageError, match=says):
        call(db)
    assert len(db.status()) > 0  # and the client goes on


def test_hints_say_how(db: blipdb.Client) -> None:
    for call, says in (
        (lambda: db.add(Path("photo.jpg")), "Path('photo.jpg').read_bytes()"),  # type: ignore[arg-type]
        (lambda: db.match(str(NOBODY), "red"), f"UUID('{NOBODY}')"),  # type: ignore[arg-type]
        (lambda: db.similar(str(NOBODY)), f"UUID('{NOBODY}')"),  # type: ignore[arg-type]
        (lambda: db.captions(str(NOBODY)), f"UUID('{NOBODY}')"),  # type: ignore[arg-type]
    ):
        with pytest.raises(UsageError) as caught:
            call()
        assert caught.value.hint is not None
        assert says in caught.value.hint


def test_an_image_that_is_not_there(db: blipdb.Client) -> None:
    for call in (
        lambda: db.match(NOBODY, "red"),
        lambda: db.caption(NOBODY),
        lambda: db.captions(NOBODY),
        lambda: db.similar(NOBODY),
        lambda: db.image(NOBODY),
    ):
        with pytest.raises(DatabaseError, match=f"image {NOBODY} is unknown here"):
            call()
    assert db.rerank("red", [NOBODY]) == []
    assert db.pictures([NOBODY]) == {}


@pytest.mark.parametrize(
    ("role", "call"),
    [
        ("retrieval", lambda db: db.search("red")),
        ("captioner", lambda db: db.caption(NOBODY)),
        ("answerer", lambda db: db.answer(NOBODY, "what is red")),
    ],
)
def test_no_model_is_active(write: World, role: str, call: Callable[[Any], Any]) -> None:
    with db_connection.connect(write.admin) as conn:
        conn.execute("DELETE FROM blip.active_models")
    refused = pytest.raises(DatabaseError, match=f"no model is active in the role '{role}'")
    with blipdb.connect(write.url, home=write.home) as db, refused as caught:
        call(db)
    registered = "vqa" if role == "answerer" else "scenes"
    assert caught.value.hint == (
        f"Registered: {registered}. Activate one with: blipdb models activate"
    )


@pytest.mark.parametrize(
    ("revision", "says", "hint"),
    [
        ("0001", "are of revision 0001; this blipdb works with", "blipdb init"),
        ("9999", "are of a newer blipdb: revision 9999", "pip install --upgrade blipdb"),
    ],
)
def test_tables_of_another_version(write: World, revision: str, says: str, hint: str) -> None:
    with db_connection.connect(write.admin) as conn:
        conn.execute("UPDATE blip.alembic_version SET version_num = %s", [revision])
    with pytest.raises(DatabaseError, match=says) as caught, blipdb.connect(write.url):
        raise AssertionError("it refuses to guess")
    assert caught.value.hint is not None
    assert hint in caught.value.hint
    with pytest.raises(DatabaseError, match=says):
        asyncio.run(aenter(write.url))


async def aenter(url: str) -> None:
    async with blipdb.aconnect(url):
        raise AssertionError("it refuses to guess")


def test_a_database_without_blipdb(cluster: Settings) -> None:
    url = cluster.database_url().replace("/blipdb?", "/postgres?")
    with pytest.raises(DatabaseError, match="postgres has no tables of blipdb") as caught:
        blipdb.connect(url).search("red")
    assert caught.value.hint == requirements.INIT


def test_functions_of_another_build(database: str) -> None:
    with psycopg.connect(database) as conn:
        conn.execute(
            "CREATE OR REPLACE FUNCTION blip._build() RETURNS text LANGUAGE plpgsql"
            " AS $$ BEGIN RETURN '0123456789abcdef'; END $$"
        )
    for inference in (None, "client"):
        with pytest.raises(DatabaseError, match="are of another blipdb: build 0123456789abcdef"):
            blipdb.connect(database, inference=inference).status()


def test_who_computes_can_be_said(with_functions: World, with_tables: World) -> None:
    with blipdb.connect(with_functions.url, home=with_functions.home, inference="client") as db:
        assert db.inference == "client"
        forced = db.search("red bicycle", 3)
    with blipdb.connect(with_functions.url, inference="server") as db:
        assert [hit.image_id for hit in db.search("red bicycle", 3)] == forced.image_ids
    with pytest.raises(DatabaseError, match="The extension blipdb is not in the database"):
        blipdb.connect(with_tables.url, inference="server").status()
    with pytest.raises(UsageError, match="must be 'server' or 'client', not 'both'"):
        blipdb.connect(inference="both")  # type: ignore[arg-type]


def test_an_engine_that_is_down_is_no_reason_to_compute_here(
    with_functions: World, served: Settings
) -> None:
    daemon.stop(served)
    try:
        with blipdb.connect(with_functions.url, home=with_functions.home) as db:
            with pytest.raises(EngineError, match="does not run") as caught:
                db.search("red")
            assert db.status()  # which needs no engine
    finally:
        services.up(served)
    assert caught.value.hint == "Start it with: blipdb up"


# Targets


def test_what_no_client_can_be_made_of(read: World) -> None:
    sqlite = create_engine("sqlite://")
    for target, says in (
        (5, "can't make a client of builtins.int"),
        ("mysql://x", "must start with postgresql://"),
        (sqlite, r"psycopg's connections; this engine's are sqlite\+pysqlite"),
        (Session(sqlite), r"psycopg's connections; this engine's are sqlite\+pysqlite"),
        (Session(), "is bound to no engine"),
    ):
        with pytest.raises(UsageError, match=says):
            blipdb.connect(target).status()  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"can't make a client of .*AsyncSession") as caught:
        blipdb.connect(AsyncSession())  # type: ignore[arg-type]
    assert caught.value.hint == "For this one there is blipdb.aconnect."
    with pytest.raises(UsageError, match=r"can't make a client of .*Session") as caught:
        blipdb.aconnect(Session())  # type: ignore[arg-type]
    assert caught.value.hint == "For this one there is blipdb.connect."
    with pytest.raises(UsageError, match="pool_size must be 1 or more, not 0"):
        blipdb.connect(read.url, pool_size=0)
    sqlite.dispose()


def test_connections_and_sessions_that_are_closed(read: World) -> None:
    conn = db_connection.connect(read.url)
    db = blipdb.connect(conn, home=read.home)
    assert db.status()
    conn.close()
    with pytest.raises(DatabaseError, match="that the client was given is closed"):
        db.status()

    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: db_connection.connect(read.url), poolclass=NullPool
    )
    connection = engine.connect()
    connection.close()
    with pytest.raises(UsageError, match=r"SQLAlchemy gives no connection: .*closed"):
        blipdb.connect(connection).status()
    session = Session(engine, close_resets_only=False)
    session.close()
    with pytest.raises(UsageError, match=r"SQLAlchemy gives no connection: .*closed"):
        blipdb.connect(session).status()


def test_asynchronous_connections_and_sessions(read: World, tmp_path: Path) -> None:
    async def main() -> None:
        with pytest.raises(UsageError, match="is bound to no engine"):
            await blipdb.aconnect(AsyncSession()).status()
        gone = create_async_engine(f"postgresql+psycopg:///x?host={tmp_path}")
        for target in (gone, AsyncSession(gone)):
            with pytest.raises(DatabaseError, match=r"can't be reached: .*No such file"):
                await blipdb.aconnect(target).status()

        conn = await psycopg.AsyncConnection.connect(read.url)
        db = blipdb.aconnect(conn, home=read.home)
        assert await db.status()
        with pytest.raises(psycopg.errors.DivisionByZero):
            await conn.execute("SELECT 1 / 0")
        with pytest.raises(DatabaseError, match="has failed before"):
            await db.status()
        await conn.rollback()
        assert await db.status()
        await conn.close()
        with pytest.raises(DatabaseError, match="that the client was given is closed"):
            await db.status()

        engine = create_async_engine(
            "postgresql+psycopg://",
            async_creator=lambda: psycopg.AsyncConnection.connect(read.url),
            poolclass=NullPool,
        )
        connection = await engine.connect()
        await connection.close()
        with pytest.raises(UsageError, match=r"SQLAlchemy gives no connection: .*closed"):
            await blipdb.aconnect(connection).status()

    asyncio.run(main())


def test_a_session_whose_transaction_failed_before(read: World) -> None:
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: db_connection.connect(read.url), poolclass=NullPool
    )
    with Session(engine) as session:
        db = blipdb.connect(session, home=read.home)
        with pytest.raises(ProgrammingError):
            session.execute(text("SELECT nothing"))
        with pytest.raises(DatabaseError, match="has failed before") as caught:
            db.status()
        assert caught.value.hint == "Roll it back first."
        session.rollback()
        assert db.status()


def test_a_transaction_that_failed_before(read: World) -> None:
    with db_connection.connect(read.url) as conn:
        db = blipdb.connect(conn, home=read.home)
        with pytest.raises(psycopg.errors.DivisionByZero):
            conn.execute("SELECT 1 / 0")
        with pytest.raises(DatabaseError, match="has failed before") as caught:
            db.status()
        assert caught.value.hint == "Roll it back first."
        conn.rollback()
        assert db.status()


def test_a_server_that_an_engine_can_not_reach(tmp_path: Path) -> None:
    engine = create_engine(f"postgresql+psycopg:///x?host={tmp_path}")
    for target in (engine, Session(engine)):
        with pytest.raises(DatabaseError, match=r"can't be reached: .*No such file"):
            blipdb.connect(target).status()


def test_a_connection_that_is_lost(read: World) -> None:
    with db_connection.connect(read.url) as conn, psycopg.connect(read.admin) as admin:
        db = blipdb.connect(conn, home=read.home)
        db.status()
        admin.execute("SELECT pg_terminate_backend(%s, 5000)", [conn.info.backend_pid])
        with pytest.raises(DatabaseError, match="The database went away"):
            db.status()


# Clients in the wrong place


def test_a_client_after_its_end(read: World) -> None:
    with blipdb.connect(read.url, home=read.home) as db:
        pass
    with pytest.raises(UsageError, match="The client is closed") as caught:
        db.search("red")
    assert caught.value.hint == "Make another one: blipdb.connect(…)"

    async def main() -> None:
        async with blipdb.aconnect(read.url, home=read.home) as db:
            pass
        await db.aclose()  # safe to repeat
        with pytest.raises(UsageError, match="The client is closed"):
            await db.search("red")

    asyncio.run(main())


def test_another_event_loop(read: World) -> None:
    db = blipdb.aconnect(read.url, home=read.home)

    async def first() -> None:
        assert await db.status()

    async def second() -> None:
        with pytest.raises(UsageError, match="belongs to another event loop"):
            await db.status()

    with asyncio.Runner() as runner:
        runner.run(first())
        with asyncio.Runner() as other:
            other.run(second())
        runner.run(first())
        runner.run(db.aclose())


def test_no_client_is_pickled_or_copied(read: World) -> None:
    with blipdb.connect(read.url, home=read.home) as db:
        for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
            with pytest.raises(UsageError, match="can't be pickled or copied") as caught:
                attempt(db)
            assert caught.value.hint is not None
            assert "blipdb.connect(url)" in caught.value.hint
        hits = db.search("red bicycle", 2)
    with pytest.raises(UsageError, match="can't be pickled"):
        pickle.dumps(blipdb.aconnect(read.url))
    assert pickle.loads(pickle.dumps(hits)) == hits  # noqa: S301


def test_a_forked_child_may_not_use_it(read: World) -> None:
    with blipdb.connect(read.url, home=read.home) as db:
        db.search("red bicycle", 2)
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                db.search("red bicycle", 2)
                said = "nothing"
            except BlipdbError as error:
                said = error.message
            os.write(writer, said.encode())
            os._exit(0)
        os.close(writer)
        os.waitpid(pid, 0)
        with os.fdopen(reader) as file:
            said = file.read()
        assert said.startswith(f"The client was made by process {os.getpid()}, and this is its")
        assert len(db.search("red bicycle", 2)) == 2


def test_an_apps_connection_is_no_place_for_an_ingest(read: World) -> None:
    refused = pytest.raises(UsageError, match="needs connections and transactions of its own")
    with db_connection.connect(read.url) as conn, refused:
        blipdb.connect(conn).ingest("/nowhere")
    missing = pytest.raises(UsageError, match="/nowhere")
    with blipdb.connect(read.url, home=read.home) as db, missing:
        db.ingest("/nowhere")


def test_everything_is_of_one_tree() -> None:
    names = [name for name in blipdb.__all__ if name.endswith("Error")]
    assert {"DatabaseError", "EngineError", "ModelError", "UsageError"} <= set(names)
    assert all(issubclass(getattr(blipdb, name), BlipdbError) for name in names)
    assert set(blipdb.__all__) <= set(dir(blipdb))
    assert str(uuid4()) not in dir(blipdb)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        blipdb.nothing  # type: ignore[attr-defined]  # noqa: B018


def test_a_scoped_session(read: World) -> None:
    from sqlalchemy.orm import scoped_session, sessionmaker

    engine = create_engine("postgresql+psycopg://", creator=lambda: db_connection.connect(read.url))
    session = scoped_session(sessionmaker(engine))
    assert blipdb.connect(session, home=read.home).status()
    assert session.execute(text("SELECT 1")).scalar() == 1
    session.remove()
    engine.dispose()
