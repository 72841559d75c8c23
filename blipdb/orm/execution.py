"""Execution of statements with a search: resolve their placeholders, and translate their errors.

SQLAlchemy caches a compiled statement for longer than a model is active, and PostgreSQL uses a
model's partition and index only if its id and dimensions are literals. So a compiled search holds
`placeholders`, which are resolved each time that it runs, by the model that is active then.

Both are done by listeners of all SQLAlchemy engines. They look for one mark in a statement, and do
nothing to others.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, LiteralString, TypeVar

import psycopg
from psycopg import errors, sql
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.util import await_only

from ..client.disconnects import invalidate_if_lost
from ..database import requirements
from ..database.failures import translate_all
from ..database.requirements import InstalledParts
from ..database.steps import Query, Steps, Work, ask, drive
from ..errors import BlipdbError, UsageError
from . import placeholders

T = TypeVar("T")

DRIVERS = ("psycopg", "psycopg_async")
_REQUIREMENTS = "blipdb"

# Without just-in-time compilation, which takes longer than it saves: most of the plan's estimated
# cost is in branches that don't run.
CHOOSE_MODEL: LiteralString = """
SELECT m.model_id, m.itc_dims, m.name, n.nspname, pg_catalog.set_config('jit', 'off', true)
FROM blip._choose(%s, 'retrieval') m, pg_catalog.pg_extension e
JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'
"""


@event.listens_for(Engine, "before_cursor_execute", retval=True)
def _resolve_placeholders(
    conn: Connection,
    cursor: Any,
    statement: str,
    parameters: Any,
    context: Any,
    executemany: bool,
) -> tuple[str, Any]:
    if placeholders.MARK not in statement:
        return statement, parameters
    if conn.dialect.driver not in DRIVERS:
        raise UsageError(
            f"A search runs through psycopg; this engine is"
            f" {conn.dialect.name}+{conn.dialect.driver}.",
            "Make it with: create_engine('postgresql+psycopg://…')",
        )
    values = parameters[0] if executemany else parameters
    with translate_all(), invalidate_if_lost(conn):
        parts = _require_schema(conn)
        if parts.extension is not None:
            values_of = partial(_placeholder_values, conn)
            return placeholders.fill(statement, values, values_of), parameters
        if executemany:
            raise UsageError(
                "A search in a statement for several sets of values needs blipdb's functions on"
                " the server.",
                "Run it for each of them.",
            )
        from .in_process import (
            answer,  # imports NumPy and the runtime, which servers' clients don't need
        )

        ctes = getattr(context.compiled, "ctes", None) or {}
        return run(conn, answer(statement, values, ctes, parts.pgvector_schema or "public"))


@event.listens_for(Engine, "handle_error")
def _translate_error(context: ExceptionContext) -> BlipdbError | None:
    """Translate the database's error, if the statement holds a search."""
    error = context.original_exception
    if placeholders.MARK not in (context.statement or "") or not isinstance(error, psycopg.Error):
        return None
    try:
        with translate_all():
            raise error
    except BlipdbError as ours:
        if isinstance(error, errors.UndefinedFunction | errors.UndefinedTable):
            ours.hint = None  # the missing one is the app's: blipdb's were checked before
        return ours
    except psycopg.Error:
        return None


def _require_schema(conn: Connection) -> InstalledParts:
    """Check the database's tables and functions, once per connection to the server.

    Raises:
        DatabaseError: its tables or functions are of another version.
    """
    parts: InstalledParts | None = conn.info.get(_REQUIREMENTS)
    if parts is None:
        parts = run(conn, requirements.look())
        parts.require_tables()
        parts.require_functions()
        conn.info[_REQUIREMENTS] = parts
    return parts


def _placeholder_values(conn: Connection, model: str | None) -> placeholders.ModelValues:
    """Return the values of a model's placeholders, as SQL."""
    ((id, dims, name, schema, _),) = run(conn, ask(CHOOSE_MODEL, [model]))
    vector, name = (
        part.as_string().replace("%", "%%") for part in (sql.Identifier(schema), sql.Literal(name))
    )
    return placeholders.ModelValues(str(id), str(dims), vector, name)


def run(conn: Connection, operation: Steps[T]) -> T:
    """Run an operation on SQLAlchemy's own connection. In an event loop, its `Work` steps run in a
    thread."""
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
