"""A database's owner, who is no superuser, has every right on tables of theirs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from blipdb.database import connection, extension, schema
from blipdb.host import cluster as clusters
from blipdb.registry import register
from blipdb.settings import DATABASE, Settings
from blipdb.work.executors import run_jobs
from tests.album import picture
from tests.attach import attach, id_of, links, put, shop, stored
from tests.security.catalog import violations

Connection = psycopg.Connection[Any]

A, B, C = (picture(number) for number in range(3))
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Database:
    """An empty database, by its URLs for a superuser and for its owner."""

    url: str
    owner_url: str
    owner: str


@pytest.fixture
def owned(cluster: Settings) -> Iterator[Database]:
    """A database of an owner with a role of their own, who may create no roles."""
    extension.install(clusters.extension_dir(cluster))
    name = f"owned_{next(_numbers)}"
    url = cluster.database_url().replace(f"/{DATABASE}?", f"/{name}?")
    with psycopg.connect(cluster.database_url(), autocommit=True) as admin:
        admin.execute(f"CREATE ROLE {name}".encode())
        admin.execute(f"CREATE DATABASE {name} OWNER {name}".encode())
        with psycopg.connect(url) as conn:
            conn.execute("CREATE EXTENSION vector")
        yield Database(url, f"{url}&options=-c%20role%3D{name}", name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        admin.execute(f"DROP ROLE {name}".encode())


@pytest.fixture(params=["with roles", "before there are roles"])
def tables(request: pytest.FixtureRequest, owned: Database, cluster: Settings) -> Database:
    """The database after its owner's init, on a server with blipdb's roles or without."""
    server = Settings(Path("/nowhere"), url=owned.owner_url)
    if request.param == "with roles":
        schema.init(owned.owner_url, server)
        return owned
    # Other tests' databases need the roles, so they are hidden by renaming, until init is done.
    with psycopg.connect(cluster.database_url(), autocommit=True) as admin:
        roles = [
            name
            for (name,) in admin.execute(
                "SELECT rolname FROM pg_roles WHERE rolname LIKE 'blip\\_%'"
            ).fetchall()
        ]
        try:
            for role in roles:
                admin.execute(f"ALTER ROLE {role} RENAME TO hidden_{role}".encode())
            notes = schema.init(owned.owner_url, server)
        finally:
            for role in roles:
                admin.execute(f"ALTER ROLE hidden_{role} RENAME TO {role}".encode())
    assert any("this user may not create them" in note for note in notes) or not roles
    return owned


@pytest.fixture
def functions(tables: Database, served: Settings, tiny_folder: Path) -> Database:
    """And after a superuser's init, with the functions, a model and an engine."""
    assert schema.init(tables.url, served) == []
    settings = Settings(served.home, tables.url)
    with connection.connect(tables.url, autocommit=True) as conn:
        register(conn, settings, tiny_folder)
    return tables


@pytest.fixture
def owner(functions: Database) -> Iterator[Connection]:
    """A connection of the database's owner."""
    with psycopg.connect(functions.owner_url, autocommit=True) as conn:
        yield conn


def one(conn: Connection, query: str, *values: Any) -> Any:
    row = conn.execute(query.encode(), values).fetchone()
    assert row is not None
    return row[0]


def test_the_owner_keeps_the_tables(owner: Connection, functions: Database) -> None:
    query = "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'blip'"
    assert one(owner, query) == functions.owner
    query = (
        "SELECT DISTINCT pg_get_userbyid(proowner) FROM pg_proc"
        " WHERE prosecdef AND pronamespace = 'blip'::regnamespace ORDER BY 1"
    )
    found = {name for (name,) in owner.execute(query.encode()).fetchall()}
    assert functions.owner in found
    assert found <= {functions.owner, "blip_engine", "blip_nobody"}
    assert violations(owner) == []


def test_the_owner_may_call_everything(
    owner: Connection, functions: Database, served: Settings
) -> None:
    id = one(owner, "SELECT blip_add(%b, '/a.png', 'a dog')", A)
    run_jobs(Settings(served.home, functions.owner_url))
    assert one(owner, "SELECT count(*) FROM blip_status()") > 4
    assert one(owner, "SELECT image_id FROM blip_search('dog', 1)") == id
    assert one(owner, "SELECT count(*) FROM blip_failures()") == 0


