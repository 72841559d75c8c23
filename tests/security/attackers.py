"""Mallory, who owns a table that is attached, and a log of whose rights her code ran with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from blipdb.settings import Settings
from blipdb.work import attachments
from blipdb.work.executors import run_jobs
from tests.album import picture

Connection = psycopg.Connection[Any]

OWNER = "mallory"
A, B = picture(1), picture(2)

# A sequence counts the calls of spy() with anybody else's rights, as it survives a rollback.
SPY = """
CREATE SCHEMA evil;
GRANT ALL ON SCHEMA evil TO PUBLIC;
CREATE SEQUENCE evil.caught;
GRANT ALL ON SEQUENCE evil.caught TO PUBLIC;
CREATE SEQUENCE evil.ran;
GRANT ALL ON SEQUENCE evil.ran TO PUBLIC;
CREATE FUNCTION evil.spy(anyelement) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    PERFORM nextval('evil.ran');
    IF current_user NOT IN ('mallory', 'app') THEN
        PERFORM nextval('evil.caught');
        IF has_table_privilege('blip.settings', 'UPDATE') THEN
            ALTER ROLE mallory SUPERUSER;
        END IF;
    END IF;
    RETURN 1;
EXCEPTION WHEN OTHERS THEN RETURN 1;
END $$;
GRANT EXECUTE ON FUNCTION evil.spy(anyelement) TO PUBLIC;
ALTER FUNCTION evil.spy(anyelement) OWNER TO mallory;
"""
ROLES = """
DO $$ BEGIN CREATE ROLE mallory LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
DO $$ BEGIN CREATE ROLE app LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
GRANT blip_writer TO mallory;
ALTER ROLE mallory NOSUPERUSER;
"""
TABLE = """
CREATE TABLE evil.goods (id integer PRIMARY KEY, title text, photo bytea, price integer);
ALTER TABLE evil.goods OWNER TO mallory;
GRANT ALL ON evil.goods TO app;
"""


def prepare(boss: Connection) -> None:
    """Make Mallory, her schema, her spy and her table."""
    boss.execute(ROLES)
    boss.execute(SPY)
    boss.execute(TABLE)


@contextmanager
def acting(conn: Connection, role: str = OWNER) -> Iterator[Connection]:
    """Act as a role within the block."""
    conn.execute(f"SET ROLE {role}".encode())
    try:
        yield conn
    finally:
        conn.execute("RESET ROLE")


def work(settings: Settings) -> None:
    """Do all that workers do, as a superuser: the worst that an administrator can do."""
    run_jobs(settings)
    with psycopg.connect(settings.database_url(), autocommit=True) as conn:
        conn.execute("UPDATE blip.attached_rows SET state = 'p', run_after = now()")
        list(attachments.work(conn))


def caught(conn: Connection) -> int:
    """Count the runs of Mallory's code with the rights of somebody else."""
    row = conn.execute("SELECT last_value, is_called FROM evil.caught").fetchone()
    superuser = conn.execute("SELECT rolsuper FROM pg_roles WHERE rolname = 'mallory'").fetchone()
    assert row is not None
    assert superuser == (False,), "mallory has become superuser"
    return int(row[0]) if row[1] else 0


def ran(conn: Connection) -> int:
    """Count all runs of Mallory's code."""
    row = conn.execute("SELECT last_value, is_called FROM evil.ran").fetchone()
    assert row is not None
    return int(row[0]) if row[1] else 0


def trouble(conn: Connection) -> str | None:
    row = conn.execute("SELECT trouble FROM blip_attachments()").fetchone()
    assert row is not None
    return None if row[0] is None else str(row[0])


def attach(conn: Connection, **options: Any) -> int:
    given = {"image": "photo", "caption": "title"} | options
    named = ", ".join(f"{name} => %s" for name in given)
    with acting(conn):
        row = conn.execute(
            f"SELECT blip_attach('evil.goods', {named})".encode(), list(given.values())
        ).fetchone()
    assert row is not None
    return int(row[0])


def put(conn: Connection, id: int, photo: bytes = A, role: str = "app") -> None:
    with acting(conn, role):
        conn.execute("INSERT INTO evil.goods (id, photo) VALUES (%s, %s)", [id, photo])


def try_all(conn: Connection, settings: Settings) -> None:
    """Change rows in each way, as the app and as a superuser, and do workers' work; whatever of it
    fails is the table's own trouble."""
    for role in ("app", "postgres"):
        conn.execute(f"SET ROLE {role}".encode())
        for statement in (
            "INSERT INTO evil.goods (id, photo) VALUES (11, %b), (12, %b) ON CONFLICT DO NOTHING",
            "UPDATE evil.goods SET photo = %b, title = 'x' WHERE photo <> %b",
            "DELETE FROM evil.goods WHERE id = 12 AND %b IS DISTINCT FROM %b",
        ):
            try:
                conn.execute(statement.encode(), [A, B])
            except psycopg.Error:
                conn.execute(f"SET ROLE {role}".encode())
        conn.execute("RESET ROLE")
    work(settings)


def body(conn: Connection, token: str) -> str:
    row = conn.execute("SELECT blip._reader_body(%s)", [token]).fetchone()
    assert row is not None
    return str(row[0])
