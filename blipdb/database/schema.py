"""Tables, roles and functions, made and brought up to date.

Tables are migrated by Alembic (``migrations/``), functions come as the extension (``sql/``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from psycopg.rows import scalar_row
from psycopg.types.json import Jsonb

from blipdb.migrations import OLDEST_WORKER, access

from ..errors import BlipdbError, DatabaseError, SetupError
from ..host import cluster
from ..host import owner as owners
from ..settings import Settings
from ..types import Connection
from . import extension, requirements
from .connection import as_owner, pgvector_schema, pinned, sqlalchemy_engine

if TYPE_CHECKING:
    from sqlalchemy import Connection as AlchemyConnection

_INIT_LOCK = 0x626C6970  # "blip", of pg_advisory_xact_lock


def init(url: str, settings: Settings) -> list[str]:
    """Bring the database to this version: roles, tables, functions, settings. Safe to repeat.

    For the private cluster the extension's files are put in place, too. A server that can't have
    the extension has those functions that ask no engine, and clients compute for themselves.

    Returns:
        What was left out, as the server or the rights of this user don't allow it, in sentences;
        mostly nothing.

    Raises:
        SetupError: a part is missing on the server or too old; the hint is what installs it.
        DatabaseError: the database is of a newer blipdb, or refuses us.
    """
    if settings.is_private:
        extension.install(cluster.extension_dir(settings))
    with _translate(), sqlalchemy_engine(url, is_pinned=True).begin() as connection:
        conn = _driver(connection)
        has_functions = extension.NAME in requirements.installed(conn)
        requirements.require_parts(conn, functions=settings.is_private or has_functions)
        notes = _make_tables(connection)
        left_out = _why_no_extension(conn)
        with as_owner(conn):
            _store_settings(conn, None if left_out else settings)
            if left_out:
                ensure_plain_functions(conn)
            else:
                _drop_plain_functions(conn)
        if not left_out:
            _ensure_functions(conn)
    return [*notes, left_out] if left_out else notes


def migrate(connection: AlchemyConnection) -> list[str]:
    """Bring roles and tables to this version, in a transaction that is the caller's to commit.

    Where the extension is not there, the functions that ask no engine are brought to it, too.

    Returns and raises as `init` does; what the database refuses is raised as it comes.
    """
    notes = _make_tables(connection)
    conn = _driver(connection)
    if extension.NAME not in requirements.installed(conn):
        with as_owner(conn):
            ensure_plain_functions(conn)
    return notes


def _make_tables(connection: AlchemyConnection) -> list[str]:
    conn = _driver(connection)
    with pinned(conn):
        conn.execute("SELECT pg_advisory_xact_lock(%s)", [_INIT_LOCK])
        _ensure_pgvector(conn)
        notes = [*_ensure_roles(conn), *_open_pgvector(conn)]
        _ensure_schema(conn)
        with as_owner(conn):
            _migrate(connection)
            roles = _roles(conn)
            for statement in (*access.statements(roles), access.PARTITIONS):
                conn.execute(statement)
            if conn.execute("SELECT to_regnamespace('blip_attached')").fetchone() != (None,):
                for role in set(roles) & access.READERS.keys():
                    conn.execute(access.READERS[role])
            _store_settings(conn, None)
    return notes


def _ensure_pgvector(conn: Connection) -> None:
    if "vector" in requirements.installed(conn):
        return
    try:
        conn.execute("CREATE EXTENSION IF NOT EXISTS vector SCHEMA public")
    except psycopg.errors.InsufficientPrivilege as error:
        raise SetupError(
            f"The extension vector is not in the database {conn.info.dbname}, and this user may not"
            " create it.",
            "Have a superuser do that, in this database: CREATE EXTENSION vector",
        ) from error


def _why_no_extension(conn: Connection) -> str | None:
    """Explain in a sentence why the extension is left out; None if it is created."""
    if extension.NAME in requirements.installed(conn):
        return None
    if missing := list(requirements.missing_parts(conn).values()):
        reason, hint = missing[0].message, missing[0].hint
    elif conn.info.parameter_status("is_superuser") == "on":
        return None
    else:
        reason = f"this user may not create the extension {extension.NAME}."
        hint = "To have them: let a superuser run blipdb init."
    return (
        f"The SQL functions that ask an engine are left out: {reason} Python clients compute for"
        f" themselves. {hint}"
    )


@contextmanager
def _translate() -> Iterator[None]:
    """Raise errors of the driver as a `DatabaseError` in the database's words."""
    try:
        yield
    except BlipdbError:
        raise
    except Exception as error:
        cause = getattr(error, "orig", error)  # SQLAlchemy wraps the driver's
        if not isinstance(cause, psycopg.Error):
            raise
        detail = cause.diag.message_detail
        raise DatabaseError(
            f"The database refuses: {cause.diag.message_primary or cause}"
            + (f" ({detail})" if detail else ""),
            cause.diag.message_hint,
        ) from error


