"""Connections borrowed from an app: calls run in its transaction, which the app ends.

Each call has a savepoint, so that a call that fails leaves the transaction as it was. Nothing is
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

AnyConnection = psycopg.Connection[Any] | psycopg.AsyncConnection[Any]


def require_usable(conn: AnyConnection) -> None:
    """Check that a borrowed connection is open and its transaction intact.

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


def _begins_transaction(conn: AnyConnection) -> bool:
    """Whether no transaction has begun yet. We then begin the app's with a statement: psycopg would
    commit a transaction that its context manager began."""
    return not conn.autocommit and conn.info.transaction_status == pq.TransactionStatus.IDLE


@contextmanager
def savepoint(conn: psycopg.Connection[Any], *, writes: bool) -> Iterator[psycopg.Connection[Any]]:
    """Enter a savepoint: released at the end if the call ``writes``, else rolled back."""
    require_usable(conn)
    if _begins_transaction(conn):
        with psycopg.Cursor(conn) as cursor:
            cursor.execute("SELECT")
    with conn.transaction(force_rollback=not writes):
        yield conn


@asynccontextmanager
async def asavepoint(
    conn: psycopg.AsyncConnection[Any], *, writes: bool
) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """As `savepoint`, asynchronously."""
    require_usable(conn)
    if _begins_transaction(conn):
        async with psycopg.AsyncCursor(conn) as cursor:
            await cursor.execute("SELECT")
    async with conn.transaction(force_rollback=not writes):
        yield conn


class BorrowedConnection:
    """An app's psycopg connection. Calls from several threads are serialised."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self._conn = conn
        self._turn = threading.Lock()

    @contextmanager
    def use(self, *, writes: bool, whole: bool) -> Iterator[psycopg.Connection[Any]]:
        """Lend the connection, in a savepoint."""
        with self._turn, savepoint(self._conn, writes=writes) as conn:
            yield conn

    def close(self) -> None:
        """No-op: the app closes its connection."""


class AsyncBorrowedConnection:
    """An app's asynchronous psycopg connection. Calls of several tasks are serialised."""

    def __init__(self, conn: psycopg.AsyncConnection[Any]) -> None:
        self._conn = conn
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def use(
        self, *, writes: bool, whole: bool
    ) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """Lend the connection, in a savepoint."""
        async with self._turn, asavepoint(self._conn, writes=writes) as conn:
            yield conn

    async def close(self) -> None:
        """No-op: the app closes its connection."""
