"""Pools of a client's own connections, opened on demand, and checked before each use.

A restart of the server causes no error. A server that can't be reached is reported at once, with
the reason, and not after the pool's timeout.
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
WAIT_SECONDS = 30.0  # for a free connection, at most
FIRST_CHECK_SECONDS = 0.05  # until the first check whether the server refuses us; then doubled
OPTIONS: dict[str, Any] = {
    "autocommit": True,
    "fallback_application_name": "blipdb",
    "prepare_threshold": None,
}


class ConnectionAttempts:
    """Outcomes of a pool's attempts to connect. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connections: WeakSet[psycopg.Connection[Any] | psycopg.AsyncConnection[Any]] = (
            WeakSet()
        )
        self._refusal: psycopg.Error | None = None
        self._refused_at = 0.0

    def succeeded(self, conn: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
        with self._lock:
            self._connections.add(conn)

    def failed(self, error: psycopg.Error) -> None:
        with self._lock:
            self._refusal, self._refused_at = error, time.monotonic()

    def refusal(self, since: float) -> psycopg.Error | None:
        """Return the error of an attempt since then, if no connection is left that may become free.
        If there is one, the server only allows us no more, and waiting helps."""
        with self._lock:
            lives = any(not conn.closed for conn in self._connections)
            return None if lives or self._refused_at < since else self._refusal


class _Connection(psycopg.Connection[Any]):
    """A connection that reports the outcome of its attempt."""

    @classmethod
    def connect(  # type: ignore[override]
        cls, conninfo: str, *, attempts: ConnectionAttempts, **options: Any
    ) -> psycopg.Connection[Any]:
        try:
            conn = super().connect(conninfo, **options)
        except psycopg.Error as error:
            attempts.failed(error)
            raise
        attempts.succeeded(conn)
        return conn


class _AsyncConnection(psycopg.AsyncConnection[Any]):
    """As `_Connection`, asynchronous."""

    @classmethod
    async def connect(  # type: ignore[override]
        cls, conninfo: str, *, attempts: ConnectionAttempts, **options: Any
    ) -> psycopg.AsyncConnection[Any]:
        try:
            conn = await super().connect(conninfo, **options)
        except psycopg.Error as error:
            attempts.failed(error)
            raise
        attempts.succeeded(conn)
        return conn


def _is_anothers(record: logging.LogRecord) -> bool:
    """Whether a log record of psycopg's is about another's pool; errors of ours are raised."""
    about = record.args[0] if isinstance(record.args, tuple) and record.args else None
    return about != NAME and not isinstance(about, _Connection | _AsyncConnection)


logging.getLogger("psycopg.pool").addFilter(_is_anothers)


class _Wait:
    """A call's wait for a connection, with growing intervals and a deadline."""

    def __init__(self, url: str, size: int, attempts: ConnectionAttempts) -> None:
        self._url = url
        self._size = size
        self._attempts = attempts
        self._begun = time.monotonic()
        self._interval = FIRST_CHECK_SECONDS / 2

    def next(self) -> float:
        """Return the seconds until the next check.

        Raises:
            DatabaseError: the server has refused us since, or the time is up.
        """
        if (refusal := self._attempts.refusal(self._begun)) is not None:
            raise connection.unreachable(self._url, refusal) from refusal
        seconds = self._begun + WAIT_SECONDS - time.monotonic()
        if seconds <= 0:
            raise DatabaseError(
                f"None of the {self._size} connections to {connection.without_password(self._url)}"
                f" became free within {WAIT_SECONDS:g} s.",
                "Ask for more: blipdb.connect(url, pool_size=…)",
            )
        self._interval *= 2
        return min(self._interval, seconds)


class Pool:
    """A pool for any thread."""

    def __init__(self, url: str, size: int) -> None:
        self._url = url
        self._size = size
        self._attempts = ConnectionAttempts()
        self._pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
            url,
            connection_class=_Connection,
            kwargs=OPTIONS | {"attempts": self._attempts},
            min_size=0,
            max_size=size,
            open=True,
            configure=_relay_notices,
            reconnect_timeout=0,
            name=NAME,
        )

    @contextmanager
    def use(self, *, writes: bool, whole: bool) -> Iterator[psycopg.Connection[Any]]:
        """Lend a connection.

        Args:
            writes: begin a transaction, and commit it.
            whole: begin one with a single snapshot for all statements, and roll it back.
        """
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
        wait = _Wait(self._url, self._size, self._attempts)
        while True:
            try:
                conn = self._pool.getconn(timeout=wait.next())
            except PoolTimeout:
                continue
            is_alive = False
            try:
                with suppress(psycopg.Error):
                    ConnectionPool.check_connection(conn)
                    is_alive = True
                    return conn
            finally:  # also after a signal handler's exception, or the pool loses a connection
                if not is_alive:
                    conn.close()
                    self._pool.putconn(conn)

    def close(self) -> None:
        self._pool.close()


class AsyncPool:
    """A pool for the tasks of one event loop."""

    def __init__(self, url: str, size: int) -> None:
        self._url = url
        self._size = size
        self._attempts = ConnectionAttempts()
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]] = AsyncConnectionPool(
            url,
            connection_class=_AsyncConnection,
            kwargs=OPTIONS | {"attempts": self._attempts},
            min_size=0,
            max_size=size,
            open=False,
            configure=_arelay_notices,
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
        wait = _Wait(self._url, self._size, self._attempts)
        while True:
            try:
                conn = await self._pool.getconn(timeout=wait.next())
            except PoolTimeout:
                continue
            is_alive = False
            try:
                with suppress(psycopg.Error):
                    await AsyncConnectionPool.check_connection(conn)
                    is_alive = True
                    return conn
            finally:  # also after a cancellation
                if not is_alive:
                    await conn.close()
                    await self._pool.putconn(conn)

    async def close(self) -> None:
        await self._pool.close()


def _relay_notices(conn: psycopg.Connection[Any]) -> None:
    conn.add_notice_handler(_relay)


async def _arelay_notices(conn: psycopg.AsyncConnection[Any]) -> None:
    conn.add_notice_handler(_relay)


def _relay(diagnostic: psycopg.errors.Diagnostic) -> None:
    """Log a NOTICE of the server's functions as one of the client's own."""
    notice(diagnostic.message_primary or "", diagnostic.message_detail, diagnostic.message_hint)
