"""Operations of `blipdb.database.steps` over SQLAlchemy's own connection, sync or async."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.util import await_only

from ..database.steps import Query, Steps, Work, drive

T = TypeVar("T")


def run(conn: Connection, operation: Steps[T]) -> T:
    """An operation's result. In an event loop, what is to be computed runs in a thread."""
    return drive(operation, partial(_answer, conn))


def _answer(conn: Connection, step: Query | Work) -> Any:
    if isinstance(step, Work):
        if conn.dialect.is_async:
            return await_only(asyncio.to_thread(step.do, lambda: False))
        return step.do(lambda: False)
    cursor = conn.connection.cursor()
    try:
        cursor.execute(step.text, step.values)
        return cursor.fetchall() if cursor.description else []
    finally:
        cursor.close()
