"""Rights: roles, and two tenants that share the tables and see nothing of each other."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from blipdb.database import connection, requirements
from blipdb.identity import image_id
from tests.images.pictures import encode, scene
from tests.sql.library import SIZE, Library

Connection = psycopg.Connection[Any]

PICTURE = encode(scene(), "PNG")
DERIVED = ("files", "image_vectors", "image_tokens", "captions", "jobs")
Denied = psycopg.errors.InsufficientPrivilege


def rows(conn: Connection, query: str, *values: Any) -> list[tuple[Any, ...]]:
    return conn.execute(query.encode(), values).fetchall()


def act_as(conn: Connection, role: str, space: str | None = None) -> None:
    conn.execute(f"SET LOCAL ROLE {role}".encode())
    if space is not None:
        conn.execute("SELECT set_config('app.space', %s, true)", [space])


@pytest.fixture
def tenants(conn: Connection, library: Library) -> Connection:
    """Each tenant sees its own space: one policy, on blip.images alone."""
    conn.execute("ALTER TABLE blip.images ENABLE ROW LEVEL SECURITY")
    conn.execute("CREATE POLICY tenant ON blip.images USING (space = current_setting('app.space'))")
    return conn


def refused(conn: Connection, statement: str, *values: Any) -> str:
    with pytest.raises(Denied) as caught, conn.transaction():
        conn.execute(statement.encode(), values)
    return str(caught.value.diag.message_primary)


# Two tenants


@pytest.mark.parametrize("space", ["red", "blue"])
@pytest.mark.parametrize("table", ["images", *DERIVED])
def test_each_table_shows_a_tenant_its_own(
    tenants: Connection, library: Library, table: str, space: str
) -> None:
    query = f"SELECT DISTINCT image_id FROM blip.{table}"
    own = {id for n, id in enumerate(library.ids) if n % 3 == (1 if space == "red" else 2)}
    assert len(rows(tenants, query)) == SIZE
    for role in ("blip_reader", "blip_writer"):
        act_as(tenants, role, space)
        assert {row[0] for row in rows(tenants, query)} == own
    act_as(tenants, "blip_worker", space)
    assert len(rows(tenants, query)) == SIZE


def test_search_finds_a_tenants_own(tenants: Connection, library: Library) -> None:
    own = [number for number in range(SIZE) if number % 3 == 1]
    act_as(tenants, "blip_reader", "red")
    found = rows(tenants, "SELECT image_id, uri, caption FROM blip_search('red dog', 10)")
    best = library.best("red dog", 10, among=own)
    assert [row[0] for row in found] == [hit.image_id for hit in best]
    assert all(row[1] and row[2] for row in found)

    every = library.best("red dog", SIZE)
    query = "SELECT image_id FROM blip_search('red dog', 60)"
    assert {row[0] for row in rows(tenants, query)} == {library.ids[number] for number in own}
    query = "SELECT image_id FROM blip_rerank('red dog', %s, 60)"
    ids = [hit.image_id for hit in every]
    assert {row[0] for row in rows(tenants, query, ids)} == {library.ids[number] for number in own}
    query = "SELECT image_id FROM blip_search('red dog', 60, within => %s)"
    assert len(rows(tenants, query, ids)) == len(own)
    query = "SELECT image_id FROM blip_search(%s::bytea, 60)"
    assert len(rows(tenants, query, library.pictures[0])) == len(own)


def test_anothers_image_is_unknown(tenants: Connection, library: Library) -> None:
    act_as(tenants, "blip_reader", "red")
    for call in ("blip_match(%s, 'dog')", "blip_caption(%s::uuid)"):
        tenants.execute(f"SELECT {call}".encode(), [library.ids[1]])
        with (
            pytest.raises(psycopg.errors.NoDataFound, match="is unknown here"),
            tenants.transaction(),
        ):
            tenants.execute(f"SELECT {call}".encode(), [library.ids[2]])


def test_counts_and_failures_are_a_tenants_own(tenants: Connection, library: Library) -> None:
    tenants.execute("UPDATE blip.jobs SET state = 'x', error = 'e'")
    for space in ("red", "blue", "nobody's"):
        tenants.execute(
            "INSERT INTO blip.failed_files (uri, space, reason) VALUES (%s, %s, 'e')",
            [f"/{space}", space],
        )
    act_as(tenants, "blip_reader", "red")
    query = "SELECT what, state, count FROM blip_status() WHERE count > 0"
    own = SIZE // 3
    assert sorted(rows(tenants, query)) == [
        ("captions", "stored", own),
        ("captions", "unscored", own),
        ("encode", "parked", own),
        ("files", "failed", 1),
        ("files", "stored", own),
        ("images", "stored", own),
    ]
    uris = {row[0] for row in rows(tenants, "SELECT uri FROM blip_failures()")}
    assert uris == {"/red"} | {f"/album/{n:02}.png" for n in range(SIZE) if n % 3 == 1}
    act_as(tenants, "blip_reader", "nobody's")
    assert rows(tenants, "SELECT FROM blip_failures()") == []


def test_without_policies_readers_see_all(conn: Connection) -> None:
    conn.execute("INSERT INTO blip.failed_files (uri, reason) VALUES ('/a', 'e')")
    act_as(conn, "blip_reader")
    for table in ("images", *DERIVED):
        assert rows(conn, f"SELECT count(DISTINCT image_id) FROM blip.{table}") == [(SIZE,)]
    assert len(rows(conn, "SELECT FROM blip_failures()")) == 1


def test_two_tenants_add_the_same_picture(tenants: Connection) -> None:
    """Neither learns of the other's."""
    for space in ("red", "blue"):
        act_as(tenants, "blip_writer", space)
        for _ in range(2):
            row = tenants.execute(
                "SELECT blip_add(%b, 'same place', 'same words', space => %s)", [PICTURE, space]
            ).fetchone()
            assert row == (image_id(space, PICTURE),)
    tenants.execute("RESET ROLE")
    assert len(rows(tenants, "SELECT FROM blip.files WHERE uri = 'same place'")) == 2


