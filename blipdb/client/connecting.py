"""`connect` and `aconnect`: make a client of a URL, or of an app's own connection."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from .. import settings as settings_of
from ..errors import UsageError
from ..settings import Settings
from . import modes
from .aclient import AsyncClient
from .base import ClientOptions
from .borrowed import AsyncBorrowedConnection, BorrowedConnection
from .client import Client
from .drivers import AsyncConnectionSource, ConnectionSource
from .modes import InferenceMode
from .pools import AsyncPool, Pool

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.ext.asyncio import (
        AsyncConnection,
        AsyncEngine,
        AsyncSession,
        async_scoped_session,
    )
    from sqlalchemy.orm import Session, scoped_session

POOL_SIZE = 8  # connections
URL_OR_CONNECTION = (
    "It takes a URL as postgresql://…, a connection of psycopg, or a session, connection or engine"
    " of SQLAlchemy."
)


def connect(
    url: str
    | psycopg.Connection[Any]
    | Session
    | scoped_session[Any]
    | Connection
    | Engine
    | None = None,
    *,
    home: str | Path | None = None,
    inference: InferenceMode | None = None,
    pool_size: int = POOL_SIZE,
) -> Client:
    """Make a client for the database at ``url``.

    It connects when it is entered by ``with``, or at the first call.

    Args:
        url: default: BLIPDB_URL, else the private cluster. It may also be an app's own psycopg
            connection, or SQLAlchemy session or connection: calls then run in its transaction,
            which the app ends. With an SQLAlchemy engine, each call takes a connection.
        home: the folder of the models and the private cluster; default: BLIPDB_HOME.
        inference: "server" or "client"; default: the server computes, if it has the extension.
        pool_size: the greatest number of connections.

    Raises:
        UsageError: no client can be made of ``url``, or an argument makes no sense.
    """
    modes.require_inference(inference)
    if url is None or isinstance(url, str):
        settings, target = _locate(url, home)
        size = _require_size(pool_size)
        options = ClientOptions(settings, target, inference)
        return Client(options, lambda: Pool(target, size))
    return Client(_app_options(home, inference), _source(url))


def aconnect(
    url: str
    | psycopg.AsyncConnection[Any]
    | AsyncSession
    | async_scoped_session[Any]
    | AsyncConnection
    | AsyncEngine
    | None = None,
    *,
    home: str | Path | None = None,
    inference: InferenceMode | None = None,
    pool_size: int = POOL_SIZE,
) -> AsyncClient:
    """Make an asynchronous client, as `connect` does; enter it by ``async with``, or close it by
    ``aclose()``."""
    modes.require_inference(inference)
    if url is None or isinstance(url, str):
        settings, target = _locate(url, home)
        size = _require_size(pool_size)
        options = ClientOptions(settings, target, inference)
        return AsyncClient(options, lambda: AsyncPool(target, size))
    return AsyncClient(_app_options(home, inference), _async_source(url))


def _locate(url: str | None, home: str | Path | None) -> tuple[Settings, str]:
    settings = settings_of.load(home=home, url=url)
    return settings, settings.database_url()


def _app_options(home: str | Path | None, inference: InferenceMode | None) -> ClientOptions:
    return ClientOptions(Settings(settings_of.load(home=home).home), None, inference)


def _require_size(size: int) -> int:
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise UsageError(f"pool_size must be 1 or more, not {size!r}.")
    return size


def _source(target: Any) -> Callable[[], ConnectionSource]:
    if isinstance(target, psycopg.Connection):
        return lambda: BorrowedConnection(target)
    if "sqlalchemy" in sys.modules:
        from sqlalchemy import Engine

        from . import alchemy

        if isinstance(target, Engine):
            return lambda: alchemy.SQLAlchemyEngine(target)
        if isinstance(target, alchemy.SYNC_TARGETS):
            return lambda: alchemy.SQLAlchemyConnection(target)
    raise _unsupported(target, "connect", "aconnect")


def _async_source(target: Any) -> Callable[[], AsyncConnectionSource]:
    if isinstance(target, psycopg.AsyncConnection):
        return lambda: AsyncBorrowedConnection(target)
    if "sqlalchemy" in sys.modules:
        from sqlalchemy.ext.asyncio import AsyncEngine

        from . import alchemy

        if isinstance(target, AsyncEngine):
            return lambda: alchemy.AsyncSQLAlchemyEngine(target)
        if isinstance(target, alchemy.ASYNC_TARGETS):
            return lambda: alchemy.AsyncSQLAlchemyConnection(target)
    raise _unsupported(target, "aconnect", "connect")


def _unsupported(target: object, function: str, other: str) -> UsageError:
    kind = f"{type(target).__module__}.{type(target).__qualname__}"
    return UsageError(
        f"blipdb.{function} can't make a client of {kind}.",
        f"For this one there is blipdb.{other}."
        if _is_of_other(target, function)
        else URL_OR_CONNECTION,
    )


def _is_of_other(target: object, function: str) -> bool:
    asynchronous: tuple[type, ...] = (psycopg.AsyncConnection,)
    synchronous: tuple[type, ...] = (psycopg.Connection,)
    if "sqlalchemy" in sys.modules:
        from sqlalchemy import Engine
        from sqlalchemy.ext.asyncio import AsyncEngine

        from . import alchemy

        asynchronous += (AsyncEngine, *alchemy.ASYNC_TARGETS)
        synchronous += (Engine, *alchemy.SYNC_TARGETS)
    return isinstance(target, asynchronous if function == "connect" else synchronous)
