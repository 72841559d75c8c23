"""An app's SQLAlchemy session, connection or engine: calls run on the psycopg connection below it.

Of an engine, each call has a connection, and a transaction that is committed. Of the others, calls
run in the app's transaction, as `given` has it.
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
from .given import asaved, saved
from .lost import invalidating, is_lost

SYNC = (Session, scoped_session, Connection)
ASYNC = (AsyncSession, async_scoped_session, AsyncConnection)

DRIVER = "Make its engine with psycopg: create_engine('postgresql+psycopg://…')"


@contextmanager
def _named() -> Iterator[None]:
    """SQLAlchemy's own refusals to give a connection, as errors of ours."""
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
            DRIVER,
        )


@asynccontextmanager
async def _ainvalidating(connection: AsyncConnection) -> AsyncIterator[None]:
    """As `invalidating`."""
    try:
        yield
    except psycopg.Error as error:
        if connection.sync_connection is not None and is_lost(connection.sync_connection, error):
            await connection.invalidate(error)
        raise


class Alchemy:
    """What runs on a session or a connection; calls from several threads take turns."""

    def __init__(self, target: Session | scoped_session[Any] | Connection) -> None:
        self._target = target
        self._turn = threading.Lock()

    @contextmanager
    def use(self, *, writes: bool, whole: bool) -> Iterator[psycopg.Connection[Any]]:
        """The connection below, in a savepoint of the app's transaction."""
        with self._turn:
            connection = self._connection()
            raw = connection.connection.driver_connection
            assert isinstance(raw, psycopg.Connection)
            with invalidating(connection), saved(raw, writes=writes) as conn:
                yield conn

    def _connection(self) -> Connection:
        target = self._target
        with _named():
            connection = target if isinstance(target, Connection) else target.connection()
            _require_psycopg(connection.dialect)
            if not connection.in_transaction():
                connection.begin()  # as its first statement would: else its commit does nothing
            _ = connection.connection  # SQLAlchemy may refuse it
        if not isinstance(target, Connection) and target.autoflush:
            target.flush()  # the app's own errors stay its own
        return connection

    def close(self) -> None:
        """It is the app's to close."""


class AlchemyEngine:
    """A connection of an engine's pool for each call."""

    def __init__(self, engine: Engine) -> None:
        _require_psycopg(engine.dialect)
        self._engine = engine

    @contextmanager
    def use(self, *, writes: bool, whole: bool) -> Iterator[psycopg.Connection[Any]]:
        """A connection, in a transaction of the call's own."""
        with _named():
            connection = self._engine.connect()
        with connection, invalidating(connection):
            raw = connection.connection.driver_connection
            assert isinstance(raw, psycopg.Connection)
            with saved(raw, writes=writes) as conn:
                yield conn
            if writes and not raw.autocommit:
                raw.commit()

    def close(self) -> None:
        """It is the app's to dispose of."""


class AsyncAlchemy:
    """What runs on an asynchronous session or connection; calls of several tasks take turns."""

    def __init__(self, target: AsyncSession | async_scoped_session[Any] | AsyncConnection) -> None:
        self._target = target
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def use(
        self, *, writes: bool, whole: bool
    ) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """The connection below, in a savepoint of the app's transaction."""
        async with self._turn:
            connection = await self._connection()
            raw = (await connection.get_raw_connection()).driver_connection
            assert isinstance(raw, psycopg.AsyncConnection)
            async with _ainvalidating(connection), asaved(raw, writes=writes) as conn:
                yield conn

    async def _connection(self) -> AsyncConnection:
        target = self._target
        with _named():
            if isinstance(target, AsyncConnection):
                connection = target
            else:
                connection = await target.connection()
            _require_psycopg(connection.dialect)
            if not connection.in_transaction():
                await connection.begin()
            await connection.get_raw_connection()  # SQLAlchemy may refuse it
        if not isinstance(target, AsyncConnection) and target.autoflush:
            await target.flush()
        return connection

    async def close(self) -> None:
        """It is the app's to close."""


class AsyncAlchemyEngine:
    """A connection of an asynchronous engine's pool for each call."""

    def __init__(self, engine: AsyncEngine) -> None:
        _require_psycopg(engine.dialect)
        self._engine = engine

    @asynccontextmanager
    async def use(
        self, *, writes: bool, whole: bool
    ) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        """A connection, in a transaction of the call's own."""
        connection = self._engine.connect()
        with _named():
            await connection.start()
        try:
            raw = (await connection.get_raw_connection()).driver_connection
            assert isinstance(raw, psycopg.AsyncConnection)
            async with _ainvalidating(connection):
                async with asaved(raw, writes=writes) as conn:
                    yield conn
                if writes and not raw.autocommit:
                    await raw.commit()
        finally:
            await connection.close()

    async def close(self) -> None:
        """It is the app's to dispose of."""
