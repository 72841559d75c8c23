"""A tenant learns nothing of another's content, places and counts, however the policies are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest

from blipdb.identity import image_id
from blipdb.migrations import access
from tests.images.pictures import encode, scene
from tests.sql.library import SIZE, Library

Connection = psycopg.Connection[Any]
Refused = Callable[..., psycopg.Error]
ActAs = Callable[..., None]

PICTURE = encode(scene(), "PNG")
DENIED = "42501"
SPACE = "space = current_setting('app.space')"
BESIDES = (  # policies that look at more than the space
    "metadata ->> 'of' = current_setting('app.space')",
    f"{SPACE} AND metadata @> '{{}}'",
    "image_id::text < current_setting('app.space')",
    "bytes < 9 OR space = 'red'",
    "to_jsonb(images) ->> 'space' = current_setting('app.space')",  # the whole row
    "EXISTS (SELECT FROM mine.seen s WHERE s.id = image_id)",
    "ctid <> '(0,0)'",
)
BY_SPACE = (
    SPACE,
    f"starts_with(space, current_setting('app.space')) OR {SPACE}",
    "EXISTS (SELECT FROM mine.member m WHERE m.space = images.space)",
    "current_setting('app.space') = 'admin'",
    "true",
    "false",
)


@pytest.fixture
def guarded(conn: Connection) -> Callable[[str], None]:
    """Sets the policy on blip.images."""
    conn.execute("CREATE SCHEMA mine")
    conn.execute("CREATE TABLE mine.seen (id uuid)")
    conn.execute("CREATE TABLE mine.member AS SELECT 'red' AS space")
    conn.execute("GRANT USAGE ON SCHEMA mine TO blip_reader, blip_writer")
    conn.execute("GRANT SELECT ON ALL TABLES IN SCHEMA mine TO blip_reader, blip_writer")
    conn.execute("ALTER TABLE blip.images ENABLE ROW LEVEL SECURITY")

    def guard(condition: str, how: str = "") -> None:
        conn.execute("DROP POLICY IF EXISTS tenant ON blip.images")
        conn.execute(f"CREATE POLICY tenant ON blip.images {how} USING ({condition})".encode())

    return guard


def fail(conn: Connection, *spaces: str) -> None:
    for space in spaces:
        conn.execute(
            "INSERT INTO blip.failed_files (uri, space, reason) VALUES (%s, %s, 'e')",
            [f"/{space}", space],
        )


def told(refused: Refused, content: bytes, space: str) -> tuple[str | None, ...]:
    """All that an adder learns."""
    error = refused("SELECT blip_add(%b, uri => '/album/01.png', space => %s)", content, space)
    diag = error.diag
    return error.sqlstate, diag.message_primary, diag.message_detail, diag.message_hint


@pytest.mark.parametrize("condition", BESIDES)
def test_to_learn_by_adding_what_a_policy_hides(
    conn: Connection,
    library: Library,
    guarded: Callable[[str], None],
    act_as: ActAs,
    refused: Refused,
    condition: str,
) -> None:
    """It is refused in the same words, whether or not anything is there."""
    guarded(condition)
    act_as("blip_writer", "red")
    answers = {
        told(refused, content, space)
        for content in (PICTURE, library.pictures[1], library.pictures[2])
        for space in ("red", "blue")
    }
    ((sqlstate, message, _, hint),) = answers
    assert sqlstate == DENIED
    assert "look at more than the space: it may search, and not add" in str(message)
    assert "USING (space = " in str(hint)


@pytest.mark.parametrize("condition", BESIDES)
def test_to_learn_by_a_raw_insert_what_a_policy_hides(
    conn: Connection,
    library: Library,
    guarded: Callable[[str], None],
    act_as: ActAs,
    refused: Refused,
    condition: str,
) -> None:
    """Else the number of rows would tell, as a conflict does nothing."""
    guarded(condition)
    act_as("blip_writer", "red")
    image = (
        "INSERT INTO blip.images (image_id, space, sha256, mime, bytes, content, metadata)"
        " VALUES (%s, 'red', sha256(%b), 'image/png', %s, %b, '{\"of\": \"red\"}')"
        " ON CONFLICT DO NOTHING"
    )
    said = set()
    for content in (PICTURE, library.pictures[1], library.pictures[4]):
        id = image_id("red", content)
        said.add(str(refused(image, id, content, len(content), content).diag.message_primary))
    assert len(said) == 1
    place = "INSERT INTO blip.files (uri, space, image_id) VALUES (%s, 'red', %s)"
    said = {
        str(refused(f"{place} ON CONFLICT DO NOTHING", uri, library.ids[1]).diag.message_primary)
        for uri in ("/album/01.png", "/album/04.png", "/nowhere")
    }
    assert said == {'new row violates row-level security policy for table "files"'}


@pytest.mark.parametrize("condition", BESIDES)
def test_to_see_failed_files_by_another_policy(
    conn: Connection, guarded: Callable[[str], None], act_as: ActAs, condition: str
) -> None:
    fail(conn, "", "red", "blue")
    guarded(condition)
    for role in ("blip_reader", "blip_writer"):
        act_as(role, "red")
        assert conn.execute("SELECT uri FROM blip.failed_files").fetchall() == []
        assert conn.execute("SELECT uri FROM blip_failures() WHERE stage = 'read'").fetchall() == []
        query = "SELECT count FROM blip_status() WHERE (what, state) = ('files', 'failed')"
        assert conn.execute(query).fetchall() == [(0,)]
    act_as("blip_worker")
    assert len(conn.execute("SELECT uri FROM blip.failed_files").fetchall()) == 3


@pytest.mark.parametrize("condition", BY_SPACE)
def test_policies_by_space_let_a_tenant_add_and_see_its_failures(
    conn: Connection, guarded: Callable[[str], None], act_as: ActAs, condition: str
) -> None:
    fail(conn, "red", "blue")
    guarded(condition)
    act_as("blip_writer", "red")
    assert conn.execute("SELECT blip._goes_by_space()").fetchone() == (True,)
    seen = conn.execute("SELECT uri FROM blip.failed_files ORDER BY 1").fetchall()
    if condition == "true":
        assert seen == [("/blue",), ("/red",)]
    elif "'admin'" in condition or condition == "false":
        assert seen == []
    else:
        assert seen == [("/red",)]
        assert conn.execute("SELECT blip_add(%b, space => 'red')", [PICTURE]).fetchone()


def test_a_policy_for_others_does_not_count(
    conn: Connection, guarded: Callable[..., None], act_as: ActAs
) -> None:
    guarded(BESIDES[0], "TO blip_reader")
    conn.execute(f"CREATE POLICY mine ON blip.images TO blip_writer USING ({SPACE})".encode())
    act_as("blip_writer", "red")
    assert conn.execute("SELECT blip_add(%b, space => 'red')", [PICTURE]).fetchone()
    act_as("blip_reader", "red")
    assert conn.execute("SELECT blip._goes_by_space()").fetchone() == (False,)


def test_to_learn_of_another_space_by_adding(
    tenants: Connection, library: Library, act_as: ActAs, refused: Refused
) -> None:
    """The same answer for what blue has and what it has not; and nothing of blue's is touched."""
    touched = "SELECT image_id, xmin::text FROM blip.images WHERE space = 'blue' ORDER BY 1"
    before = tenants.execute(touched).fetchall()
    act_as("blip_writer", "red")
    answers = {told(refused, content, "blue") for content in (PICTURE, library.pictures[2])}
    assert len(answers) == 1
    row = tenants.execute("SELECT blip_add(%b, '/album/02.png', space => 'red')", [PICTURE])
    assert row.fetchone()
    tenants.execute("RESET ROLE")
    assert tenants.execute(touched).fetchall() == before