def _driver(connection: AlchemyConnection) -> Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    return driver


def _roles(conn: Connection) -> list[str]:
    """List the roles of blipdb that the server has."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(
            "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(access.ROLES)]
        ).fetchall()


def _ensure_roles(conn: Connection) -> list[str]:
    """Create missing roles, if this user may; else return a sentence about them."""
    missing = [role for role in access.ROLES if role not in _roles(conn)]
    row = conn.execute(
        "SELECT rolsuper, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    is_superuser, may_create = row or (False, False)
    if missing and not (is_superuser or may_create):
        return [
            f"The roles {', '.join(missing)} don't exist and this user may not create them: until "
            "a superuser runs blipdb init, only the tables' owner can use them."
        ]
    for role in missing:
        conn.execute(access.CREATE_ROLE.format(role=role))
    if not is_superuser and "blip_owner" in missing:
        conn.execute("GRANT blip_owner TO CURRENT_USER")
    return []


def _open_pgvector(conn: Connection) -> list[str]:
    """Grant our roles the schema of pgvector, where not everybody may use it. Return sentences
    about grants that this user may not make."""
    shut = conn.execute(
        """
        SELECT n.nspname, r.rolname,
               has_schema_privilege(n.oid, 'USAGE WITH GRANT OPTION') AS is_ours
        FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
        CROSS JOIN pg_roles r
        WHERE e.extname = 'vector' AND r.rolname = ANY(%s)
            AND NOT has_schema_privilege(r.oid, n.oid, 'USAGE')
        """,
        [[role for role in access.ROLES if role not in ("blip_nobody", "blip_guest")]],
    ).fetchall()
    notes = []
    for schema, role, is_ours in shut:
        grant = sql.SQL("GRANT USAGE ON SCHEMA {} TO {}").format(
            sql.Identifier(schema), sql.Identifier(role)
        )
        if is_ours:
            conn.execute(grant)
        else:
            notes.append(
                f"The role {role} can't use pgvector yet: let a superuser run"
                f" {grant.as_string(conn)}."
            )
    return notes


def _ensure_schema(conn: Connection) -> None:
    """Create the schema ``blip``, owned by ``blip_owner`` where this user can act as that role."""
    row = conn.execute(
        "SELECT rolname FROM pg_roles WHERE rolname = 'blip_owner' AND pg_has_role(oid, 'MEMBER')"
    ).fetchone()
    role = sql.Identifier(row[0]) if row else sql.SQL("CURRENT_USER")
    # Looked up first: CREATE SCHEMA IF NOT EXISTS needs the right to create it in any case.
    if conn.execute("SELECT to_regnamespace('blip')").fetchone() == (None,):
        conn.execute(sql.SQL("CREATE SCHEMA blip AUTHORIZATION {}").format(role))
    if conn.info.parameter_status("is_superuser") == "on":
        _take_from_superusers(conn)
    # CREATE EXTENSION may have come first; it makes the schema as whoever called it.
    has_tables = conn.execute("SELECT to_regclass('blip.alembic_version')").fetchone() != (None,)
    if row and not has_tables:
        conn.execute("ALTER SCHEMA blip OWNER TO blip_owner")
    _ensure_readers_schema(conn)


def _ensure_readers_schema(conn: Connection) -> None:
    """Create the schema ``blip_attached``, for functions of other roles, as the owner of ``blip``.

    A user who may not create it may not create the extension either, without which there are no
    attached tables.
    """
    row = conn.execute(
        "SELECT pg_get_userbyid(b.nspowner), a.nspowner = b.nspowner,"
        " has_database_privilege(current_database(), 'CREATE')"
        " FROM pg_namespace b LEFT JOIN pg_namespace a ON a.nspname = 'blip_attached'"
        " WHERE b.nspname = 'blip'"
    ).fetchone()
    assert row is not None, "the schema blip was ensured before"
    name, is_its_owners, may_create = row
    owner = sql.Identifier(name)
    if is_its_owners is None and may_create:
        conn.execute("CREATE SCHEMA blip_attached")
    if not is_its_owners and (may_create or is_its_owners is False):
        conn.execute(sql.SQL("ALTER SCHEMA blip_attached OWNER TO {}").format(owner))


def _take_from_superusers(conn: Connection) -> None:
    """Give ``blip_owner`` the schema ``blip``, and each relation in it, that a superuser owns.

    SECURITY DEFINER functions run with the rights of the schema's owner, which must be no
    superuser's. An owner who is no superuser keeps all. Sequences of columns follow their tables.
    """
    kinds = {"r": "TABLE", "p": "TABLE", "f": "FOREIGN TABLE", "v": "VIEW", "S": "SEQUENCE"}
    relations = conn.execute(
        """
        SELECT 'SCHEMA', ARRAY[nspname]::text[] FROM pg_namespace
        JOIN pg_roles r ON r.oid = nspowner AND r.rolsuper
        WHERE nspname = 'blip'
        UNION ALL
        SELECT %s::jsonb ->> relkind::text, ARRAY['blip', relname]::text[] FROM pg_class c
        JOIN pg_roles r ON r.oid = relowner AND r.rolsuper
        WHERE relnamespace = 'blip'::regnamespace AND %s::jsonb ? relkind::text AND NOT EXISTS (
            SELECT FROM pg_depend d
            WHERE (d.classid, d.objid) = ('pg_class'::regclass, c.oid) AND c.relkind = 'S'
              AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'))
        """,
        [Jsonb(kinds), Jsonb(kinds)],
    ).fetchall()
    for kind, name in relations:
        conn.execute(
            sql.SQL("ALTER {} {} OWNER TO blip_owner").format(sql.SQL(kind), sql.Identifier(*name))
        )


def _migrate(connection: AlchemyConnection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(requirements.migrations()).replace("%", "%%"))
    conn = _driver(connection)
    row = conn.execute("SELECT to_regclass('blip.alembic_version')").fetchone()
    if row != (None,):
        row = conn.execute("SELECT version_num FROM blip.alembic_version").fetchone()
        if row and row[0] > requirements.head():
            requirements.check_revision(conn)
    command.upgrade(config, "head")


def _store_settings(conn: Connection, settings: Settings | None) -> None:
    """Store the oldest version of workers that may use these tables; and of the engine of
    ``settings`` its socket and its process's user, for ``blip._engine`` alone to read."""
    values = {"oldest_worker": OLDEST_WORKER}
    if settings is not None:
        values["engine_socket"] = str(settings.engine_socket)
        values["engine_uid"] = str(owners.current().uid)
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO blip.settings (name, value) VALUES (%s, %s)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value"
            " WHERE settings.value <> excluded.value",
            list(values.items()),
        )