@pytest.mark.parametrize("mode", ["background", pytest.param("live", marks=pytest.mark.slow)])
@pytest.mark.parametrize("whose", ["the database's owner", "an app"])
def test_an_attached_table_takes_an_apps_changes(
    owner: Connection, functions: Database, served: Settings, mode: str, whose: str
) -> None:
    """The app has no right on blipdb's tables, whoever owns the table that it changes."""
    app = "some_app"
    with psycopg.connect(functions.url, autocommit=True) as admin:
        if not admin.execute("SELECT FROM pg_roles WHERE rolname = 'some_app'").fetchall():
            admin.execute("CREATE ROLE some_app")
        shop(admin)
        admin.execute("GRANT ALL ON products TO some_app")
        if whose == "an app":
            admin.execute(f"GRANT some_app TO {functions.owner}".encode())
        admin.execute(
            f"ALTER TABLE products OWNER TO"
            f" {app if whose == 'an app' else functions.owner}".encode()
        )
    try:
        attach(owner, mode=mode)
        with psycopg.connect(functions.url, autocommit=True) as conn:
            conn.execute("SET ROLE some_app")
            put(conn, 1, A, "a dog")
            put(conn, 2, B, "a red dog")
            conn.execute("UPDATE products SET photo = %b WHERE id = 2", [C])
            conn.execute("DELETE FROM products WHERE id = 1")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute("SELECT FROM blip.images")
            run_jobs(Settings(served.home, functions.url))
            assert links(owner) == {2: id_of(C)}
            assert one(owner, "SELECT image_id FROM blip_search('dog', 1)") == id_of(C)
            conn.execute("TRUNCATE products")
            assert links(owner) == {}
            put(conn, 3, A)
        assert one(owner, "SELECT count(*) FROM blip_attachments()") == 1
        assert one(owner, "SELECT blip_detach('products')") == 1
        run_jobs(Settings(served.home, functions.url))
        assert stored(owner) == set()
    finally:
        with psycopg.connect(functions.url, autocommit=True) as admin:
            admin.execute("DROP TABLE products")
            admin.execute(f"REVOKE some_app FROM {functions.owner}".encode())
            admin.execute("DROP OWNED BY some_app")


def test_a_superusers_tables_become_blip_owners(owned: Database, cluster: Settings) -> None:
    """However they came to be a superuser's: a definer's owner must be none."""
    schema.init(owned.url, cluster)
    with psycopg.connect(owned.url) as conn:
        conn.execute("ALTER SCHEMA blip OWNER TO CURRENT_USER")
        for table in ("images", "image_vectors", "capfilt", "attachments"):
            conn.execute(f"ALTER TABLE blip.{table} OWNER TO CURRENT_USER".encode())
    schema.init(owned.url, cluster)
    with psycopg.connect(owned.url) as conn:
        assert violations(conn) == []
        query = (
            "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class"
            " WHERE relnamespace = 'blip'::regnamespace AND relkind <> 'c'"
        )
        assert conn.execute(query).fetchall() == [("blip_owner",)]


def test_the_extension_before_init_leaves_no_definer_to_a_superuser(
    owned: Database, cluster: Settings
) -> None:
    with psycopg.connect(owned.url) as conn:
        conn.execute("CREATE EXTENSION blipdb CASCADE")
        definers = "SELECT proname FROM pg_proc JOIN pg_roles r ON r.oid = proowner"
        definers += " WHERE prosecdef AND pronamespace = 'blip'::regnamespace AND rolsuper"
        assert conn.execute(definers.encode()).fetchall() == []
        for role in ("blip_reader", "blip_writer", "blip_worker", "blip_owner"):
            query = "SELECT has_function_privilege(%s, 'blip._purge()', 'EXECUTE')"
            assert one(conn, query, role) is False
    schema.init(owned.url, cluster)
    with psycopg.connect(owned.url) as conn:
        assert violations(conn) == []
        query = "SELECT prosecdef FROM pg_proc WHERE oid = 'blip._purge()'::regprocedure"
        assert one(conn, query) is True


def test_init_calls_nothing_that_the_schemas_owner_put_there(
    owned: Database, cluster: Settings
) -> None:
    """A superuser's init must not pick an overload that suits its arguments better."""
    schema.init(owned.owner_url, Settings(Path("/nowhere"), url=owned.owner_url))
    trap = (
        "LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.log SELECT current_user; RETURN {}; END $$"
    )
    with psycopg.connect(owned.owner_url) as conn:
        conn.execute("CREATE TABLE public.log (who text)")
        for signature, result in (
            ("_allow(text, text) RETURNS text", "''"),
            ("_allow(text, text, text) RETURNS text", "''"),
            ("_allow(regprocedure, text) RETURNS text", "''"),
            ("format(text, regprocedure) RETURNS text", "'SELECT 1'"),
            ("format(text, regprocedure, name) RETURNS text", "'SELECT 1'"),
            ("cardinality(text[]) RETURNS integer", "0"),
            ("pg_get_userbyid(oid) RETURNS name", "'postgres'"),
            ("same(text, text) RETURNS boolean", "true"),
            ("same_name(name, text) RETURNS boolean", "true"),
        ):
            conn.execute(f"CREATE FUNCTION blip.{signature} {trap.format(result)}".encode())
        conn.execute("CREATE OPERATOR blip.= (leftarg=text, rightarg=text, function=blip.same)")
        conn.execute(
            "CREATE OPERATOR blip.= (leftarg=name, rightarg=text, function=blip.same_name)"
        )
    for _ in range(2):
        schema.init(owned.url, cluster)
    with psycopg.connect(owned.url) as conn:
        assert conn.execute("SELECT who FROM public.log").fetchall() == []
        assert conn.execute("SHOW search_path").fetchone() == ('"$user", public',)
