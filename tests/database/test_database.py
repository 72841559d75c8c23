from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from blipdb.database import connection, extension, indexes, requirements, schema
from blipdb.errors import BlipdbError, DatabaseError, SetupError
from blipdb.host import cluster as clusters
from blipdb.migrations import OLDEST_WORKER
from blipdb.settings import DATABASE, Settings

Connection = psycopg.Connection[Any]

_numbers = itertools.count(1)


@contextmanager
def fresh(cluster: Settings) -> Iterator[str]:
    """The URL of an empty database."""
    name = f"fresh_{next(_numbers)}"
    with psycopg.connect(cluster.database_url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        yield cluster.database_url().replace(f"/{DATABASE}?", f"/{name}?")
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty(cluster: Settings) -> Iterator[str]:
    extension.install(clusters.extension_dir(cluster))
    with fresh(cluster) as url:
        yield url


@pytest.fixture
def without(cluster: Settings) -> Iterator[Callable[[str], Path]]:
    """Take an extension from the server until the test ends; gives the folder where it was."""
    folder = clusters.extension_dir(cluster)

    def take(name: str) -> Path:
        (folder / f"{name}.control").unlink()
        return folder

    yield take
    extension.install(clusters.extension_dir(cluster))


@pytest.fixture
def server(database: str) -> Settings:
    """The test's database as an existing server's, which nobody but its owner installs to."""
    return Settings(Path("/nowhere"), url=database)


def one(conn: Connection, query: str, *values: Any) -> Any:
    row = conn.execute(query.encode(), values or None).fetchone()
    assert row is not None
    return row[0]


def register(conn: Connection, dims: int = 3) -> int:
    """A model with 2 tokens of 4 values."""
    model_id: int = one(
        conn,
        "INSERT INTO blip.models (name, digest, roles, image_size, itc_dims, token_count,"
        " token_width, max_tokens) VALUES ('m', repeat('0', 64), '{retrieval}', 8, %s, 2, 4, 9)"
        " RETURNING model_id",
        dims,
    )
    indexes.create_model_partitions(conn, model_id, dims)
    return model_id


def add_image(conn: Connection, number: int) -> str:
    conn.execute(
        "INSERT INTO blip.images (image_id, sha256, mime, bytes) VALUES (%s, %s, 'image/png', 1)",
        [f"{number:032x}", bytes(32)],
    )
    return f"{number:032x}"


# Connecting


def test_connect_says_where_and_hides_the_password(tmp_path: Path) -> None:
    url = f"postgresql://ann:secret@/x?host={tmp_path}"
    with pytest.raises(DatabaseError, match="can't be reached at postgresql://ann@/x") as caught:
        connection.connect(url)
    assert "secret" not in str(caught.value)
    assert caught.value.hint is not None
    assert "blipdb up" in caught.value.hint


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql:///x", "postgresql:///x"),
        ("postgresql://ann:secret@h1:1,[::1]:2/x", "postgresql://ann@h1:1,[::1]:2/x"),
        ("postgresql://h/x?user=ann&password=secret", "postgresql://h/x?user=ann"),
        ("postgresql://h/x?password=secret", "postgresql://h/x"),
    ],
)
def test_a_url_is_shown_without_its_password(url: str, shown: str) -> None:
    assert connection.without_password(url) == shown


# Bringing up to date


def test_init_can_be_repeated(database: str, cluster: Settings) -> None:
    query = "SELECT oid, extname, extversion FROM pg_extension ORDER BY oid"
    with psycopg.connect(database) as conn:
        before = conn.execute(query).fetchall()
    assert schema.init(database, cluster) == []
    with psycopg.connect(database) as conn:
        assert conn.execute(query).fetchall() == before
        requirements.check(conn)


def test_init_of_an_empty_database(empty: str, cluster: Settings) -> None:
    assert schema.init(empty, cluster) == []
    with connection.connect(empty) as conn:
        requirements.check(conn)
        found = dict(conn.execute("SELECT name, value FROM blip.settings").fetchall())
    assert found["engine_socket"] == str(cluster.engine_socket)
    assert found["oldest_worker"] == OLDEST_WORKER
    assert found.keys() == {"engine_socket", "engine_uid", "oldest_worker"}