def _ensure_functions(conn: Connection) -> None:
    """Create the extension, or recreate it where it is of another build.

    It holds functions alone, so nothing is lost by dropping it. Triggers of attached tables depend
    on it: these tables are attached again. Whatever else depends on it makes that fail, and stays.
    """
    attachments = []
    if (
        extension.NAME in requirements.installed(conn)
        and requirements.build(conn) != extension.build()
    ):
        attachments = _take_off_triggers(conn)
        conn.execute("DROP EXTENSION blipdb")
    conn.execute("CREATE EXTENSION IF NOT EXISTS blipdb CASCADE")
    if (build := requirements.build(conn)) != extension.build():
        raise SetupError(
            f"The files of the extension on the server at {requirements.server(conn)} are of"
            f" another blipdb: build {build}, and this one is {extension.build()}.",
            "Install this one's there: sudo blipdb install-extension",
        )
    if conn.info.parameter_status("is_superuser") == "on":
        conn.execute(extension.access().encode())
    for values in attachments:
        # One that can't be followed any more says so in blip_attachments().
        with suppress(psycopg.Error), conn.transaction():
            # With exact types: else a function of somebody's might fit better.
            conn.execute(
                "SELECT public.blip_attach(%s::bigint::oid::regclass, %s::name, %s::name,"
                " %s::text, %s::text, %s::text)",
                values,
            )


