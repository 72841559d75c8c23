"""The client's own connections: filled as calls need them, replaced when they break, shared by
threads and tasks."""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from threading import Barrier
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool, ConnectionPool
from sqlalchemy import Connection as SQLConnection
from sqlalchemy import Engine, create_engine
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.orm import Session

import blipdb
from blipdb.client import pools
from blipdb.errors import DatabaseError
from blipdb.host import cluster
from blipdb.identity import image_id
from blipdb.settings import Settings
from tests.album import picture
from tests.client.conftest import ROLE, World


@pytest.fixture
def admin(read: World) -> Iterator[psycopg.Connection[Any]]:
    """A superuser's connection to the same database, under another name."""
    with psycopg.connect(read.admin, autocommit=True, application_name="admin") as conn:
        yield conn


OURS = "FROM pg_stat_activity WHERE application_name = 'blipdb' AND datname = current_database()"


def connections(admin: psycopg.Connection[Any]) -> int:
    row = admin.execute(f"SELECT count(*) {OURS}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def terminate(admin: psycopg.Connection[Any]) -> int:
    """End all of the client's connections, and wait until they have ended."""
    ended = admin.execute(f"SELECT pg_terminate_backend(pid, 5000) {OURS}".encode()).fetchall()
    assert all(done for (done,) in ended)
    return len(ended)


def test_it_fills_when_calls_come(read: World, admin: psycopg.Connection[Any]) -> None:
    db = blipdb.connect(read.url, home=read.home)
    assert connections(admin) == 0
    db.status()
    assert connections(admin) == 1
    db.status()
    assert connections(admin) == 1
    db.close()
    for _ in range(100):
        if not connections(admin):
            break
        time.sleep(0.05)
    assert connections(admin) == 0
    db.close()  # safe to repeat


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Check that psycopg's pool logs nothing about errors that a client raises or recovers from."""
    with caplog.at_level(logging.DEBUG, "psycopg.pool"):
        yield
    assert [one for one in caplog.records if one.name == "psycopg.pool"] == []


def test_what_the_server_ended_is_replaced(
    read: World, admin: psycopg.Connection[Any], quiet: None
) -> None:
    with blipdb.connect(read.url, home=read.home, pool_size=4) as db:
        barrier = Barrier(4)

        def call(_: int) -> int:
            barrier.wait(10)
            return len(db.search("red bicycle", 3))

        with ThreadPoolExecutor(4) as threads:
            assert list(threads.map(call, range(4))) == [3] * 4
        assert terminate(admin) >= 1
        begin = time.monotonic()
        assert len(db.search("red bicycle", 3)) == 3
        assert time.monotonic() - begin < 5
        assert terminate(admin) >= 1
        assert db.status()


def test_what_the_server_ended_is_replaced_asynchronously(
    read: World, admin: psycopg.Connection[Any]
) -> None:
    async def main() -> None:
        async with blipdb.aconnect(read.url, home=read.home) as db:
            await asyncio.gather(*(db.search("red bicycle", 3) for _ in range(4)))
            assert await asyncio.to_thread(terminate, admin) >= 1
            assert len(await db.search("red bicycle", 3)) == 3

    asyncio.run(main())


def test_a_connection_lost_in_the_middle_is_an_error(
    read: World, admin: psycopg.Connection[Any]
) -> None:
    """We can't retry the call, as its outcome is unknown. The next call works."""
    with blipdb.connect(read.url, home=read.home) as db:
        db.status()
        with psycopg.connect(read.admin) as blocker:
            blocker.execute("LOCK TABLE blip.failed_files")
            with ThreadPoolExecutor(1) as threads:
                waiting = threads.submit(db.failures)
                while not waiting.done() and not terminate_waiting(admin):
                    time.sleep(0.02)
                with pytest.raises(DatabaseError, match="The database went away"):
                    waiting.result(10)
        assert db.failures() == []


def terminate_waiting(admin: psycopg.Connection[Any]) -> bool:
    return bool(
        admin.execute(
            f"SELECT pg_terminate_backend(pid, 5000) {OURS} AND wait_event_type = 'Lock'".encode()
        ).fetchall()
    )


@pytest.mark.parametrize("target", ["socket", "port", "password"])
def test_a_server_that_is_not_there_is_named_at_once(
    target: str, tmp_path: Path, quiet: None
) -> None:
    url, says = {
        "socket": (f"postgresql://ann:secret@/x?host={tmp_path}", "No such file or directory"),
        "port": ("postgresql://ann:secret@127.0.0.1:9/x", "Connection refused"),
        "password": (f"postgresql:///x?host={tmp_path}&password=secret", "No such file"),
    }[target]

    async def main() -> None:
        async with blipdb.aconnect(url):
            raise AssertionError("it is not there")

    gc.collect()  # pools that were left open before would be ended within the time that is taken
    begin = time.monotonic()
    for _ in range(2):
        with (
            pytest.raises(DatabaseError, match="can't be reached at postgresql://") as caught,
            closing(blipdb.connect(url)) as db,
        ):
            db.status()
        assert says in caught.value.message
        assert "secret" not in str(caught.value)
        with pytest.raises(DatabaseError, match=says):
            asyncio.run(main())
    assert time.monotonic() - begin < 4


def test_a_database_that_is_not_there(cluster: Settings) -> None:
    url = cluster.database_url().replace("/blipdb?", "/nothing?")
    with pytest.raises(DatabaseError, match='database "nothing" does not exist'):
        blipdb.connect(url).status()


@pytest.mark.slow
def test_a_server_that_was_restarted(empty_home: Path) -> None:
    """While it is down each call says so; afterwards all is as before."""
    settings = Settings(empty_home)
    cluster.up(settings)
    try:
        from blipdb.database import schema

        schema.init(settings.database_url(), settings)
        with blipdb.connect(settings.database_url(), home=empty_home) as db:
            assert db.status()
            cluster.down(settings)
            for _ in range(2):
                with pytest.raises(DatabaseError, match="can't be reached"):
                    db.status()
            cluster.up(settings)
            assert db.status()
    finally:
        cluster.down(settings)


def test_when_all_are_busy_a_call_waits(read: World) -> None:
    with blipdb.connect(read.url, home=read.home, pool_size=1) as db:
        with ThreadPoolExecutor(6) as threads:
            found = list(threads.map(lambda _: db.search("red bicycle", 3), range(12)))
        assert all(hits == found[0] for hits in found)


def _wait_until_gone(admin: psycopg.Connection[Any]) -> None:
    """Wait until the backends of earlier tests' connections have ended: each counts to a limit."""
    deadline = time.monotonic() + 30
    query = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"
    while admin.execute(query, [ROLE]).fetchone() != (0,):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("kind", ["client"])
def test_a_server_that_has_no_more_connections_is_waited_for(read: World, quiet: None) -> None:
    """Fewer than the pool may have: calls take turns at those that there are."""
    with psycopg.connect(read.admin, autocommit=True) as admin:
        admin.execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT 1".encode())
        _wait_until_gone(admin)
        try:
            with blipdb.connect(read.url, home=read.home, pool_size=4) as db:
                with ThreadPoolExecutor(4) as threads:
                    found = list(threads.map(lambda _: db.search("red bicycle", 3), range(8)))
                assert all(hits == found[0] for hits in found)
                with pytest.raises(DatabaseError, match="too many connections for role"):
                    blipdb.connect(read.url, home=read.home).status()
        finally:
            admin.execute(f"ALTER ROLE {ROLE} CONNECTION LIMIT -1".encode())


def test_a_call_does_not_wait_for_ever(read: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "WAIT_SECONDS", 0.3)
    blocked = psycopg.connect(read.admin)
    with blocked as blocker, blipdb.connect(read.url, home=read.home, pool_size=1) as db:
        blocker.execute("LOCK TABLE blip.failed_files")
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(db.failures)
            time.sleep(0.1)
            with pytest.raises(DatabaseError, match=r"None of the 1 connections .* 0.3 s"):
                db.status()
            blocker.rollback()
            assert waiting.result(10) == []


def test_threads_share_a_client(write: World) -> None:
    """Searches and additions at once, on fewer connections than threads."""
    pictures = [picture(seed) for seed in range(12)]
    with blipdb.connect(write.url, home=write.home, pool_size=3) as db:
        expected = db.search("red bicycle", 3)

        def call(number: int) -> Any:
            if number % 2:
                return db.add(pictures[number])
            return db.search("red bicycle", 3)

        with ThreadPoolExecutor(6) as threads:
            results = list(threads.map(call, range(12)))
        assert all(hits == expected for hits in results[::2])
        assert results[1::2] == [image_id("", content) for content in pictures[1::2]]
        assert {count.count for count in db.status() if count.what == "images"} == {8 + 6}


def test_a_cancelled_task_gives_its_connection_back(read: World) -> None:
    async def main() -> None:
        async with blipdb.aconnect(read.url, home=read.home, pool_size=1) as db:
            await db.status()
            async with await psycopg.AsyncConnection.connect(read.admin) as blocker:
                await blocker.execute("LOCK TABLE blip.failed_files")
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(db.failures(), 0.3)
            assert await db.failures() == []
            assert len(await db.search("red bicycle", 3)) == 3

    asyncio.run(main())


def test_a_task_cancelled_while_its_connection_is_looked_at(
    read: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a caller leaves a web server: the pool keeps its size."""
    look = AsyncConnectionPool.check_connection

    async def slowly(conn: psycopg.AsyncConnection[Any]) -> None:
        await asyncio.sleep(0.1)
        await look(conn)

    async def main() -> None:
        async with blipdb.aconnect(read.url, home=read.home, pool_size=1) as db:
            await db.status()
            monkeypatch.setattr(AsyncConnectionPool, "check_connection", staticmethod(slowly))
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(db.status(), 0.05)
            assert await asyncio.wait_for(db.status(), 10)

    asyncio.run(main())


def test_an_interrupt_while_a_connection_is_looked_at(
    read: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(conn: psycopg.Connection[Any]) -> None:
        raise KeyboardInterrupt

    with blipdb.connect(read.url, home=read.home, pool_size=1) as db:
        db.status()
        with monkeypatch.context() as patch:
            patch.setattr(ConnectionPool, "check_connection", staticmethod(interrupted))
            with pytest.raises(KeyboardInterrupt):
                db.status()
        assert db.status()


# On SQLAlchemy's


def test_sqlalchemy_hears_of_lost_connections(read: World, admin: psycopg.Connection[Any]) -> None:
    """Its session goes on after a rollback, its pool with another connection."""
    engine = create_engine(of_sqlalchemy(read.url), pool_size=1, max_overflow=0)
    targets: list[AbstractContextManager[Session | Engine]] = [Session(engine), nullcontext(engine)]
    for chosen in targets:
        end(admin, connection_id(engine.connect()))
        with chosen as target:
            with pytest.raises(DatabaseError):
                blipdb.connect(target, home=read.home).status()
            if isinstance(target, Session):
                target.rollback()
            assert blipdb.connect(target, home=read.home).status()
    engine.dispose()


def test_sqlalchemy_hears_of_lost_connections_asynchronously(
    read: World, admin: psycopg.Connection[Any]
) -> None:
    async def main() -> None:
        engine = create_async_engine(of_sqlalchemy(read.url), pool_size=1, max_overflow=0)
        for target in (AsyncSession(engine), engine):
            async with engine.connect() as conn:
                raw = (await conn.get_raw_connection()).driver_connection
                assert raw is not None
                number = raw.info.backend_pid
            await asyncio.to_thread(end, admin, number)
            with pytest.raises(DatabaseError):
                await blipdb.aconnect(target, home=read.home).status()
            if isinstance(target, AsyncSession):
                await target.rollback()
            assert await blipdb.aconnect(target, home=read.home).status()
            if isinstance(target, AsyncSession):
                await target.close()
        await engine.dispose()

    asyncio.run(main())


def of_sqlalchemy(url: str) -> str:
    return url.replace("postgresql:", "postgresql+psycopg:", 1)


def connection_id(conn: SQLConnection) -> int:
    """The number of its server process; it goes back into the pool."""
    with conn:
        raw = conn.connection.driver_connection
        assert isinstance(raw, psycopg.Connection)
        return raw.info.backend_pid


def end(admin: psycopg.Connection[Any], number: int) -> None:
    admin.execute("SELECT pg_terminate_backend(%s, 5000)", [number])