def test_to_learn_by_a_raw_insert(
    tenants: Connection, library: Library, act_as: ActAs, refused: Refused
) -> None:
    """No statistics count what a refused insert would have completed."""
    statement = (
        "INSERT INTO blip.images (image_id, space, sha256, mime, bytes, content, metadata)"
        " VALUES (%s, 'blue', sha256(%b), 'image/png', %s, %b, '{\"mine\": 1}')"
        " ON CONFLICT DO NOTHING"
    )
    content = library.pictures[2]
    act_as("blip_writer", "red")
    error = refused(statement, library.ids[2], content, len(content), content)
    assert "row-level security" in str(error)
    counted = "SELECT pg_stat_get_xact_tuples_updated('blip.images'::regclass)"
    assert tenants.execute(counted).fetchone() == (0,)


# Partitions


PARTS = ("image_vectors", "image_tokens")


@pytest.mark.parametrize("table", PARTS)
def test_to_read_anothers_vectors_by_a_partition(
    tenants: Connection, library: Library, act_as: ActAs, table: str
) -> None:
    tenants.execute("GRANT SELECT ON ALL TABLES IN SCHEMA blip TO blip_reader, blip_worker")
    act_as("blip_reader", "red")
    partition = f"blip.{table}_{library.model.model_id}"
    query = f"SELECT image_id FROM {partition} ORDER BY 1".encode()
    own = sorted(id for n, id in enumerate(library.ids) if n % 3 == 1)
    assert [id for (id,) in tenants.execute(query)] == own
    act_as("blip_worker")
    assert len(tenants.execute(query).fetchall()) == SIZE


