"""A restored dump is a whole database: searches find the same in it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from blipdb.database import connection, requirements, schema
from blipdb.host import postgresql
from blipdb.settings import DATABASE, Settings
from tests.sql.library import Library

SEARCH = "SELECT * FROM blip_search('red dog', 20)"


@pytest.fixture
def restored(cluster: Settings, library: Library) -> Iterator[str]:
    name = "restored"
    url = cluster.database_url().replace(f"/{DATABASE}?", f"/{name}?")
    programs = postgresql.find().bin
    with psycopg.connect(cluster.database_url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        dump = subprocess.run(
            [programs / "pg_dump", "--dbname", library.url], capture_output=True, check=True
        )
        done = subprocess.run(
            [programs / "psql", "--quiet", "--set", "ON_ERROR_STOP=1", url],
            input=dump.stdout,
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr.decode()
        yield url
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def contents(url: str) -> dict[str, Any]:
    """Return the results of searches, and the rights of roles."""
    queries = {
        "hits": SEARCH,
        "counts": "SELECT * FROM blip_status()",
        "tables": "SELECT relname, relacl::text, relrowsecurity FROM pg_class"
        " WHERE relnamespace = 'blip'::regnamespace AND relkind IN ('r', 'p') ORDER BY 1",
        "functions": "SELECT oid::regprocedure::text, proacl::text, pg_get_userbyid(proowner)"
        " FROM pg_proc WHERE proname ~ '^_|^blip_' AND pronamespace IN"
        " ('blip'::regnamespace, 'public'::regnamespace) ORDER BY 1",
        "policies": "SELECT * FROM pg_policies ORDER BY 2, 3",
    }
    with psycopg.connect(url) as conn:
        return {name: conn.execute(query.encode()).fetchall() for name, query in queries.items()}


def test_a_restored_database_is_the_same(restored: str, library: Library) -> None:
    with connection.connect(restored) as conn:
        requirements.check(conn)
    before, after = contents(library.url), contents(restored)
    for name in before:
        assert after[name] == before[name], name
    assert len(after["hits"]) == 20


def test_init_finds_nothing_to_do(restored: str, cluster: Settings, library: Library) -> None:
    with psycopg.connect(library.url) as conn:
        query = "SELECT value FROM blip.settings WHERE name = 'engine_socket'"
        row = conn.execute(query).fetchone()
    before = contents(restored)
    assert schema.init(restored, cluster) == []
    with psycopg.connect(restored) as conn:  # init has set this cluster's own engine
        conn.execute("UPDATE blip.settings SET value = %s WHERE name = 'engine_socket'", row)
    assert contents(restored) == before