def test_a_tenant_adds_nothing_to_anothers(tenants: Connection, library: Library) -> None:
    theirs = library.ids[2]
    act_as(tenants, "blip_writer", "red")
    assert "images" in refused(tenants, "SELECT blip_add(%b, space => 'blue')", PICTURE)
    own = library.ids[1]
    message = 'new row violates row-level security policy for table "{}"'
    for table, statement, values in (
        ("captions", "(image_id, caption_id, text, origin) VALUES (%s, %s, 'x', 'web')", [theirs]),
        ("jobs", "(image_id, stage, model_id) VALUES (%s, 'caption', 1)", [theirs]),
        ("files", "(uri, space, image_id) VALUES ('u', 'blue', %s)", [theirs]),
        ("files", "(uri, space, image_id) VALUES ('u', 'blue', %s)", [own]),
    ):
        filled = [*values, *values] if statement.count("%s") == 2 else values
        said = refused(tenants, f"INSERT INTO blip.{table} {statement}", *filled)
        assert said == message.format(table)
    changed = tenants.execute("UPDATE blip.files SET seen_at = now() WHERE image_id = %s", [theirs])
    assert changed.rowcount == 0
    said = refused(tenants, "UPDATE blip.files SET image_id = %s WHERE image_id = %s", theirs, own)
    assert said == message.format("files")


# Roles


def test_a_reader_changes_nothing(conn: Connection) -> None:
    act_as(conn, "blip_reader")
    for table in ("images", "models", "active_models", "failed_files", *DERIVED):
        assert refused(conn, f"DELETE FROM blip.{table}")
    assert refused(conn, "INSERT INTO blip.files (uri) VALUES ('u')")
    assert "blip_add" in refused(conn, "SELECT blip_add(%b)", PICTURE)


def test_a_writer_adds_and_does_no_jobs(conn: Connection, library: Library) -> None:
    act_as(conn, "blip_writer")
    conn.execute("SELECT blip_add(%b, 'u', 'c', '{\"a\": 1}')", [PICTURE])
    conn.execute("SELECT FROM blip_search('dog')")
    for statement in (
        "UPDATE blip.jobs SET state = 'd'",
        "DELETE FROM blip.jobs",
        "DELETE FROM blip.images",
        "UPDATE blip.images SET image_id = gen_random_uuid()",
        "INSERT INTO blip.image_vectors SELECT * FROM blip.image_vectors",
        "UPDATE blip.models SET name = 'x'",
        "INSERT INTO blip.failed_files (uri, reason) VALUES ('u', 'r')",
    ):
        assert "permission denied" in refused(conn, statement)
    done = "INSERT INTO blip.jobs (image_id, stage, model_id, state) VALUES (%s, 'caption', 1, 'd')"
    assert "permission denied" in refused(conn, done, library.ids[0])
    written = (
        "INSERT INTO blip.captions (image_id, caption_id, text, origin, model_id)"
        " VALUES (%s, gen_random_uuid(), 'x', 'synthetic', 1)"
    )
    assert "permission denied" in refused(conn, written, library.ids[0])


