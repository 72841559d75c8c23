"""Rights of roles, as the catalog has them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.security.catalog import FUNCTIONS, READERS_DEFINERS, violations

Connection = psycopg.Connection[Any]

MANUAL = Path(__file__).parents[2] / "docs" / "security.md"
PINNED = "SET search_path = pg_catalog, pg_temp"
EMPTY = "AS $$ BEGIN RETURN; END $$"


def test_no_rule_is_broken(conn: Connection) -> None:
    assert violations(conn) == []


def test_each_exception_is_needed(conn: Connection) -> None:
    query = (
        f"SELECT f.signature FROM ({FUNCTIONS}) f"
        " WHERE f.prosecdef AND has_function_privilege('blip_reader', f.oid, 'EXECUTE')"
    )
    found = {name for (name,) in conn.execute(query.encode()).fetchall()}
    assert found == READERS_DEFINERS.keys()


def test_definers_have_the_owners_that_were_meant(conn: Connection) -> None:
    query = f"SELECT DISTINCT f.proowner::regrole::text FROM ({FUNCTIONS}) f WHERE f.prosecdef"
    owners = {name for (name,) in conn.execute(query.encode()).fetchall()}
    assert {"blip_engine", "blip_owner"} <= owners <= {"blip_engine", "blip_owner", "blip_nobody"}


def test_blip_nobody_has_no_right(conn: Connection) -> None:
    """But to the schema, in which it must find the function that it owns."""
    relations = """
        SELECT oid::regclass::text FROM pg_class
        WHERE relnamespace = 'blip'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
          AND (CASE WHEN relkind = 'S' THEN has_sequence_privilege('blip_nobody', oid, 'USAGE')
                    ELSE has_any_column_privilege('blip_nobody', oid, 'SELECT, INSERT, UPDATE')
                         OR has_table_privilege('blip_nobody', oid, 'DELETE, TRUNCATE') END)
    """
    assert conn.execute(relations.encode()).fetchall() == []
    functions = f"""
        SELECT f.signature FROM ({FUNCTIONS}) f
        WHERE f.proowner <> 'blip_nobody'::regrole
          AND f.pronamespace <> 'blip_attached'::regnamespace
          AND has_function_privilege('blip_nobody', f.oid, 'EXECUTE')
    """
    assert conn.execute(functions.encode()).fetchall() == []
    schema = "SELECT has_schema_privilege('blip_nobody', 'blip', 'CREATE')"
    assert conn.execute(schema.encode()).fetchone() == (False,)


def test_the_manual_has_each_definer(conn: Connection) -> None:
    query = f"SELECT f.proname::text FROM ({FUNCTIONS}) f WHERE f.prosecdef"
    names = [name for (name,) in conn.execute(query.encode()).fetchall()]
    assert [name for name in names if not re.search(rf"[`.]{name}`", MANUAL.read_text())] == []


DEFINER = (
    f"CREATE FUNCTION blip.bad() RETURNS void LANGUAGE plpgsql SECURITY DEFINER {PINNED} {EMPTY}"
)
CLOSE = "REVOKE ALL ON FUNCTION blip.bad() FROM PUBLIC"


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (
            [DEFINER, CLOSE],
            [
                "blip.bad() is SECURITY DEFINER and owned by a superuser",
                "blip.bad() is SECURITY DEFINER and owned by a role that has, or can take on, too"
                " many rights",
            ],
        ),
        (
            [
                DEFINER,
                CLOSE,
                "ALTER FUNCTION blip.bad() OWNER TO blip_nobody",
                "GRANT pg_read_server_files TO blip_nobody",
            ],
            [
                "blip.bad() is SECURITY DEFINER and owned by a role that has, or can take on, too"
                " many rights"
            ],
        ),
        (
            [
                DEFINER,
                CLOSE,
                "ALTER FUNCTION blip.bad() OWNER TO blip_nobody",
                "GRANT EXECUTE ON FUNCTION blip.bad() TO blip_reader",
            ],
            ["blip.bad() is SECURITY DEFINER, and a reader may call it"],
        ),
        (
            [DEFINER, "ALTER FUNCTION blip.bad() OWNER TO blip_nobody"],
            [
                "blip.bad() is SECURITY DEFINER, and a reader may call it",
                "blip.bad() may be called by PUBLIC",
            ],
        ),
        (
            [
                "CREATE FUNCTION blip.bad() RETURNS trigger LANGUAGE plpgsql"
                f" {PINNED} AS $$ BEGIN RETURN NULL; END $$",
                CLOSE,
                "GRANT EXECUTE ON FUNCTION blip.bad() TO blip_reader",
            ],
            ["blip.bad() is a trigger function, and a reader may call it"],
        ),
        (
            [
                "CREATE FUNCTION public.bad() RETURNS void LANGUAGE plpgsql"
                f" SET search_path = pg_temp, pg_catalog {EMPTY}",
                "REVOKE ALL ON FUNCTION public.bad() FROM PUBLIC",
            ],
            ["bad() does not pin its search_path to pg_catalog, pg_temp"],
        ),
        (
            ["GRANT SELECT ON blip.images TO PUBLIC"],
            ["blip.images is granted to PUBLIC"],
        ),
        (
            ["GRANT SELECT (space) ON blip.images TO PUBLIC"],
            ["blip.images.space is granted to PUBLIC"],
        ),
        (["GRANT USAGE ON SCHEMA blip TO PUBLIC"], ["schema blip is granted to PUBLIC"]),
        (["CREATE DOMAIN blip.bad AS text"], ["blip.bad is granted to PUBLIC"]),
        (
            ["SET LOCAL ROLE blip_owner", "CREATE VIEW blip.bad AS SELECT FROM blip.images"],
            ["blip.bad is a view that passes its readers' policies by"],
        ),
        (["CREATE TABLE blip.bad ()"], ["blip.bad is a relation that a superuser owns"]),
    ],
)
def test_each_rule_finds_what_breaks_it(
    conn: Connection, statements: list[str], said: list[str]
) -> None:
    with conn.transaction(force_rollback=True):  # roles belong to all databases of the server
        for statement in statements:
            conn.execute(statement.encode())
        assert set(said) <= set(violations(conn))
