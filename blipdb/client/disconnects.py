"""Connections that SQLAlchemy lent us and that died in our hands.

Apart from `alchemy`, as SQLAlchemy's asyncio needs greenlet, which who only has its ORM may lack.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
from sqlalchemy import Connection


@contextmanager
def invalidating(connection: Connection) -> Iterator[None]:
    """Tell SQLAlchemy of a connection that is lost: else it would be used again."""
    try:
        yield
    except psycopg.Error as error:
        if is_lost(connection, error):
            connection.invalidate(error)
        raise


def is_lost(connection: Connection, error: psycopg.Error) -> bool:
    """Whether an error means that the connection can't be used any more."""
    lent = connection.connection.dbapi_connection
    return bool(connection.dialect.is_disconnect(cast("Any", error), lent, None))