def test_two_inits_at_once(empty: str, cluster: Settings) -> None:
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(schema.init, empty, cluster) for _ in range(2)]
        assert [run.result() for run in runs] == [[], []]


def test_init_after_the_extension(empty: str, cluster: Settings) -> None:
    with psycopg.connect(empty) as conn:
        conn.execute("CREATE EXTENSION blipdb CASCADE")
    assert schema.init(empty, cluster) == []
    with connection.connect(empty) as conn:
        requirements.check(conn)
        query = "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'blip'"
        assert one(conn, query) == "blip_owner"


def test_pgvector_may_be_in_any_schema(empty: str, cluster: Settings) -> None:
    with psycopg.connect(empty) as conn:
        conn.execute('CREATE SCHEMA "My vectors"')
        conn.execute('CREATE EXTENSION vector SCHEMA "My vectors"')
    schema.init(empty, cluster)
    with connection.connect(empty) as conn:
        model_id = register(conn)
        assert indexes.create_vector_index(conn, model_id, 3) is True
        recalled = (
            "SELECT image_ids FROM blip._recall((%s, 'm', '', 3, 24), '[1,0,0]', 5, '{}', %s)"
        )
        assert one(conn, recalled, model_id, None) == []


def test_init_renews_functions_of_another_build(database: str, cluster: Settings) -> None:
    with psycopg.connect(database) as conn:
        pretend_another_build(conn)
    schema.init(database, cluster)
    with connection.connect(database) as conn:
        requirements.check(conn)


def test_init_attaches_tables_again(database: str, cluster: Settings) -> None:
    """Their triggers depend on functions that are made again; one that can't be is in trouble."""
    with psycopg.connect(database) as conn:
        for name in ("goods", "spoilt"):
            conn.execute(
                f"CREATE TABLE {name} (id integer PRIMARY KEY, title text, photo bytea)".encode()
            )
            conn.execute(f"SELECT blip_attach('{name}', 'photo', 'title', 'live')".encode())
        conn.execute("ALTER TABLE spoilt DROP CONSTRAINT spoilt_pkey")
        pretend_another_build(conn)
    schema.init(database, cluster)
    with psycopg.connect(database) as conn:
        found = conn.execute("SELECT source::text, mode, trouble FROM blip_attachments()")
        assert found.fetchall() == [
            ("goods", "live", None),
            (
                "spoilt",
                "live",
                "its triggers are gone or were changed; once mended, call"
                " blip_attach('public.spoilt', …) again",
            ),
        ]
        triggers = "SELECT count(*) FROM pg_trigger WHERE tgrelid = '{}'::regclass"
        assert one(conn, triggers.format("goods")) == 4
        assert one(conn, triggers.format("spoilt")) == 0


def test_init_leaves_what_a_users_view_depends_on(database: str, cluster: Settings) -> None:
    with psycopg.connect(database) as conn:
        pretend_another_build(conn)
        conn.execute("CREATE VIEW found AS SELECT * FROM blip_search('dog')")
    depends = r"view public\.found depends on function public\.blip_search"
    with pytest.raises(DatabaseError, match=depends):
        schema.init(database, cluster)
    with psycopg.connect(database) as conn:
        assert one(conn, "SELECT blip._build()") == "0123456789abcdef"


def pretend_another_build(conn: Connection) -> None:
    conn.execute(
        "CREATE OR REPLACE FUNCTION blip._build() RETURNS text LANGUAGE plpgsql"
        " AS $$ BEGIN RETURN '0123456789abcdef'; END $$"
    )


def test_init_with_another_builds_files_on_the_server(
    cluster: Settings, database: str, server: Settings
) -> None:
    folder = clusters.extension_dir(cluster)
    script = folder / f"blipdb--{extension.version()}.sql"
    script.write_text(script.read_text().replace(extension.build(), "0123456789abcdef"))
    with psycopg.connect(database) as conn:
        pretend_another_build(conn)
    try:
        with pytest.raises(SetupError, match="build 0123456789abcdef, and this one is") as caught:
            schema.init(database, server)
    finally:
        extension.install(folder)
    assert caught.value.hint == "Install this one's there: sudo blipdb install-extension"


