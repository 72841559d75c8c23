"""Objects of an attacker's that are named like PostgreSQL's, on an administrator's search path."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from typer.testing import CliRunner

import blipdb
from blipdb import registry
from blipdb.cli.app import app
from blipdb.database import connection, indexes, jobs
from blipdb.database import extension as extensions
from blipdb.database import schema as db_schema
from blipdb.database.jobs import Queue
from blipdb.host import cluster as clusters
from blipdb.identity import image_id
from blipdb.ingest.run import ingest
from blipdb.settings import DATABASE, Settings
from blipdb.work import attachments, backlog
from blipdb.work.executors import run_jobs
from tests.album import album, picture

Connection = psycopg.Connection[Any]

ROOT = Path(__file__).parents[2]
SOURCES = ("blipdb", "workers", "migrations", "training")
TYPES = (
    "smallint", "integer", "bigint", "oid", "text", "varchar", "name", '"char"', "boolean", "uuid",
    "jsonb", "bytea", "real", "double precision", "regclass", "regprocedure", "timestamptz",
    "uuid[]", "text[]", "integer[]",
)  # fmt: skip
FEW = ("smallint", "integer", "bigint", "text", "name", "regclass")  # of functions of several
OPERATORS = ("=", "<>", "<", "<=", ">", ">=", "||", "+", "-", "*", "->", "->>", "@>", "?&", "~~")
RELATIONS = ("pg_class", "pg_roles", "pg_extension", "pg_namespace", "pg_proc", "pg_attribute")

# The sequence counts calls with the rights of anybody but the attacker, as it survives a rollback.
PREPARE = """
DO $$ BEGIN CREATE ROLE mallory LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;
GRANT CREATE ON SCHEMA public TO mallory;
CREATE SCHEMA evil AUTHORIZATION mallory;
CREATE SCHEMA postgres AUTHORIZATION mallory; -- as "$user" of the superuser's sessions
SET ROLE mallory;
CREATE SEQUENCE evil.caught;
CREATE TABLE evil.failed (trap text, reason text);
GRANT ALL ON SCHEMA evil TO PUBLIC;
GRANT ALL ON SEQUENCE evil.caught TO PUBLIC;
CREATE FUNCTION evil.spy() RETURNS boolean LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF current_user <> 'mallory' THEN
        PERFORM nextval('evil.caught');
    END IF;
    RETURN true;
END $$;
"""
PLANT = """
DO $$
DECLARE
    statement text;
BEGIN
    FOREACH statement IN ARRAY {}::text[] LOOP
        BEGIN
            EXECUTE statement;
        EXCEPTION WHEN OTHERS THEN
            INSERT INTO evil.failed VALUES (statement, SQLERRM);
        END;
    END LOOP;
END $$
"""
BODY = "LANGUAGE plpgsql AS 'BEGIN PERFORM evil.spy(); RETURN NULL; END'"


def names(conn: Connection) -> dict[str, set[int]]:
    """PostgreSQL's functions that our sources call, by the numbers of arguments that they take."""
    called: set[str] = set()
    for path in (path for folder in SOURCES for path in (ROOT / folder).rglob("*.py")):
        called |= set(re.findall(r"\b([a-z][a-z0-9_]*)\(", path.read_text()))
    found: dict[str, set[int]] = {}
    query = (
        "SELECT proname, pronargs FROM pg_proc WHERE proname = ANY(%s)"
        " AND pronamespace = 'pg_catalog'::regnamespace"
    )
    for name, count in conn.execute(query, [sorted(called)]).fetchall():
        found.setdefault(name, set()).add(count)
    return found


def signatures(count: int) -> Iterator[Sequence[str]]:
    """Types of arguments that a trap is planted for."""
    if count == 1:
        yield from ([kind] for kind in (*TYPES, "anyelement"))
    elif count == 2:
        yield from itertools.product((*FEW, "uuid[]", "text[]", "jsonb"), repeat=2)
    elif count > 2:
        yield from ([kind] * count for kind in TYPES)


def traps(found: dict[str, set[int]], schema: str) -> Iterator[str]:
    """Statements that create them, in a schema."""
    for name, counts in sorted(found.items()):
        for arguments in itertools.chain.from_iterable(map(signatures, sorted(counts))):
            yield f'CREATE FUNCTION {schema}."{name}"({", ".join(arguments)}) RETURNS text {BODY}'
        yield f'CREATE FUNCTION {schema}."{name}"() RETURNS text {BODY}'
    for left, right in itertools.product(TYPES, repeat=2):
        yield f"CREATE FUNCTION {schema}.trap({left}, {right}) RETURNS boolean {BODY}"
        for operator in OPERATORS:
            yield (
                f"CREATE OPERATOR {schema}.{operator} (FUNCTION = {schema}.trap,"
                f" LEFTARG = {left}, RIGHTARG = {right})"
            )
    for relation in RELATIONS:
        yield (
            f"CREATE VIEW {schema}.{relation} AS"
            f" SELECT * FROM pg_catalog.{relation} WHERE evil.spy()"
        )
        yield f"GRANT SELECT ON {schema}.{relation} TO PUBLIC"
    for kind in ("text", "uuid", "jsonb", "bytea", "name", "oid", "regclass"):
        yield f"CREATE DOMAIN {schema}.{kind} AS pg_catalog.{kind} CHECK (evil.spy())"


