"""What runs: the private cluster and the engine, brought up, stopped, and looked at, together."""

from __future__ import annotations

from dataclasses import dataclass

from . import registry
from .database import connection, extension, requirements, schema
from .engine import daemon
from .errors import BlipdbError
from .host import cluster
from .host.home import locked
from .settings import Settings


@dataclass(frozen=True)
class Status:
    """What runs now; ``cluster`` is None where an existing server is used."""

    cluster: cluster.Status | None
    engine_pid: int | None
    engine_answers: bool


def up(settings: Settings) -> list[str]:
    """Bring up all that a search needs; quick and without effect where all is up.

    The private cluster is made and brought to this version of blipdb; an existing server must
    have been, by `blipdb init`. One that has the tables alone needs no engine.

    Returns:
        What was done, in words; nothing where all was up.

    Raises:
        SetupError: something is not installed.
        DatabaseError: the database can't be reached or is of another version.
        EngineError: the engine does not start; the message ends with what its log says.
    """
    done = []
    if settings.is_private and cluster.up(settings):
        done.append("PostgreSQL started")
    if not settings.is_private and not _has_functions(settings):
        return done
    with locked(settings) as owner:
        if settings.is_private and _initialise(settings):
            done.append("database brought up to date")
        with connection.connect_pinned(settings.database_url()) as conn:
            requirements.check(conn, functions=settings.is_private)
            registry.register_bundled(conn, settings)
        if daemon.start(settings, owner):
            done.append("engine started")
    return done


def down(settings: Settings) -> list[str]:
    """Stop the engine and then the private cluster; returns what was stopped, in words."""
    done = []
    if settings.home.is_dir():
        with locked(settings):
            if daemon.stop(settings):
                done.append("engine stopped")
    if settings.is_private and cluster.down(settings):
        done.append("PostgreSQL stopped")
    return done


def status(settings: Settings) -> Status:
    return Status(
        cluster=cluster.status(settings) if settings.is_private else None,
        engine_pid=daemon.pid_of(settings),
        engine_answers=daemon.health(settings) is not None,
    )


def _has_functions(settings: Settings) -> bool:
    """Whether the server computes; where the client does, the bundled model is made known here."""
    with connection.connect_pinned(settings.database_url()) as conn:
        requirements.check(conn)
        if extension.NAME in requirements.installed(conn):
            return True
        registry.register_bundled(conn, settings)
        return False


def _initialise(settings: Settings) -> bool:
    """Bring the private cluster's database to this version; False where it is of it already."""
    url = settings.database_url()
    with connection.connect_pinned(url) as conn:
        try:
            requirements.check(conn, functions=True)
            query = "SELECT value FROM blip.settings WHERE name = 'engine_socket'"
            if conn.execute(query).fetchone() == (str(settings.engine_socket),):
                return False
        except BlipdbError:  # whatever it is, init repairs it or says what is the matter
            pass
    schema.init(url, settings)
    return True