def test_init_where_the_functions_files_are_gone(
    database: str, server: Settings, without: Callable[[str], Path]
) -> None:
    """The functions that exist are to be renewed, and not left out."""
    with psycopg.connect(database) as conn:
        pretend_another_build(conn)
    without("blipdb")
    with pytest.raises(SetupError, match="blipdb is not installed on the server") as caught:
        schema.init(database, server)
    assert caught.value.hint == "Install its files there: sudo blipdb install-extension"
    with psycopg.connect(database) as conn:
        assert one(conn, "SELECT blip._build()") == "0123456789abcdef"


def test_init_leaves_a_newer_database_alone(database: str, cluster: Settings) -> None:
    with psycopg.connect(database) as conn:
        conn.execute("UPDATE blip.alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseError, match="newer blipdb: revision 9999") as caught:
        schema.init(database, cluster)
    assert caught.value.hint == "Upgrade this one: pip install --upgrade blipdb"


@pytest.mark.slow
def test_init_by_an_ordinary_role(empty_home: Path) -> None:
    """Where our roles are not and the superuser made the extension: tables, a word on roles."""
    settings = Settings(empty_home)
    clusters.up(settings)
    try:
        extension.install(clusters.extension_dir(settings))
        url = settings.database_url()
        with psycopg.connect(url) as conn:
            conn.execute("CREATE ROLE app")
            conn.execute("GRANT CREATE ON DATABASE blipdb TO app")
            conn.execute("CREATE EXTENSION blipdb CASCADE")
            conn.execute("ALTER SCHEMA blip OWNER TO app")
        as_app = Settings(empty_home, url=f"{url}&options=-c%20role%3Dapp")
        assert as_app.url is not None
        (note,) = schema.init(as_app.url, as_app)
        assert "blip_owner, blip_reader, blip_writer, blip_worker, blip_engine" in note
        assert "may not create them" in note
        with connection.connect(as_app.url) as conn:
            requirements.check(conn)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute("SELECT blip_status()")

        assert schema.init(url, settings) == []
        with connection.connect(url) as conn:
            conn.execute("SET ROLE blip_reader")
            assert one(conn, "SELECT count(*) FROM blip_status()") == 5
    finally:
        clusters.down(settings)


# Checking


def complaint(url: str, *, functions: bool = False) -> BlipdbError:
    with connection.connect(url) as conn, pytest.raises(BlipdbError) as caught:
        requirements.check(conn, functions=functions)
    return caught.value


def test_check_finds_no_tables(empty: str) -> None:
    with psycopg.connect(empty) as conn:
        conn.execute("CREATE EXTENSION blipdb CASCADE")
    error = complaint(empty)
    assert "has no tables of blipdb" in error.message
    assert error.hint == "Bring it up to date with: blipdb init"


@pytest.mark.parametrize(
    ("revision", "message", "hint"),
    [
        (
            "0000",
            "are of revision 0000; this blipdb works with",
            "blipdb init",
        ),
        (
            "9999",
            "of a newer blipdb: revision 9999, and this one knows",
            "pip",
        ),
    ],
)
def test_check_finds_another_revision(
    database: str, revision: str, message: str, hint: str
) -> None:
    with psycopg.connect(database) as conn:
        conn.execute("UPDATE blip.alembic_version SET version_num = %s", [revision])
    error = complaint(database)
    assert f"{message} {requirements.head()}" in error.message
    assert error.hint is not None
    assert hint in error.hint


def test_check_finds_no_extension(database: str) -> None:
    with psycopg.connect(database) as conn:
        conn.execute("DROP EXTENSION blipdb")
    assert "The functions of blipdb are not in the database" in complaint(database).message
    with psycopg.connect(database) as conn:
        schema.ensure_plain_functions(conn)
        requirements.check(conn)  # they will do,
    error = complaint(database, functions=True)  # unless an engine is to be asked
    assert isinstance(error, DatabaseError)
    assert "The extension blipdb is not in the database" in error.message
    assert error.hint == "Bring it up to date with: blipdb init"


def test_check_finds_another_build(database: str) -> None:
    with psycopg.connect(database) as conn:
        pretend_another_build(conn)
    error = complaint(database)
    assert f"build 0123456789abcdef, and this one is {extension.build()}" in error.message


def test_pgvector_is_missing_on_the_server(empty: str, without: Callable[[str], Path]) -> None:
    folder = without("vector")
    server = Settings(Path("/nowhere"), url=empty)
    with pytest.raises(SetupError) as caught:
        schema.init(empty, server)
    for error in (caught.value, complaint(empty)):
        assert "The extension vector is not installed on the server at" in error.message
        assert str(folder) in error.message  # where it was looked for
        assert error.hint is not None
        assert "sudo apt-get install postgresql-" in error.hint


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("plpython3u", "sudo apt-get install postgresql-plpython3-"),
        ("blipdb", "sudo blipdb install-extension"),
    ],
)
def test_a_server_without_a_part_gets_plain_functions(
    empty: str, without: Callable[[str], Path], name: str, hint: str
) -> None:
    folder = without(name)
    server = Settings(Path("/nowhere"), url=empty)
    (note,) = schema.init(empty, server)
    assert note.startswith(
        f"The SQL functions that ask an engine are left out: The extension {name} is not"
    )
    assert "installed on the server at" in note
    assert str(folder) in note  # where it was looked for
    assert hint in note
    with connection.connect(empty) as conn:
        requirements.check(conn)
        assert "blipdb" not in requirements.installed(conn)
        names = conn.execute("SELECT name FROM blip.settings").fetchall()
    assert names == [("oldest_worker",)]  # there is no engine