def caught(conn: Connection) -> int:
    """The number of times that a trap ran with somebody else's rights."""
    row = conn.execute(
        "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM evil.caught"
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture(params=["the usual path", "a path with public first"])
def trapped(request: pytest.FixtureRequest, served: Settings) -> Iterator[Settings]:
    """A database full of traps, before blipdb is in it."""
    extensions.install(clusters.extension_dir(served))
    with psycopg.connect(served.database_url(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE trapped")
        url = served.database_url().replace(f"/{DATABASE}?", "/trapped?")
        if "first" in request.param:
            admin.execute('ALTER DATABASE trapped SET search_path = "$user", public, pg_catalog')
        try:
            with connection.connect_pinned(url, autocommit=True) as conn:
                conn.execute(PREPARE)
                found = names(conn)
                for schema in ("public", "postgres"):
                    planted = sql.Literal(list(traps(found, schema)))
                    conn.execute(sql.SQL(PLANT).format(planted))
            yield Settings(served.home, url)
        finally:
            admin.execute("DROP DATABASE trapped WITH (FORCE)")


@pytest.fixture
def pinned(trapped: Settings) -> Iterator[Connection]:
    """A connection that looks at what the traps noted."""
    with connection.connect_pinned(trapped.database_url(), autocommit=True) as conn:
        yield conn


def test_traps_bite_who_is_not_pinned(trapped: Settings, pinned: Connection) -> None:
    assert len(names(pinned)) > 40
    bites = (
        "SELECT pg_advisory_xact_lock(1::smallint)",
        "SELECT unnest(ARRAY[gen_random_uuid()])",
        "SELECT oid FROM pg_class WHERE oid = 'pg_class'::regclass",
        "SELECT 'a'::name || 'b'::text",
    )
    for number, statement in enumerate(bites, start=1):
        with (
            connection.connect(trapped.database_url(), autocommit=True) as plain,
            suppress(psycopg.Error),  # what a trap returns may be of no use to the statement
        ):
            plain.execute(statement.encode())
        assert caught(pinned) >= number, statement


def test_commands_and_workers_run_no_trap(
    trapped: Settings, pinned: Connection, served: Settings, tiny_folder: Path, tmp_path: Path
) -> None:
    url = trapped.database_url()

    def spotless(what: str) -> None:
        assert caught(pinned) == 0, what

    assert db_schema.init(url, served) == []
    assert db_schema.init(url, served) == []
    spotless("init")
    with connection.connect_pinned(url, autocommit=True) as conn:
        model = registry.register(conn, trapped, tiny_folder)
        registry.activate(conn, model.name)
        assert not registry.index_vectors(conn, model)
        assert indexes.create_vector_index(conn, model.model_id, model.itc_dims)
        spotless("registry")
        conn.execute("CREATE TABLE evil.shop (id integer PRIMARY KEY, photo bytea)")
        conn.execute("INSERT INTO evil.shop VALUES (1, %b)", [picture(9)])
        conn.execute(
            "SELECT public.blip_attach('evil.shop'::regclass, 'photo'::name, NULL::name,"
            " 'background'::text, 'content'::text, ''::text)"
        )
    album(tmp_path / "in", 3)
    (tmp_path / "in" / "broken.png").write_bytes(b"no picture")
    assert ingest(trapped, [tmp_path / "in"]).encoded == 3
    assert ingest(trapped, [tmp_path / "in"], retry=True).encoded == 0
    spotless("ingest")
    run_jobs(trapped)
    spotless("run")
    with connection.connect_pinned(url, autocommit=True) as conn:
        list(attachments.work(conn))
        assert attachments.counts(conn).done == 1
        attachments.retry(conn)
        jobs.retry_parked(conn, Queue(jobs.ENCODE, model.model_id))
        jobs.free_abandoned(conn, Queue(jobs.ENCODE, model.model_id))
        jobs.all_counts(conn)
        spotless("jobs")
    backlog.retry(trapped)
    spotless("retry")


def test_a_client_runs_no_trap(
    trapped: Settings,
    pinned: Connection,
    served: Settings,
    tiny_folder: Path,
    request: pytest.FixtureRequest,
) -> None:
    url = trapped.database_url()
    db_schema.init(url, served)
    with connection.connect_pinned(url, autocommit=True) as conn:
        registry.register(conn, trapped, tiny_folder)
    # Ours come first on a path that has PostgreSQL's names last: that an app's owner chose.
    of_an_app = "first" not in request.node.name
    for by in ("server", "client") if of_an_app else ("server",):
        with blipdb.connect(url, home=served.home, inference=by) as db:
            id = db.add(picture(1), uri="/a.png", caption="a dog", metadata={"a": 1})
            run_jobs(trapped)
            assert id == image_id("", picture(1))
            assert [hit.image_id for hit in db.search("dog", 1, filter={"a": 1})] == [id]
            assert [hit.image_id for hit in db.search(picture(1), 1, within=[id])] == [id]
            assert [hit.image_id for hit in db.rerank("dog", [id], 1)] == [id]
            assert list(db.similar(id, 1)) == []
            assert len(db.embed("dog")) > 0
            assert 0 <= db.match(id, "dog") <= 1
            assert [caption.text for caption in db.captions(id)] == ["a dog"]
            assert len(db.status()) > 4
            assert db.failures() == []
        assert caught(pinned) == 0, by
    with connection.connect(url) as plain:
        assert len(blipdb.connect(plain).search("dog", 1)) == 1
    for command in (["search", "dog"], ["status"], ["failures"], ["models", "list"]):
        ran = CliRunner().invoke(
            app, command, env={"BLIPDB_HOME": str(served.home), "BLIPDB_URL": url}
        )
        assert ran.exit_code == 0, (command, ran.output)
        assert caught(pinned) == 0, command
