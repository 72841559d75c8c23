"""An app's own connection: calls run in its transaction, which is the app's to end.

Each call has a savepoint, so that one that is refused leaves the transaction as it was. Nothing is
committed here, and the app's connection is never closed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
from psycopg import pq

from ..errors import DatabaseError

Any_ = psycopg.Connection[Any] | psycopg.AsyncConnection[Any]


def require_usable(conn: Any_) -> None:
    """
    Raises:
        DatabaseError: it is closed, or its transaction has failed.
    """
    if conn.closed:
        raise DatabaseError(
            "The connection that the client was given is closed.", "Make a client of an open one."
        )
    if conn.info.transaction_status == pq.TransactionStatus.INERROR:
        raise DatabaseError(
            "The transaction of the connection that the client was given has failed before.",
            "Roll it back first.",
        )


def _is_to_begin(conn: Any_) -> bool:
    """Whether the app's transaction begins with our statement: psycopg would take a transaction
    that we begin for ours, and commit it."""
    return not conn.autocommit and conn.info.transaction_status == pq.TransactionStatus.IDLE


@contextmanager
def saved(conn: psycopg.Connection[Any], *, writes: bool) -> Iterator[psycopg.Connection[Any]]:
    """A savepoint, released in the end where one ``writes``, else rolled back."""
    require_usable(conn)
    if _is_to_begin(conn):
        with psycopg.Cursor(conn) as cursor:
            cursor.execute("SELECT")
    with conn.transaction(force_rollback=not writes):
        yield conn


@asynccontextmanager
async def asaved(
    conn: psycopg.AsyncConnection[Any], *, writes: bool
) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """As `saved`."""
    require_usable(conn)
    if _is_to_begin(conn):
        async with psycopg.AsyncCursor(conn) as cursor:
            await cursor.execute("SELECT")
    async with conn.transaction(force_rollback=not writes):
        yield conn


class Given:
    """An app's psycopg connection; calls from several threads take turns."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self._conn = conn
        self._turn = threading.Lock()

    @contextmanager
    def use(self, *, writes: bool, whole: bool) -> Iterator[psycopg.Connection[Any]]:
        """The connection, in a savepoint."""
        with self._turn, saved(self._conn, writes=writes) as conn:
            yield conn

    def close(self) -> None:
        """It is the app's to close."""


class AsyncGiven:
    """An app's asynchronous psycopg connection; calls of several tasks take turns."""

    def __init__(self, conn: psycopg.AsyncConnection[Any]) -> None:
        self._conn = conn
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def use(
        self, *, writes: bool, whole: bool
    ) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """The connection, in a savepoint."""
        async with self._turn, asaved(self._conn, writes=writes) as conn:
            yield conn

    async def close(self) -> None:
        """It is the app's to close."""