def test_the_functions_need_every_part(empty: str, without: Callable[[str], Path]) -> None:
    without("plpython3u")
    with connection.connect(empty) as conn:
        requirements.require_parts(conn, functions=False)
        with pytest.raises(SetupError, match="plpython3u is not installed"):
            requirements.require_parts(conn)


def ordinary(conn: Connection) -> str:
    """Let a role make schemas in this database, and give the URL's option that acts as it."""
    if conn.execute("SELECT FROM pg_roles WHERE rolname = 'tenant'").fetchone() is None:
        conn.execute("CREATE ROLE tenant")
    conn.execute(f"GRANT CREATE ON DATABASE {conn.info.dbname} TO tenant".encode())
    return "&options=-c%20role%3Dtenant"


def test_an_ordinary_role_makes_tables_and_plain_functions(empty: str) -> None:
    with psycopg.connect(empty) as conn:
        conn.execute("CREATE EXTENSION vector")
        url = empty + ordinary(conn)
    for _ in range(2):  # safe to repeat
        (note,) = schema.init(url, Settings(Path("/nowhere"), url=url))
        assert "left out: this user may not create the extension blipdb. Python clients" in note
        assert "let a superuser run blipdb init" in note
    with connection.connect(url) as conn:
        requirements.check(conn)
        query = "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'blip'"
        assert one(conn, query) == "tenant"
        assert indexes.create_vector_index(conn, register(conn), 3) is True
    with connection.connect(empty) as conn:
        conn.execute("SET ROLE blip_reader")  # which this server has
        assert one(conn, "SELECT count(*) FROM blip.images") == 0


def test_an_ordinary_role_in_a_schema_that_was_made_for_it(empty: str) -> None:
    with psycopg.connect(empty) as conn:
        conn.execute("CREATE EXTENSION vector")
        url = empty + ordinary(conn)
        conn.execute("CREATE SCHEMA blip AUTHORIZATION tenant")
        conn.execute(f"REVOKE CREATE ON DATABASE {conn.info.dbname} FROM tenant".encode())
    schema.init(url, Settings(Path("/nowhere"), url=url))
    with connection.connect(url) as conn:
        requirements.check(conn)


def test_an_ordinary_role_where_pgvector_is_in_a_schema_of_its_own(empty: str) -> None:
    with psycopg.connect(empty) as conn:
        conn.execute("CREATE SCHEMA vectors")
        conn.execute("CREATE EXTENSION vector SCHEMA vectors")
        url = empty + ordinary(conn)
        conn.execute("GRANT USAGE ON SCHEMA vectors TO tenant")
    notes = schema.init(url, Settings(Path("/nowhere"), url=url))
    assert (
        "The role blip_reader can't use pgvector yet: let a superuser run"
        ' GRANT USAGE ON SCHEMA "vectors" TO "blip_reader".'
    ) in notes


def test_an_ordinary_role_can_not_make_pgvector(empty: str) -> None:
    with psycopg.connect(empty) as conn:
        url = empty + ordinary(conn)
    with pytest.raises(SetupError, match="vector is not in the database") as caught:
        schema.init(url, Settings(Path("/nowhere"), url=url))
    assert caught.value.hint == (
        "Have a superuser do that, in this database: CREATE EXTENSION vector"
    )


