"""`connect` and `aconnect`: what they take, and which client that makes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from .. import settings as settings_of
from ..errors import UsageError
from ..settings import Settings
from . import aclient, client, modes
from .aclient import AsyncClient
from .base import Options
from .client import Client
from .given import AsyncGiven, Given
from .modes import Inference
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

POOL = 8  # connections at most
TAKES = (
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
    inference: Inference | None = None,
    pool_size: int = POOL,
) -> Client:
    """A client for the database at ``url``.

    Connects when it is entered by ``with``, or at the first call.

    Args:
        url: default: BLIPDB_URL, else the private cluster. An app's own psycopg connection, or
            SQLAlchemy session or connection: then calls run in its transaction, which is the
            app's to end. Of an SQLAlchemy engine each call has a connection.
        home: where the models are, and the private cluster; default: BLIPDB_HOME.
        inference: who computes, "server" or "client"; default: the server, if it has the extension.
        pool_size: connections at most.

    Raises:
        UsageError: ``url`` is nothing that a client can be made of.
    """
    modes.require_inference(inference)
    if url is None or isinstance(url, str):
        settings, target = _located(url, home)
        size = _size(pool_size)
        return Client(Options(settings, target, inference), lambda: Pool(target, size))
    return Client(_of_app(home, inference), _source(url))


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
    inference: Inference | None = None,
    pool_size: int = POOL,
) -> AsyncClient:
    """As `connect`, for asyncio: to be entered by ``async with``, or closed by ``aclose()``."""
    modes.require_inference(inference)
    if url is None or isinstance(url, str):
        settings, target = _located(url, home)
        size = _size(pool_size)
        return AsyncClient(Options(settings, target, inference), lambda: AsyncPool(target, size))
    return AsyncClient(_of_app(home, inference), _async_source(url))


def _located(url: str | None, home: str | Path | None) -> tuple[Settings, str]:
    settings = settings_of.load(home=home, url=url)
    return settings, settings.database_url()


def _of_app(home: str | Path | None, inference: Inference | None) -> Options:
    return Options(Settings(settings_of.load(home=home).home), None, inference)


def _size(wanted: int) -> int:
    if isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < 1:
        raise UsageError(f"pool_size must be 1 or more, not {wanted!r}.")
    return wanted


def _source(target: Any) -> Callable[[], client.Source]:
    if isinstance(target, psycopg.Connection):
        return lambda: Given(target)
    if "sqlalchemy" in sys.modules:
        from sqlalchemy import Engine

        from . import alchemy

        if isinstance(target, Engine):
            return lambda: alchemy.AlchemyEngine(target)
        if isinstance(target, alchemy.SYNC):
            return lambda: alchemy.Alchemy(target)
    raise _no_target(target, "connect", "aconnect")


def _async_source(target: Any) -> Callable[[], aclient.Source]:
    if isinstance(target, psycopg.AsyncConnection):
        return lambda: AsyncGiven(target)
    if "sqlalchemy" in sys.modules:
        from sqlalchemy.ext.asyncio import AsyncEngine

        from . import alchemy

        if isinstance(target, AsyncEngine):
            return lambda: alchemy.AsyncAlchemyEngine(target)
        if isinstance(target, alchemy.ASYNC):
            return lambda: alchemy.AsyncAlchemy(target)
    raise _no_target(target, "aconnect", "connect")


def _no_target(target: object, function: str, other: str) -> UsageError:
    kind = f"{type(target).__module__}.{type(target).__qualname__}"
    return UsageError(
        f"blipdb.{function} can't make a client of {kind}.",
        f"For this one there is blipdb.{other}." if _is_of_other(target, function) else TAKES,
    )


def _is_of_other(target: object, function: str) -> bool:
    asynchronous: tuple[type, ...] = (psycopg.AsyncConnection,)
    synchronous: tuple[type, ...] = (psycopg.Connection,)
    if "sqlalchemy" in sys.modules:
        from sqlalchemy import Engine
        from sqlalchemy.ext.asyncio import AsyncEngine

        from . import alchemy

        asynchronous += (AsyncEngine, *alchemy.ASYNC)
        synchronous += (Engine, *alchemy.SYNC)
    return isinstance(target, asynchronous if function == "connect" else synchronous)
