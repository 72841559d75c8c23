"""Connections of the client's own: a pool that fills as calls need it, each checked before use.

A server that was restarted costs no error, and one that is gone is named at once, with the reason.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any
from weakref import WeakSet

import psycopg
from psycopg import IsolationLevel
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout

from ..database import connection
from ..errors import DatabaseError
from .notices import notice

NAME = "blipdb's client"
PATIENCE = 30.0  # s until a connection must be free
FIRST_LOOK = 0.05  # s until we look whether the server refuses us; twice as long each time
OPTIONS: dict[str, Any] = {
    "autocommit": True,
    "fallback_application_name": "blipdb",
    "prepare_threshold": None,
}


class Reached:
    """What became of a pool's attempts to connect. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: WeakSet[psycopg.Connection[Any] | psycopg.AsyncConnection[Any]] = WeakSet()
        self._refusal: psycopg.Error | None = None
        self._refused_at = 0.0

    def made(self, conn: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
        with self._lock:
            self._made.add(conn)

    def refused(self, error: psycopg.Error) -> None:
        with self._lock:
            self._refusal, self._refused_at = error, time.monotonic()

    def refusal(self, since: float) -> psycopg.Error | None:
        """Why there is no connection; None while there is one that may become free, as where the
        server has no more for us."""
        with self._lock:
            lives = any(not conn.closed for conn in self._made)
            return None if lives or self._refused_at < since else self._refusal


class _Connection(psycopg.Connection[Any]):
    """One that tells what became of it."""

    @classmethod
    def connect(  # type: ignore[override]
        cls, conninfo: str, *, reached: Reached, **options: Any
    ) -> psycopg.Connection[Any]:
        try:
            conn = super().connect(conninfo, **options)
        except psycopg.Error as error:
            reached.refused(error)
            raise
        reached.made(conn)
        return conn


class _AsyncConnection(psycopg.AsyncConnection[Any]):
    """As `_Connection`."""

    @classmethod
    async def connect(  # type: ignore[override]
        cls, conninfo: str, *, reached: Reached, **options: Any
    ) -> psycopg.AsyncConnection[Any]:
        try:
            conn = await super().connect(conninfo, **options)
        except psycopg.Error as error:
            reached.refused(error)
            raise
        reached.made(conn)
        return conn


def _is_anothers(record: logging.LogRecord) -> bool:
    """Whether a log record of psycopg's is not about our pools: what is wrong there, we raise."""
    about = record.args[0] if isinstance(record.args, tuple) and record.args else None
    return about != NAME and not isinstance(about, _Connection | _AsyncConnection)


logging.getLogger("psycopg.pool").addFilter(_is_anothers)


class _Waiting:
    """How long a call has waited for a connection, and what ends that."""

    def __init__(self, url: str, size: int, reached: Reached) -> None:
        self._url = url
        self._size = size
        self._reached = reached
        self._begun = time.monotonic()
        self._look = FIRST_LOOK / 2

    def next(self) -> float:
        """Seconds until the next look.

        Raises:
            DatabaseError: the server has refused us since, or no connection became free.
        """
        if (refusal := self._reached.refusal(self._begun)) is not None:
            raise connection.unreachable(self._url, refusal) from refusal
        left = self._begun + PATIENCE - time.monotonic()
        if left <= 0:
            raise DatabaseError(
                f"None of the {self._size} connections to {connection.without_password(self._url)}"
                f" became free within {PATIENCE:g} s.",
                "Ask for more: blipdb.connect(url, pool_size=…)",
            )
        self._look *= 2
        return min(self._look, left)


class Pool:
    """Connections for any thread."""

    def __init__(self, url: str, size: int) -> None:
        self._url = url
        self._size = size
        self._reached = Reached()
        self._pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
            url,
            connection_class=_Connection,
            kwargs=OPTIONS | {"reached": self._reached},
            min_size=0,
            max_size=size,
            open=True,
            configure=_listen,
            reconnect_timeout=0,
            name=NAME,
        )

    @contextmanager
    def use(self, *, writes: bool, whole: bool) -> Iterator[psycopg.Connection[Any]]:
        """A connection, in a transaction: committed where one ``writes``; else rolled back, and
        all its statements see one moment, if ``whole``; else none."""
        conn = self._take()
        try:
            if writes or whole:
                conn.isolation_level = None if writes else IsolationLevel.REPEATABLE_READ
                conn.read_only = None if writes else True
                with conn.transaction(force_rollback=not writes):
                    yield conn
            else:
                yield conn
        finally:
            self._pool.putconn(conn)

    def _take(self) -> psycopg.Connection[Any]:
        waiting = _Waiting(self._url, self._size, self._reached)
        while True:
            try:
                conn = self._pool.getconn(timeout=waiting.next())
            except PoolTimeout:
                continue
            is_alive = False
            try:
                with suppress(psycopg.Error):
                    ConnectionPool.check_connection(conn)
                    is_alive = True
                    return conn
            finally:  # what a signal raises must not cost the pool a connection
                if not is_alive:
                    conn.close()
                    self._pool.putconn(conn)

    def close(self) -> None:
        self._pool.close()


class AsyncPool:
    """Connections for the tasks of one event loop."""

    def __init__(self, url: str, size: int) -> None:
        self._url = url
        self._size = size
        self._reached = Reached()
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]] = AsyncConnectionPool(
            url,
            connection_class=_AsyncConnection,
            kwargs=OPTIONS | {"reached": self._reached},
            min_size=0,
            max_size=size,
            open=False,
            configure=_alisten,
            reconnect_timeout=0,
            name=NAME,
        )

    @asynccontextmanager
    async def use(
        self, *, writes: bool, whole: bool
    ) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """As `Pool.use`."""
        conn = await self._take()
        try:
            if writes or whole:
                await conn.set_isolation_level(None if writes else IsolationLevel.REPEATABLE_READ)
                await conn.set_read_only(None if writes else True)
                async with conn.transaction(force_rollback=not writes):
                    yield conn
            else:
                yield conn
        finally:
            await self._pool.putconn(conn)

    async def _take(self) -> psycopg.AsyncConnection[Any]:
        await self._pool.open()
        waiting = _Waiting(self._url, self._size, self._reached)
        while True:
            try:
                conn = await self._pool.getconn(timeout=waiting.next())
            except PoolTimeout:
                continue
            is_alive = False
            try:
                with suppress(psycopg.Error):
                    await AsyncConnectionPool.check_connection(conn)
                    is_alive = True
                    return conn
            finally:  # nor a task that is cancelled
                if not is_alive:
                    await conn.close()
                    await self._pool.putconn(conn)

    async def close(self) -> None:
        await self._pool.close()


def _listen(conn: psycopg.Connection[Any]) -> None:
    conn.add_notice_handler(_tell)


async def _alisten(conn: psycopg.AsyncConnection[Any]) -> None:
    conn.add_notice_handler(_tell)


def _tell(said: psycopg.errors.Diagnostic) -> None:
    """What the server's functions say beside a result, as the client itself says it."""
    notice(said.message_primary or "", said.message_detail, said.message_hint)
