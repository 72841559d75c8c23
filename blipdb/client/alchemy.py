"""SQLAlchemy sessions, connections and engines of an app: calls run on their psycopg connection.

On an engine, each call has a connection, and a transaction that is committed. On a session or
connection, calls run in the app's transaction, as in `borrowed`.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection, Engine, exc
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, async_scoped_session
from sqlalchemy.orm import Session, scoped_session

from ..errors import DatabaseError, UsageError
from .borrowed import asavepoint, savepoint
from .disconnects import invalidate_if_lost, is_lost

SYNC_TARGETS = (Session, scoped_session, Connection)
ASYNC_TARGETS = (AsyncSession, async_scoped_session, AsyncConnection)

DRIVER_HINT = "Make its engine with psycopg: create_engine('postgresql+psycopg://…')"


@contextmanager
def _translate_errors() -> Iterator[None]:
    """Translate SQLAlchemy's errors at getting a connection to blipdb's."""
    try:
        yield
    except exc.UnboundExecutionError as error:
        raise UsageError(
            "The SQLAlchemy session is bound to no engine.", "Give it one: Session(engine)"
        ) from error
    except exc.PendingRollbackError as error:
        raise DatabaseError(
            "The transaction of the SQLAlchemy session or connection has failed before.",
            "Roll it back first.",
        ) from error
    except (exc.ResourceClosedError, exc.InvalidRequestError) as error:
        raise UsageError(
            f"SQLAlchemy gives no connection: {str(error).rstrip('.')}.",
            "Make a client of an open session or connection.",
        ) from error
    except exc.DBAPIError as error:
        if not isinstance(error.orig, psycopg.OperationalError):
            raise
        reason = " ".join(str(error.orig).split())
        raise DatabaseError(f"PostgreSQL can't be reached: {reason}") from error


def _require_psycopg(dialect: Dialect) -> None:
    if (dialect.name, dialect.driver) != ("postgresql", "psycopg"):
        raise UsageError(
            f"blipdb works on psycopg's connections; this engine's are {dialect.name}+"
            f"{dialect.driver}.",
            DRIVER_HINT,
        )


@asynccontextmanager
async def _ainvalidate_if_lost(connection: AsyncConnection) -> AsyncIterator[None]:
    """As `invalidate_if_lost`, asynchronously."""
    try:
        yield
    except psycopg.Error as error:
        if connection.sync_connection is not None and is_lost(connection.sync_connection, error):
            await connection.invalidate(error)
        raise


class SQLAlchemyConnection:
    """An app's session or connection. Calls from several threads are serialised."""

    def __init__(self, target: Session | scoped_session[Any] | Connection) -> None:
        self._target = target
        self._turn = threading.Lock()

    @contextmanager
    def use(self, *, writes: bool, whole: bool) -> Iterator[psycopg.Connection[Any]]:
        """Lend its psycopg connection, in a savepoint of the app's transaction."""
        with self._turn:
            connection = self._connection()
            raw = connection.connection.driver_connection
            assert isinstance(raw, psycopg.Connection)
            with invalidate_if_lost(connection), savepoint(raw, writes=writes) as conn:
                yield conn

    def _connection(self) -> Connection:
        target = self._target
        with _translate_errors():
            connection = target if isinstance(target, Connection) else target.connection()
            _require_psycopg(connection.dialect)
            if not connection.in_transaction():
                connection.begin()  # or SQLAlchemy knows of no transaction, and commits none
            _ = connection.connection  # raises if SQLAlchemy refuses it
        if not isinstance(target, Connection) and target.autoflush:
            target.flush()  # errors of the app's own rows are not translated
        return connection

    def close(self) -> None:
        """No-op: the app closes it."""


class SQLAlchemyEngine:
    """An app's engine: each call takes a connection from its pool."""

    def __init__(self, engine: Engine) -> None:
        _require_psycopg(engine.dialect)
        self._engine = engine

    @contextmanager
    def use(self, *, writes: bool, whole: bool) -> Iterator[psycopg.Connection[Any]]:
        """Lend a psycopg connection, in a transaction of the call's own."""
        with _translate_errors():
            connection = self._engine.connect()
        with connection, invalidate_if_lost(connection):
            raw = connection.connection.driver_connection
            assert isinstance(raw, psycopg.Connection)
            with savepoint(raw, writes=writes) as conn:
                yield conn
            if writes and not raw.autocommit:
                raw.commit()

    def close(self) -> None:
        """No-op: the app disposes of its engine."""


class AsyncSQLAlchemyConnection:
    """An app's asynchronous session or connection. Calls of several tasks are serialised."""

    def __init__(self, target: AsyncSession | async_scoped_session[Any] | AsyncConnection) -> None:
        self._target = target
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def use(
        self, *, writes: bool, whole: bool
    ) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """Lend its psycopg connection, in a savepoint of the app's transaction."""
        async with self._turn:
            connection = await self._connection()
            raw = (await connection.get_raw_connection()).driver_connection
            assert isinstance(raw, psycopg.AsyncConnection)
            async with _ainvalidate_if_lost(connection), asavepoint(raw, writes=writes) as conn:
                yield conn

    async def _connection(self) -> AsyncConnection:
        target = self._target
        with _translate_errors():
            if isinstance(target, AsyncConnection):
                connection = target
            else:
                connection = await target.connection()
            _require_psycopg(connection.dialect)
            if not connection.in_transaction():
                await connection.begin()
            await connection.get_raw_connection()  # raises if SQLAlchemy refuses it
        if not isinstance(target, AsyncConnection) and target.autoflush:
            await target.flush()
        return connection

    async def close(self) -> None:
        """No-op: the app closes it."""


class AsyncSQLAlchemyEngine:
    """An app's asynchronous engine: each call takes a connection from its pool."""

    def __init__(self, engine: AsyncEngine) -> None:
        _require_psycopg(engine.dialect)
        self._engine = engine

    @asynccontextmanager
    async def use(
        self, *, writes: bool, whole: bool
    ) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """Lend a psycopg connection, in a transaction of the call's own."""
        connection = self._engine.connect()
        with _translate_errors():
            await connection.start()
        try:
            raw = (await connection.get_raw_connection()).driver_connection
            assert isinstance(raw, psycopg.AsyncConnection)
            async with _ainvalidate_if_lost(connection):
                async with asavepoint(raw, writes=writes) as conn:
                    yield conn
                if writes and not raw.autocommit:
                    await raw.commit()
        finally:
            await connection.close()

    async def close(self) -> None:
        """No-op: the app disposes of its engine."""