def test_a_superuser_adds_the_functions_later(empty: str, cluster: Settings) -> None:
    with psycopg.connect(empty) as conn:
        conn.execute("CREATE EXTENSION vector")
        url = empty + ordinary(conn)
    schema.init(url, Settings(Path("/nowhere"), url=url))
    assert schema.init(empty, cluster) == []
    with connection.connect(empty) as conn:
        requirements.check(conn, functions=True)
        assert one(conn, "SELECT count(*) FROM blip_status()") == 5


def test_pgvector_is_too_old(database: str, cluster: Settings) -> None:
    with psycopg.connect(database) as conn:
        conn.execute("UPDATE pg_extension SET extversion = '0.7.4' WHERE extname = 'vector'")
    with pytest.raises(SetupError) as caught:
        schema.init(database, cluster)
    assert "pgvector 0.7.4 in the database" in caught.value.message
    assert caught.value.hint is not None
    assert "ALTER EXTENSION vector UPDATE" in caught.value.hint
    assert "pgvector 0.7.4" in complaint(database).message


# Models' partitions


def test_partitions_check_what_goes_in(conn: Connection) -> None:
    model_id = register(conn, dims=3)
    image = add_image(conn, 1)
    vector, tokens = (
        f"INSERT INTO blip.{table} VALUES ('{image}', {model_id}, %s)"
        for table in ("image_vectors", "image_tokens")
    )
    with pytest.raises(psycopg.errors.CheckViolation), conn.transaction():
        conn.execute(vector.encode(), ["[1,0]"])
    for size in (15, 17):
        with pytest.raises(psycopg.errors.CheckViolation), conn.transaction():
            conn.execute(tokens.encode(), [bytes(size)])
    conn.execute(vector.encode(), ["[1,0,0]"])
    conn.execute(tokens.encode(), [bytes(16)])


def test_partitions_are_the_owners_and_nobody_elses(conn: Connection) -> None:
    model_id = register(conn)
    found = conn.execute(
        "SELECT relname, pg_get_userbyid(relowner), relacl FROM pg_class"
        " WHERE relnamespace = 'blip'::regnamespace AND relispartition AND relkind = 'r'"
        " ORDER BY relname"
    ).fetchall()
    assert found == [
        (f"image_tokens_{model_id}", "blip_owner", None),
        (f"image_vectors_{model_id}", "blip_owner", None),
    ]
    assert one(conn, "SELECT current_user::text") == "postgres"
    assert one(conn, "SHOW search_path") == '"$user", public'


def test_tokens_are_stored_uncompressed(conn: Connection) -> None:
    model_id = register(conn)
    query = (
        "SELECT attstorage::text FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s"
    )
    assert one(conn, query, f"blip.image_tokens_{model_id}", "tokens") == "e"


def test_partitions_can_be_made_twice(conn: Connection) -> None:
    indexes.create_model_partitions(conn, register(conn), 3)


def test_no_parallel_builds_by_a_pgvector_that_overflows(conn: Connection) -> None:
    """CVE-2026-3172, in pgvector before 0.8.2; the table remembers, for REINDEX and restores."""
    for version, options in (("0.8.1", ["parallel_workers=0"]), ("0.8.2", None)):
        with conn.transaction(force_rollback=True):
            conn.execute(
                "UPDATE pg_extension SET extversion = %s WHERE extname = 'vector'", [version]
            )
            name = f"blip.image_vectors_{register(conn)}"
            query = "SELECT reloptions FROM pg_class WHERE oid = %s::regclass"
            assert one(conn, query, name) == options


def test_vector_index_is_built_once(conn: Connection) -> None:
    model_id = register(conn)
    image = add_image(conn, 1)
    conn.execute("INSERT INTO blip.image_vectors VALUES (%s, %s, '[1,0,0]')", [image, model_id])
    assert indexes.create_vector_index(conn, model_id, 3) is True
    assert indexes.create_vector_index(conn, model_id, 3) is False
    definition = one(
        conn, f"SELECT pg_get_indexdef('blip.image_vectors_{model_id}_itc_idx'::regclass)"
    )
    assert "USING hnsw (((itc)::halfvec(3)) halfvec_cosine_ops)" in definition
