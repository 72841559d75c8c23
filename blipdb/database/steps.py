"""Operations as generators, so that each is written once for sync and async callers.

An operation yields what it needs from outside, a `Query` for the database or a `Work` to compute,
and is sent the answer. It never waits itself: `run` and `arun` do that for it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, LiteralString, TypeAlias, TypeVar

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

T = TypeVar("T")
Row = tuple[Any, ...]
Stop = Callable[[], bool]
Values: TypeAlias = Sequence[Any] | Mapping[str, Any]
Text: TypeAlias = LiteralString | sql.Composed


@dataclass(frozen=True)
class Query:
    """A statement and its values; its rows are the answer. With ``binary`` large bytea values are
    not sent as hexadecimal digits."""

    text: Text
    values: Values = ()
    binary: bool = False


@dataclass(frozen=True)
class Work:
    """A computation, or a reading of files, that takes a while. ``do`` gets a function that tells
    whether it should stop, as nobody waits for its result any more."""

    do: Callable[[Stop], Any]


@dataclass(frozen=True)
class OwnConnection:
    """Statements that must not run in the caller's session; ``do`` is given a new connection to the
    same database, in autocommit."""

    do: Callable[[psycopg.Connection[Any]], Any]


Step: TypeAlias = Query | Work | OwnConnection
Steps: TypeAlias = Generator[Step, Any, T]


def ask(text: Text, values: Values = (), *, binary: bool = False) -> Steps[list[Row]]:
    """Run a statement, and return its rows."""
    rows: list[Row] = yield Query(text, values, binary)
    return rows


def work(do: Callable[[Stop], T]) -> Steps[T]:
    """Compute ``do`` outside the operation, and return its result."""
    result: T = yield Work(do)
    return result


def own_connection(do: Callable[[psycopg.Connection[Any]], T]) -> Steps[T]:
    """Run ``do`` on a connection of its own, and return its result."""
    result: T = yield OwnConnection(do)
    return result


def run(conn: psycopg.Connection[Any], operation: Steps[T]) -> T:
    """Run an operation in this thread, and return its result."""
    return drive(operation, partial(_answer, conn))


def drive(operation: Steps[T], give: Callable[[Step], Any]) -> T:
    """Run an operation whose steps ``give`` answers, and return its result."""
    with closing(operation):
        try:
            step = next(operation)
            while True:
                try:
                    answer = give(step)
                except Exception as error:
                    step = operation.throw(error)
                else:
                    step = operation.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result


async def arun(conn: psycopg.AsyncConnection[Any], operation: Steps[T]) -> T:
    """Run an operation, and return its result. Its `Work` runs in a thread, which is asked to stop
    when this task is cancelled."""
    with closing(operation):
        try:
            step = next(operation)
            while True:
                try:
                    answer = await _aanswer(conn, step)
                except Exception as error:
                    step = operation.throw(error)
                else:
                    step = operation.send(answer)
        except StopIteration as end:
            result: T = end.value
            return result


# psycopg's plain cursor, as an app's connection may have another factory. Statements are never
# prepared, so that each plan is made for its own values.


def _answer(conn: psycopg.Connection[Any], step: Step) -> Any:
    if isinstance(step, Work):
        return step.do(lambda: False)
    if isinstance(step, OwnConnection):
        return _on_own_connection(conn.info, step)
    with psycopg.Cursor(conn, row_factory=tuple_row) as cursor:
        cursor.execute(step.text, step.values, prepare=False, binary=step.binary)
        return cursor.fetchall() if cursor.description else []


def _on_own_connection(info: psycopg.ConnectionInfo, step: OwnConnection) -> Any:
    with psycopg.connect(info.dsn, password=info.password or None, autocommit=True) as own:
        return step.do(own)


async def _aanswer(conn: psycopg.AsyncConnection[Any], step: Step) -> Any:
    if isinstance(step, OwnConnection):
        return await asyncio.to_thread(_on_own_connection, conn.info, step)
    if isinstance(step, Work):
        stopped = threading.Event()
        try:
            return await asyncio.to_thread(step.do, stopped.is_set)
        finally:
            stopped.set()
    async with psycopg.AsyncCursor(conn, row_factory=tuple_row) as cursor:
        await cursor.execute(step.text, step.values, prepare=False, binary=step.binary)
        return await cursor.fetchall() if cursor.description else []