@pytest.mark.parametrize("table", PARTS)
def test_to_write_by_a_partition(
    tenants: Connection, library: Library, act_as: ActAs, refused: Refused, table: str
) -> None:
    tenants.execute("GRANT ALL ON ALL TABLES IN SCHEMA blip TO blip_writer")
    act_as("blip_writer", "red")
    for name in (table, f"{table}_{library.model.model_id}"):
        own = library.ids[1]
        insert = f"INSERT INTO blip.{name} SELECT * FROM blip.{name} WHERE image_id = %s"
        assert refused(insert, own).sqlstate == DENIED
        for change in ("UPDATE blip.{} SET model_id = model_id", "DELETE FROM blip.{}"):
            assert tenants.execute(change.format(name).encode()).rowcount == 0


def test_to_caption_anothers_image_with_all_rights(
    tenants: Connection, library: Library, act_as: ActAs, refused: Refused
) -> None:
    tenants.execute("GRANT ALL ON ALL TABLES IN SCHEMA blip TO blip_writer")
    act_as("blip_writer", "red")
    for table, columns in (("captions", "caption_id, text, origin"), ("jobs", "stage, model_id")):
        values = "gen_random_uuid(), 'x', 'web'" if table == "captions" else "'encode', 1"
        statement = f"INSERT INTO blip.{table} (image_id, {columns}) VALUES (%s, {values})"
        assert refused(statement, library.ids[2]).sqlstate == DENIED


def test_partitions_of_an_older_database_are_guarded_by_init(
    conn: Connection, library: Library
) -> None:
    """Safe to repeat, and without the lock where there is nothing to do."""
    partition = f"blip.image_vectors_{library.model.model_id}"
    conn.execute(f"ALTER TABLE {partition} DISABLE ROW LEVEL SECURITY".encode())
    conn.execute(f"DROP POLICY visible ON {partition}".encode())
    policies = (
        "SELECT tablename, policyname, cmd, roles::text FROM pg_policies"
        " WHERE tablename ~ '_[0-9]+$' ORDER BY 1, 2"
    )
    for _ in range(2):
        conn.execute(access.PARTITIONS)
        found = conn.execute(policies).fetchall()
        assert {(name, cmd, roles) for _, name, cmd, roles in found} == {
            ("visible", "SELECT", "{public}"),
            ("blip_worker", "ALL", "{blip_worker}"),
        }
        unguarded = (
            "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'"
            " AND relnamespace = 'blip'::regnamespace AND NOT relrowsecurity"
        )
        assert conn.execute(unguarded).fetchall() == []


def test_searches_do_not_ask_the_partitions_policies(
    tenants: Connection, library: Library, act_as: ActAs
) -> None:
    """The parent's are asked once for each row, and no more."""
    act_as("blip_reader", "red")
    model = library.model.model_id
    (plan,) = zip(
        *tenants.execute(
            f"EXPLAIN SELECT image_id FROM blip.image_vectors WHERE model_id = {model}".encode()
        ).fetchall(),
        strict=True,
    )
    assert sum("SubPlan" in line and "Filter" in line for line in plan) == 1


# row_security


CALLS = (
    "blip_search('red dog')",
    "blip_search(%b)",
    "blip_similar(%s)",
    "blip_rerank('red dog', ARRAY[%s]::uuid[])",
    "blip_match(%s, 'red dog')",
    "blip_caption(%s)",
    "blip_captions(%s)",
    "blip_status()",
    "blip_failures()",
)


@pytest.mark.parametrize("call", CALLS)
def test_row_security_off_changes_no_result(
    tenants: Connection, library: Library, act_as: ActAs, call: str
) -> None:
    values: list[UUID | bytes] = []
    if "%" in call:
        values = [PICTURE if "%b" in call else library.ids[1]]
    act_as("blip_reader", "red")
    query = f"SELECT * FROM {call}".encode()
    expected = tenants.execute(query, values).fetchall()
    tenants.execute("SET LOCAL row_security = off")
    assert tenants.execute(query, values).fetchall() == expected
