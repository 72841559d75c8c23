"""The private cluster and the engine together: bring them up, stop them, say what runs.

`ready` is the way to a database for all that may start something: one connection, checked once.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from . import registry
from .database import connection, requirements
from .database.requirements import InstalledParts
from .engine import daemon
from .errors import BlipdbError
from .settings import Settings
from .types import Connection

if TYPE_CHECKING:
    from .host import cluster


@dataclass(frozen=True)
class Ready:
    """A connection to a database of this version of blipdb, in no transaction."""

    conn: Connection
    found: InstalledParts
    """The versions that the database has, looked at once for all who use the connection."""
    started: tuple[str, ...] = ()
    """Servers that were started for it, a sentence each."""


@dataclass(frozen=True)
class Status:
    """The state of both services."""

    cluster: cluster.Status | None
    """None where an existing server is used."""
    engine_pid: int | None
    engine_answers: bool


def up(settings: Settings) -> list[str]:
    """Bring up all that a search needs; quick and without effect where all is up.

    Returns:
        What was done, in words; nothing where all was up.

    Raises:
        SetupError, DatabaseError, EngineError: as `ready`.
    """
    database = ready(settings)
    database.conn.close()
    return list(database.started)


def ready(settings: Settings) -> Ready:
    """Bring up all that a search needs, and connect to the database.

    The private cluster is made and brought to this version of blipdb; an existing server must
    have been, by `blipdb init`. One without the extension needs no engine. Where all is up,
    this takes one connection and neither a lock nor a look at the files of PostgreSQL.

    Raises:
        SetupError: something is not installed.
        DatabaseError: the database can't be reached or is of another version.
        EngineError: the engine does not start; the message ends with what its log says.
    """
    return _connect_if_up(settings) or _bring_up(settings)


def connect(settings: Settings) -> Ready:
    """Connect to a database that must be up and of this version.

    Raises:
        SetupError: a part is missing on the server or too old.
        DatabaseError: the database can't be reached or is of another version.
    """
    with ExitStack() as on_error:
        conn = connection.connect_pinned(settings.database_url())
        on_error.callback(conn.close)
        found = requirements.check(conn, functions=settings.is_private)
        conn.commit()
        on_error.pop_all()
    return Ready(conn, found)


def down(settings: Settings) -> list[str]:
    """Stop the engine and then the private cluster; returns what was stopped, in words."""
    from .host import cluster
    from .host.home import locked

    done = []
    if settings.home.is_dir():
        with locked(settings):
            if daemon.stop(settings):
                done.append("engine stopped")
    if settings.is_private and cluster.down(settings):
        done.append("PostgreSQL stopped")
    return done


def status(settings: Settings) -> Status:
    """Say what runs; starts nothing."""
    from .host import cluster

    return Status(
        cluster=cluster.status(settings) if settings.is_private else None,
        engine_pid=daemon.pid_of(settings),
        engine_answers=daemon.health(settings) is not None,
    )


def _connect_if_up(settings: Settings) -> Ready | None:
    """Connect where nothing is left to be brought up, else return None.

    Raises:
        SetupError, DatabaseError: an existing server, which is not ours to mend, has a fault.
    """
    try:
        database = connect(settings)
    except BlipdbError:
        if settings.is_private:  # whatever it is, `_bring_up` repairs it or says what is wrong
            return None
        raise
    with ExitStack() as on_error:
        on_error.callback(database.conn.close)
        if _is_up(database, settings):
            on_error.pop_all()
            return database
    return None


def _is_up(database: Ready, settings: Settings) -> bool:
    with database.conn.transaction():
        if settings.is_private and not _names_our_engine(database.conn, settings):
            return False
        if not registry.has_bundled(database.conn, settings):
            return False
    return database.found.extension is None or daemon.is_current(settings)


def _bring_up(settings: Settings) -> Ready:
    from .host import cluster
    from .host.home import locked

    started = []
    if settings.is_private:
        if cluster.up(settings):
            started.append("PostgreSQL started")
        with locked(settings):
            if _initialise(settings):
                started.append("database brought up to date")
    database = connect(settings)
    with ExitStack() as on_error:
        on_error.callback(database.conn.close)
        with database.conn.transaction():
            registry.register_bundled(database.conn, settings)
        if database.found.extension is not None:
            with locked(settings) as owner:
                if daemon.start(settings, owner):
                    started.append("engine started")
        on_error.pop_all()
    return replace(database, started=tuple(started))


def _initialise(settings: Settings) -> bool:
    """Bring the private cluster's database to this version; False where it is of it already."""
    from .database import schema

    try:
        with connect(settings).conn as conn:
            if _names_our_engine(conn, settings):
                return False
    except BlipdbError:  # whatever it is, init repairs it or says what is the matter
        pass
    schema.init(settings.database_url(), settings)
    return True


def _names_our_engine(conn: Connection, settings: Settings) -> bool:
    """Whether the SQL functions ask the engine of this home: it may have been moved."""
    query = "SELECT value FROM blip.settings WHERE name = 'engine_socket'"
    return conn.execute(query).fetchone() == (str(settings.engine_socket),)
