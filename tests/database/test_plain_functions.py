"""Functions that ask no engine, made by an ordinary role, without the extension."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from blipdb.client import limits
from blipdb.database import connection, extension, requirements, schema
from blipdb.orm import selectable
from blipdb.settings import DATABASE, Settings
from tests.security.catalog import violations

Connection = psycopg.Connection[Any]

OWNER = "functions_owner"
BUILD = "blip._build()"


@pytest.fixture
def admin(cluster: Settings, template: str) -> Iterator[Connection]:
    """A superuser's connection to a database with pgvector, where `OWNER` may make schemas."""
    name = "plain_functions"
    with psycopg.connect(cluster.database_url(), autocommit=True) as conn:
        conn.execute(f"CREATE DATABASE {name}".encode())
        if conn.execute("SELECT FROM pg_roles WHERE rolname = %s", [OWNER]).fetchone() is None:
            conn.execute(f"CREATE ROLE {OWNER}".encode())
        conn.execute(f"GRANT CREATE ON DATABASE {name} TO {OWNER}".encode())
        url = cluster.database_url().replace(f"/{DATABASE}?", f"/{name}?")
        with psycopg.connect(url, autocommit=True) as made:
            made.execute("CREATE EXTENSION vector")
            yield made
        conn.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def url(admin: Connection, cluster: Settings) -> str:
    """The database's URL, as the owner; it is initialised."""
    url = cluster.database_url().replace(f"/{DATABASE}?", f"/{admin.info.dbname}?")
    url += f"&options=-c%20role%3D{OWNER}"
    init(url)
    return url


def init(url: str) -> None:
    schema.init(url, Settings(Path("/nowhere"), url=url))


def functions(conn: Connection) -> dict[str, str]:
    """The functions of the script that are there, with their owners."""
    return dict(
        conn.execute(
            "SELECT f, pg_get_userbyid(p.proowner) FROM unnest(%s::text[]) f"
            " JOIN pg_proc p ON p.oid = to_regprocedure(f)",
            [extension.plain_names()],
        ).fetchall()
    )


def test_all_are_there_and_keep_the_rules_of_access(admin: Connection, url: str) -> None:
    assert functions(admin) == dict.fromkeys(extension.plain_names(), OWNER)
    assert violations(admin) == []
    assert not any("blip.blip_search" in name for name in extension.plain_names())


def test_readers_and_nobody_else_may_call_them(admin: Connection, url: str) -> None:
    admin.execute("SET ROLE blip_reader")
    assert admin.execute("SELECT count(*) FROM blip.blip_status()").fetchone() == (5,)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        admin.execute("SELECT blip._half('')")
    admin.execute("RESET ROLE")
    admin.execute("GRANT USAGE ON SCHEMA blip TO blip_guest")
    admin.execute("SET ROLE blip_guest")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="for function"):
        admin.execute("SELECT blip.blip_status()")


def test_none_is_in_public(admin: Connection, url: str) -> None:
    query = "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
    found = admin.execute(query + " AND proname LIKE 'blip%'").fetchall()
    assert found == []


def test_init_renews_those_of_another_build(admin: Connection, url: str) -> None:
    with connection.connect(url) as conn:
        conn.execute(
            f"CREATE OR REPLACE FUNCTION {BUILD} RETURNS text LANGUAGE plpgsql"
            " AS $$ BEGIN RETURN '0123456789abcdef'; END $$".encode()
        )
        conn.execute("ALTER FUNCTION blip._where(uuid) COST 77")
    init(url)
    with connection.connect(url) as conn:
        requirements.check(conn)
        query = "SELECT procost FROM pg_proc WHERE oid = to_regprocedure('blip._where(uuid)')"
        assert conn.execute(query).fetchone() == (100,)
    assert functions(admin) == dict.fromkeys(extension.plain_names(), OWNER)


def test_init_drops_what_another_build_had(admin: Connection, url: str) -> None:
    """By the names that it stated, so that no overload of an older build is left."""
    with connection.connect(url) as conn:
        conn.execute("CREATE FUNCTION blip._old() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        conn.execute("CREATE FUNCTION blip.mine() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        conn.execute(
            "CREATE OR REPLACE FUNCTION blip._parts() RETURNS text[] LANGUAGE plpgsql AS"
            " $$ BEGIN RETURN ARRAY['blip._old()', 'blip._gone()', 'blip._build()',"
            " 'blip._parts()']; END $$"
        )
        names = [name for name in extension.plain_names() if name != BUILD]
        for name in names:
            if name != "blip._parts()":
                conn.execute(f"DROP FUNCTION {name}".encode())
    init(url)
    query = "SELECT to_regprocedure('blip._old()') IS NULL, to_regprocedure('blip.mine()') IS NULL"
    assert admin.execute(query).fetchone() == (True, False)
    assert functions(admin) == dict.fromkeys(extension.plain_names(), OWNER)


def test_init_puts_back_one_that_is_missing(admin: Connection, url: str) -> None:
    """As after a restore by an ordinary role: until pgvector is loaded, it may set no hnsw.…"""
    with connection.connect(url, autocommit=True) as conn:
        row = conn.execute(
            "SELECT pg_get_functiondef("
            "to_regprocedure('blip._recall(blip._model, text, integer, jsonb, uuid[])'))"
        ).fetchone()
        assert row is not None
        conn.execute("DROP FUNCTION blip._recall(blip._model, text, integer, jsonb, uuid[])")
    with (
        connection.connect(url) as conn,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match=r"hnsw\."),
    ):
        conn.execute(row[0])
    init(url)
    assert functions(admin) == dict.fromkeys(extension.plain_names(), OWNER)


def test_the_extension_replaces_them(admin: Connection, url: str, cluster: Settings) -> None:
    as_superuser = url.partition("&options")[0]
    assert schema.init(as_superuser, cluster) == []
    found = admin.execute(
        "SELECT proname FROM pg_proc p WHERE pronamespace = 'blip'::regnamespace AND"
        " (proname LIKE 'blip\\_%%' OR proname = '_parts')"
    ).fetchall()
    assert found == []
    with connection.connect(as_superuser) as conn:
        requirements.check(conn, functions=True)


def number(part: str, pattern: str) -> int:
    """The one number that a file of ``sql/`` has at that place."""
    (found,) = set(re.findall(pattern, extension.source(part)))
    return int(found)


def test_limits_of_clients_are_those_of_the_functions() -> None:
    text = extension.source("model")
    query = text[text.index("FUNCTION blip._require_text") :]
    image = text[text.index("FUNCTION blip._require_image") :]
    constant = re.compile(r"most constant integer := (\d+)")
    for body, limit in ((query, limits.MAX_TEXT), (image, limits.MAX_BYTES)):
        found = constant.search(body)
        assert found is not None
        assert int(found[1]) == limit
    assert number("model", r"_require\('k', k, 1, (\d+)\)") == selectable.MAX_HITS
    assert number("model", r"_require\('candidates', wanted, k, (\d+)\)") == selectable.MAX_HITS
    assert number("model", r"greatest\((\d+), k\)") == selectable.MIN_CANDIDATES
