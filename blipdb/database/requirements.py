"""Requirements on a server and its database, with the command that mends what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import LiteralString

import psycopg

from ..errors import DatabaseError, SetupError
from ..host.postgresql import OLDEST, OLDEST_VECTOR
from ..types import Connection
from . import extension
from .failures import translate_all
from .steps import Steps, ask, run

INIT = "Bring it up to date with: blipdb init"
_REVISION: LiteralString = "SELECT version_num FROM blip.alembic_version"


# On any connection, an app's as well: with schemas, whatever its search path.
_LOOK: LiteralString = """
    SELECT pg_catalog.current_database(), v.extversion, n.nspname,
           (SELECT e.extversion FROM pg_catalog.pg_extension e
            WHERE e.extname OPERATOR(pg_catalog.=) 'blipdb'),
           -- From the function's source, as not everybody may call it.
           (SELECT substring(p.prosrc FROM '[0-9a-f]{16}') FROM pg_catalog.pg_proc p
            WHERE p.oid OPERATOR(pg_catalog.=) pg_catalog.to_regprocedure('blip._build()')),
           pg_catalog.to_regclass('blip.alembic_version') IS NOT NULL
    FROM (SELECT) AS nothing
    LEFT JOIN pg_catalog.pg_extension v ON v.extname OPERATOR(pg_catalog.=) 'vector'
    LEFT JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) v.extnamespace
"""


@dataclass(frozen=True)
class InstalledParts:
    """The parts of blipdb in a database, with their versions; None where one is missing."""

    database: str
    """Its name."""
    pgvector: str | None
    """Version of pgvector."""
    pgvector_schema: str | None
    """Schema of pgvector's types and operators."""
    extension: str | None
    """Version of the extension blipdb."""
    build: str | None
    """Build of its functions, see `extension.build`."""
    revision: str | None
    """Alembic's revision of the tables; "none" where Alembic's table is empty."""

    def require_tables(self) -> None:
        """Check pgvector and the tables' revision.

        Raises:
            SetupError: pgvector is too old.
            DatabaseError: the tables are missing or of another version.
        """
        if self.pgvector is not None and numbers(self.pgvector) < OLDEST_VECTOR:
            raise _too_old(self.pgvector, self.database)
        _require_revision(self.database, self.revision)

    def require_functions(self) -> None:
        """Check that the functions are of this build.

        Raises:
            DatabaseError: they are missing or of another version.
        """
        if self.extension is None and self.build is None:
            raise DatabaseError(
                f"The functions of blipdb are not in the database {self.database}.", INIT
            )
        if self.build != extension.build():
            raise DatabaseError(
                f"The functions in the database {self.database} are of another blipdb: build"
                f" {self.build}, and this one is {extension.build()}"
                f" (version {extension.version()}).",
                INIT,
            )

    def require_extension(self) -> None:
        """Make sure that the server can ask an engine.

        Raises:
            DatabaseError: the extension is missing or of another version.
        """
        if self.extension is None:
            raise DatabaseError(
                f"The extension blipdb is not in the database {self.database}.", INIT
            )
        self.require_functions()


def look() -> Steps[InstalledParts]:
    """Look up the parts of blipdb that the database has."""
    ((*facts, has_tables),) = yield from ask(_LOOK)
    revisions = (yield from ask(_REVISION)) if has_tables else []
    revision = "none" if has_tables else None
    return InstalledParts(*[*facts, revisions[0][0] if revisions else revision])


def check(conn: Connection, *, functions: bool = False) -> InstalledParts:
    """Make sure that this database is one that this version of blipdb works with.

    Functions by script will do, as a server without PL/Python has no others, unless ``functions``
    asks for the extension.

    Returns:
        The parts that the database has, with their versions.

    Raises:
        SetupError: a part is missing on the server or too old; the hint is what installs it.
        DatabaseError: its tables or functions are of another version; the hint is the command.
    """
    with translate_all():
        parts = run(conn, look())
    if parts.pgvector is None or (functions and parts.extension is None):
        require_parts(conn, functions=functions)
    parts.require_tables()
    if functions:
        parts.require_extension()
    parts.require_functions()
    return parts


def check_worker(conn: Connection) -> None:
    """Make sure that a worker of this version may use these tables.

    Functions don't matter to it, nor do tables of a newer version that names this one as good
    enough: so old and new workers can run side by side while an upgrade goes from one machine to
    the next.

    Raises:
        DatabaseError: they are of another version; the hint is the command that mends it.
    """
    parts = run(conn, look())
    try:
        _require_revision(parts.database, parts.revision)
    except DatabaseError:
        if parts.revision is None or not _admits_worker(conn):
            raise


def _admits_worker(conn: Connection) -> bool:
    """Whether the tables are newer ones that workers of this version may use."""
    row = conn.execute(
        "SELECT FROM blip.settings, blip.alembic_version"
        " WHERE name = 'oldest_worker' AND value <= %(head)s AND version_num > %(head)s",
        {"head": head()},
    ).fetchone()
    return row is not None


