"""Connections to the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, LiteralString
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from ..errors import DatabaseError
from ..types import Connection

if TYPE_CHECKING:
    from sqlalchemy import Engine

_PATH: LiteralString = "pg_catalog, pg_temp"


def connect(url: str, *, autocommit: bool = False) -> Connection:
    """Connect to the database at ``url`` (a libpq URI).

    Raises:
        DatabaseError: the server can't be reached, or refuses us.
    """
    try:
        return psycopg.connect(url, autocommit=autocommit, fallback_application_name="blipdb")
    except psycopg.OperationalError as error:
        raise unreachable(url, error) from error


def connect_pinned(url: str, *, autocommit: bool = False) -> Connection:
    """Connect for a command or a worker: names without a schema are PostgreSQL's own.

    Whoever runs them may be a superuser. With the role's own search path, a function or operator
    in ``public`` whose argument types fit better would be called instead of PostgreSQL's.

    Raises:
        DatabaseError: as `connect`.
    """
    conn = connect(url, autocommit=True)  # so that no rollback undoes what follows
    try:
        conn.execute(f"SET search_path TO {_PATH}")
    except psycopg.Error as error:
        conn.close()
        raise unreachable(url, error) from error
    conn.autocommit = autocommit
    return conn


@contextmanager
def pinned(conn: Connection) -> Iterator[None]:
    """Within a transaction: set the search path of `connect_pinned`, then the former one again.

    The connection may be an app's own. Each name has its schema here, as the path is not safe yet.
    """
    row = conn.execute(
        "SELECT pg_catalog.current_setting('search_path'),"
        " pg_catalog.set_config('search_path', %s, true)",
        [_PATH],
    ).fetchone()
    assert row is not None
    yield
    conn.execute("SELECT pg_catalog.set_config('search_path', %s, true)", [row[0]])


@contextmanager
def as_owner(conn: Connection) -> Iterator[None]:
    """Within a transaction: act as the tables' owner.

    The search path is pinned, too: code that runs as this role could take back the session's own.
    """
    with pinned(conn):
        row = conn.execute(
            "SELECT pg_get_userbyid(nspowner), current_setting('role')"
            " FROM pg_namespace WHERE nspname = 'blip'"
        ).fetchone()
        assert row is not None, "the schema blip was ensured before"
        owner, role = row
        change: LiteralString = "SELECT set_config('role', %s, true)"
        conn.execute(change, [owner])
        yield
        conn.execute(change, [role])  # after an error the transaction's end does it


def pgvector_schema(conn: Connection) -> sql.Identifier:
    """Look up the schema of pgvector."""
    row = conn.execute(
        "SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
        " WHERE e.extname = 'vector'"
    ).fetchone()
    assert row is not None, "the extension vector was ensured before"
    return sql.Identifier(row[0])


def unreachable(url: str, error: psycopg.Error) -> DatabaseError:
    """Describe a server that gives no connection, as an error to raise."""
    reason = " ".join(str(error).split())
    return DatabaseError(
        f"PostgreSQL can't be reached at {without_password(url)}: {reason}",
        "Start the private cluster with: blipdb up; name another server with BLIPDB_URL.",
    )


def without_password(url: str) -> str:
    """Remove the password from a URL, so that it may be shown."""
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    base = f"{parts.scheme}://{user.partition(':')[0]}{at}{hosts}{parts.path}"
    rest = [part for part in parts.query.split("&") if part and "password=" not in part]
    return base + ("?" + "&".join(rest) if rest else "")


def sqlalchemy_engine(url: str, *, is_pinned: bool = False) -> Engine:
    """Make an SQLAlchemy engine that connects by `connect`, so that any libpq URI will do; or by
    `connect_pinned`, with which reflection finds none of pgvector's types."""
    from sqlalchemy import NullPool, create_engine

    connector = connect_pinned if is_pinned else connect
    return create_engine(
        "postgresql+psycopg://", creator=lambda: connector(url), poolclass=NullPool
    )