def ensure_plain_functions(conn: Connection) -> None:
    """Create the functions that ask no engine, or create them again where they are of another
    build or one is missing. To be called as the tables' owner."""
    if requirements.build(conn) == extension.build() and _are_complete(conn):
        conn.execute(extension.plain_access().encode())  # a role may be new
        return
    _drop_plain_functions(conn)
    # Loads pgvector: until then an ordinary role may give a function no setting of it.
    conn.execute(sql.SQL("SELECT '[1]'::{}.vector").format(pgvector_schema(conn)))
    conn.execute(extension.plain_script().encode())


def _are_complete(conn: Connection) -> bool:
    """Whether all functions of the script are there; a dump that an ordinary role restored may
    lack `blip._recall`, as pgvector may not have been loaded then."""
    row = conn.execute(
        "SELECT CASE WHEN to_regtype('blip._model') IS NULL THEN false ELSE"
        " (SELECT bool_and(to_regprocedure(f) IS NOT NULL) FROM unnest(%s::text[]) f) END",
        [extension.plain_names()],
    ).fetchone()
    return row == (True,)


def _drop_plain_functions(conn: Connection) -> None:
    """Drop the functions that a script made. They hold no data, so nothing is lost."""
    functions = conn.execute(
        """
        SELECT to_regprocedure(m[1])::text
        FROM pg_proc p, regexp_matches(p.prosrc, $re$'([^']+)'$re$, 'g') m
        WHERE p.oid = to_regprocedure('blip._parts()') AND to_regprocedure(m[1]) IS NOT NULL
        """
    ).fetchall()
    for (function,) in functions:
        conn.execute(sql.SQL("DROP FUNCTION {}").format(sql.SQL(function)))
    if functions:
        conn.execute("DROP TYPE IF EXISTS blip._model")


def _take_off_triggers(conn: Connection) -> list[tuple[Any, ...]]:
    """Drop triggers of attached tables; return arguments of the `blip_attach` of each again."""
    for trigger, source in conn.execute(
        "SELECT t.tgname, t.tgrelid::regclass::text FROM blip.attachments a"
        " JOIN pg_trigger t ON t.tgrelid = a.source"
        " AND t.tgname LIKE '!blip\\_attach\\_' || a.attachment_id || '\\_%'"
    ).fetchall():
        drop = sql.SQL("DROP TRIGGER {} ON ").format(sql.Identifier(trigger))
        conn.execute(drop + sql.SQL(source))
    return conn.execute(
        "SELECT a.source::oid::bigint, i.attname, c.attname, a.mode, a.kind, a.space"
        " FROM blip.attachments a"
        " JOIN pg_attribute i ON i.attrelid = a.source AND i.attnum = a.columns[1]"
        " LEFT JOIN pg_attribute c"
        " ON c.attrelid = a.source AND c.attnum = a.columns[2] AND a.columns[2] > 0"
        " WHERE a.mode <> 'new' ORDER BY a.attachment_id"
    ).fetchall()
