"""``blipdb up``, ``down``, ``engine``, ``url``, ``psql``, ``init``, ``install-extension``."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from ..errors import SetupError
from . import options
from .options import Db, Home, Json
from .output import note, print_json


def up(as_json: Json = False, db: Db = None, home: Home = None) -> None:
    """Start PostgreSQL and the engine, where they are down.

    With --db, a server that is somebody else's to start, the engine alone.
    """
    from .. import services

    _say(services.up(options.settings(db, home)), "all is up", as_json=as_json)


def down(as_json: Json = False, db: Db = None, home: Home = None) -> None:
    """Stop the engine and our PostgreSQL; nothing is lost."""
    from .. import services

    _say(services.down(options.settings(db, home)), "nothing runs", as_json=as_json)


def _say(done: list[str], otherwise: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"done": done})
    else:
        print("\n".join(done or [otherwise]))


def engine(
    threads: Annotated[
        int, typer.Option(envvar="BLIPDB_THREADS", help="Cores that one request may use.")
    ] = 1,
    home: Home = None,
) -> None:
    """Run the engine in the foreground, until Ctrl-C."""
    from ..engine.server import serve

    serve(options.settings(None, home), threads=threads)


def url(db: Db = None, home: Home = None) -> None:
    """Print the database's URL, as psql and drivers take it."""
    from ..host import cluster

    settings = options.settings(db, home)
    print(settings.database_url())
    if settings.is_private and not cluster.status(settings).is_running:
        note("PostgreSQL does not run; start it with: blipdb up")


def psql(context: typer.Context, db: Db = None, home: Home = None) -> None:
    """Open psql on the database.

    What follows goes to psql, as in: blipdb psql -c 'SELECT 1'
    """
    from .opening import bring_up

    settings = options.settings(db, home)
    program = _psql()
    if settings.is_private:
        bring_up(settings)
    target, environment = _without_password(settings.database_url())
    os.execve(program, [program, target, *context.args], os.environ | environment)


def _without_password(url: str) -> tuple[str, dict[str, str]]:
    """Move the password, which a list of processes would show, from a URL to PGPASSWORD: return the
    connection string and the environment."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    parts = conninfo_to_dict(url)
    password = parts.pop("password", None)
    if password is None:
        return url, {}
    return make_conninfo("", **parts), {"PGPASSWORD": str(password)}


def _psql() -> str:
    from ..host import postgresql

    found = shutil.which("psql") or shutil.which("psql", path=str(postgresql.find().bin))
    if found is None:
        raise SetupError(
            "psql is not installed: looked for it in PATH and beside PostgreSQL's programs.",
            "Install it: apt-get install postgresql-client",
        )
    return found


def init(as_json: Json = False, db: Db = None, home: Home = None) -> None:
    """Bring a server's tables, functions and roles up to date.

    An existing server needs this once, and after each upgrade of blipdb; the private cluster is
    kept up to date without it. Safe to repeat.
    """
    from .. import registry
    from ..database import connection, schema
    from .opening import bring_up

    settings = options.settings(db, home)
    if settings.is_private:
        bring_up(settings)
    notes = schema.init(settings.database_url(), settings)
    with connection.connect_pinned(settings.database_url()) as conn:
        model = registry.register_bundled(conn, settings)
    for line in notes:
        note(f"warning: {line}")
    if as_json:
        print_json({"notes": notes, "bundled": model.name})
    else:
        print("the database is of this version")


def install_extension(
    folder: Annotated[
        Path | None,
        typer.Option(
            envvar="BLIPDB_EXTENSION_DIR",
            metavar="FOLDER",
            help="PostgreSQL's extension folder; default: the newest PostgreSQL's here.",
        ),
    ] = None,
) -> None:
    """Put the extension's files where a server finds them.

    For an existing PostgreSQL on this machine; mostly to be run with sudo.
    """
    from ..database import extension
    from ..host import postgresql

    target = folder or postgresql.find().extensions
    changed = extension.install(target)
    print(f"{'installed in' if changed else 'already in'} {target}")
    note("then, for each database: blipdb init --db URL")
