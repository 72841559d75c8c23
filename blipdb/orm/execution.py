"""What happens when a statement with a search runs: its words are replaced, its errors are ours.

Both are listeners of all SQLAlchemy engines, which look for one mark in a statement and else do
nothing.
"""

from __future__ import annotations

from functools import partial
from typing import Any, LiteralString

import psycopg
from psycopg import errors, sql
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

from ..client.lost import invalidating
from ..database import requirements
from ..database.failures import refusals
from ..database.requirements import Found
from ..database.steps import ask
from ..errors import BlipdbError, UsageError
from . import words
from .asking import run

DRIVERS = ("psycopg", "psycopg_async")
_FOUND = "blipdb"

# Just-in-time compilation takes longer than what it could save: the plan's cost is mostly that of
# branches which don't run.
ASK: LiteralString = """
SELECT m.model_id, m.itc_dims, m.name, n.nspname, pg_catalog.set_config('jit', 'off', true)
FROM blip._choose(%s, 'retrieval') m, pg_catalog.pg_extension e
JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector'
"""


@event.listens_for(Engine, "before_cursor_execute", retval=True)
def _fill(
    conn: Connection,
    cursor: Any,
    statement: str,
    parameters: Any,
    context: Any,
    executemany: bool,
) -> tuple[str, Any]:
    if words.MARK not in statement:
        return statement, parameters
    if conn.dialect.driver not in DRIVERS:
        raise UsageError(
            f"A search runs through psycopg; this engine is"
            f" {conn.dialect.name}+{conn.dialect.driver}.",
            "Make it with: create_engine('postgresql+psycopg://…')",
        )
    values = parameters[0] if executemany else parameters
    with refusals(), invalidating(conn):
        found = _check(conn)
        if found.extension is not None:
            return words.fill(statement, values, partial(_words, conn)), parameters
        if executemany:
            raise UsageError(
                "A search in a statement for several sets of values needs blipdb's functions on"
                " the server.",
                "Run it for each of them.",
            )
        from .alone import answer  # and NumPy and the runtime, which others don't need

        ctes = getattr(context.compiled, "ctes", None) or {}
        return run(conn, answer(statement, values, ctes, found.pgvector_schema or "public"))


@event.listens_for(Engine, "handle_error")
def _explain(context: ExceptionContext) -> BlipdbError | None:
    """The database's error as one of ours, where the statement holds a search."""
    error = context.original_exception
    if words.MARK not in (context.statement or "") or not isinstance(error, psycopg.Error):
        return None
    try:
        with refusals():
            raise error
    except BlipdbError as ours:
        if isinstance(error, errors.UndefinedFunction | errors.UndefinedTable):
            ours.hint = None  # what is missing is the app's: blipdb's own was looked for before
        return ours
    except psycopg.Error:
        return None


def _check(conn: Connection) -> Found:
    """What the database has; looked at once for each connection to the server.

    Raises:
        DatabaseError: its tables or functions are of another version.
    """
    found: Found | None = conn.info.get(_FOUND)
    if found is None:
        found = run(conn, requirements.look())
        found.require_tables()
        if found.extension is not None:
            found.require_functions()
        conn.info[_FOUND] = found
    return found


def _words(conn: Connection, model: str | None) -> words.Words:
    """What replaces a model's words, as SQL."""
    ((id, dims, name, schema, _),) = run(conn, ask(ASK, [model]))
    vector, name = (
        part.as_string().replace("%", "%%") for part in (sql.Identifier(schema), sql.Literal(name))
    )
    return words.Words(str(id), str(dims), vector, name)