def head() -> str:
    """Look up the newest revision by the files in ``migrations/versions``, as Alembic is slow."""
    names = sorted(path.name for path in (migrations() / "versions").glob("[0-9]*.py"))
    return names[-1].partition("_")[0]


def migrations() -> Path:
    """The folder of Alembic's environment."""
    return Path(str(files("blipdb.migrations")))


def check_revision(conn: Connection) -> None:
    """Raise unless the tables exist and are of the newest revision."""
    parts = run(conn, look())
    _require_revision(parts.database, parts.revision)


def _require_revision(database: str, revision: str | None) -> None:
    if revision is None:
        raise DatabaseError(f"The database {database} has no tables of blipdb.", INIT)
    if revision > head() and revision != "none":
        raise DatabaseError(
            f"The tables in the database {database} are of a newer blipdb: revision"
            f" {revision}, and this one knows {head()}.",
            "Upgrade this one: pip install --upgrade blipdb",
        )
    if revision != head():
        raise DatabaseError(
            f"The tables in the database {database} are of revision {revision};"
            f" this blipdb works with {head()}.",
            INIT,
        )


def require_parts(conn: Connection, *, functions: bool = True) -> None:
    """Raise unless the server has what the tables need, and with ``functions`` what the extension
    needs, and its files."""
    version = conn.info.server_version
    if version < OLDEST * 10000:
        raise SetupError(
            f"PostgreSQL {OLDEST} or newer is needed; the server at {server(conn)} is "
            f"{conn.info.parameter_status('server_version')}."
        )
    missing = missing_parts(conn)
    for name, error in missing.items():
        if functions or name == "vector":
            raise error
    available = available_parts(conn)
    used = installed(conn).get("vector", available["vector"])
    if numbers(used) < OLDEST_VECTOR:
        raise _too_old(used, conn.info.dbname, conn, available["vector"])


def missing_parts(conn: Connection) -> dict[str, SetupError]:
    """List the extensions whose files the server lacks, each as an error with its remedy."""
    major = conn.info.server_version // 10000
    available = available_parts(conn)
    hints = {
        "plpython3u": f"Install it there: sudo apt-get install postgresql-plpython3-{major}",
        "vector": f"Install pgvector there: sudo apt-get install postgresql-{major}-pgvector",
        extension.NAME: "Install its files there: sudo blipdb install-extension",
    }
    return {
        name: SetupError(
            f"The extension {name} is not installed on the server at {server(conn)}: "
            f"looked in {_extension_folder(conn)}.",
            hint,
        )
        for name, hint in hints.items()
        if name not in available
    }


def available_parts(conn: Connection) -> dict[str, str]:
    """List the extensions that blipdb needs and the server could create, with their versions."""
    return _versions(
        conn, "SELECT name, default_version FROM pg_available_extensions WHERE name = ANY(%s)"
    )


def _too_old(
    version: str, database: str, conn: Connection | None = None, available: str | None = None
) -> SetupError:
    oldest = ".".join(map(str, OLDEST_VECTOR))
    if available is not None and numbers(available) >= OLDEST_VECTOR:
        hint = "A newer one is on the server: ALTER EXTENSION vector UPDATE"
    elif conn is not None:
        major = conn.info.server_version // 10000
        hint = f"Install a newer one: sudo apt-get install postgresql-{major}-pgvector"
    else:
        hint = "See what is to be done: blipdb init"
    return SetupError(
        f"pgvector {version} in the database {database} is too old; {oldest} or newer is needed.",
        hint,
    )


def server(conn: Connection) -> str:
    """Format the server's host and port."""
    return f"{conn.info.host or 'the default socket'}:{conn.info.port}"


def _extension_folder(conn: Connection) -> str:
    """Look up the server's folder of extensions, as far as this user may know it."""
    try:
        with conn.transaction():
            row = conn.execute("SELECT setting FROM pg_config() WHERE name = 'SHAREDIR'").fetchone()
    except psycopg.errors.InsufficientPrivilege:
        row = None
    return f"{row[0]}/extension" if row else "its share folder (pg_config --sharedir)/extension"


def installed(conn: Connection) -> dict[str, str]:
    """List the extensions that blipdb needs and this database has, with their versions."""
    return _versions(conn, "SELECT extname, extversion FROM pg_extension WHERE extname = ANY(%s)")


def _versions(conn: Connection, query: LiteralString) -> dict[str, str]:
    return dict(conn.execute(query, [["plpython3u", "vector", extension.NAME]]).fetchall())


def numbers(version: str) -> tuple[int, ...]:
    """Parse a version: ``0.8.6`` is (0, 8, 6)."""
    return tuple(int(part) for part in version.split(".") if part.isdecimal())


def build(conn: Connection) -> str | None:
    """Look up the build of this database's extension; None for one from before there were any.

    Read from the function's source, as not everybody may call it.
    """
    row = conn.execute(
        "SELECT substring(prosrc FROM '[0-9a-f]{16}') FROM pg_proc"
        " WHERE oid = to_regprocedure('blip._build()')::oid"
    ).fetchone()
    return row[0] if row else None