def test_a_writer_claims_no_id(conn: Connection) -> None:
    """Content is checked against its id, so what another is yet to add can't be taken."""
    other = encode(scene(9, 9), "PNG")
    act_as(conn, "blip_writer")
    with pytest.raises(psycopg.errors.CheckViolation), conn.transaction():
        conn.execute(
            "INSERT INTO blip.images (image_id, sha256, mime, bytes, content)"
            " VALUES (%s, sha256(%b), 'image/png', %s, %b)",
            [image_id("", PICTURE), other, len(other), other],
        )


def test_a_tenant_claims_and_probes_no_id_of_anothers(
    tenants: Connection, library: Library
) -> None:
    insert = (
        "INSERT INTO blip.images (image_id, space, sha256, mime, bytes)"
        " VALUES (%s, 'red', sha256(%b), 'image/png', 9)"
    )
    act_as(tenants, "blip_writer", "red")
    for id in (image_id("blue", PICTURE), library.ids[2]):  # to come, and there already
        assert "no image without its content" in refused(tenants, insert, id, PICTURE)
    act_as(tenants, "blip_writer", "blue")
    assert rows(tenants, "SELECT blip_add(%b, space => 'blue')", PICTURE)


def test_a_worker_runs_jobs_and_manages_no_models(conn: Connection, library: Library) -> None:
    act_as(conn, "blip_worker")
    conn.execute("UPDATE blip.jobs SET state = 'x', error = 'e'")
    conn.execute("UPDATE blip.images SET width = 1, height = 1")
    conn.execute("DELETE FROM blip.image_vectors WHERE image_id = %s", [library.ids[0]])
    conn.execute("INSERT INTO blip.failed_files (uri, reason) VALUES ('u', 'r')")
    assert refused(conn, "UPDATE blip.models SET name = 'x'")
    assert refused(conn, "UPDATE blip.active_models SET model_id = 2")


def test_where_the_engine_listens_is_nobodys_business(conn: Connection) -> None:
    act_as(conn, "blip_reader")
    assert "settings" in refused(conn, "SELECT * FROM blip.settings")
    assert "settings" in refused(conn, "UPDATE blip.settings SET value = '/tmp/mine'")


@pytest.mark.parametrize(
    ("role", "seen"),
    [("blip_writer", ["attach_urls"]), ("blip_worker", ["attach_urls", "oldest_worker"])],
)
def test_a_role_sees_the_settings_that_concern_it_and_nothing_of_the_engine(
    conn: Connection, role: str, seen: list[str]
) -> None:
    conn.execute("INSERT INTO blip.settings VALUES ('attach_urls', 'yes')")
    act_as(conn, role)
    assert [name for (name,) in rows(conn, "SELECT name FROM blip.settings ORDER BY 1")] == seen
    assert "settings" in refused(conn, "UPDATE blip.settings SET value = '9999'")


def test_the_engines_role_reads_its_settings_and_no_more(conn: Connection) -> None:
    act_as(conn, "blip_engine")
    assert len(rows(conn, "SELECT FROM blip.settings")) == 3
    for table in ("images", "models", "active_models", "alembic_version", *DERIVED):
        assert "permission denied" in refused(conn, f"SELECT FROM blip.{table}")
    assert "permission denied" in refused(conn, "UPDATE blip.settings SET value = 'x'")


def test_partitions_are_reached_through_their_parents_alone(
    conn: Connection, library: Library
) -> None:
    """A partition that could be read directly would be read without the policies."""
    act_as(conn, "blip_worker")
    for table in ("image_vectors", "image_tokens"):
        message = refused(conn, f"SELECT FROM blip.{table}_{library.model.model_id}")
        assert message.startswith("permission denied for table")


def test_whoever_is_nobody_can_do_nothing(conn: Connection) -> None:
    conn.execute("CREATE ROLE nobody_in_particular")
    act_as(conn, "nobody_in_particular")
    for call in ("blip_search('dog')", "blip_embed('dog')", "blip_add('x')", "blip_status()"):
        assert "permission denied for function" in refused(conn, f"SELECT {call}")
    assert "permission denied for schema blip" in refused(conn, "SELECT FROM blip.images")


def test_workers_and_readers_may_check_the_version(library: Library) -> None:
    for role in ("blip_reader", "blip_writer", "blip_worker"):
        with connection.connect(library.url) as conn:
            conn.execute(f"SET ROLE {role}")
            requirements.check(conn)
