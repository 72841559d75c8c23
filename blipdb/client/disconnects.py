"""Invalidate SQLAlchemy's pooled connections that were lost while in use.

It is apart from `alchemy`, which imports SQLAlchemy's asyncio and with it greenlet: users of the
ORM alone may lack that.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from sqlalchemy import Connection


@contextmanager
def invalidate_if_lost(connection: Connection) -> Iterator[None]:
    """Invalidate a connection that is lost in the block, or SQLAlchemy's pool would reuse it."""
    try:
        yield
    except psycopg.Error as error:
        if is_lost(connection, error):
            connection.invalidate(error)
        raise


def is_lost(connection: Connection, error: psycopg.Error) -> bool:
    """Whether the error means that the connection can no longer be used."""
    lent = connection.connection.dbapi_connection
    return bool(connection.dialect.is_disconnect(cast("Any", error), lent, None))
