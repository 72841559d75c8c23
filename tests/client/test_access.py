"""Access where the client computes: by the tables' policies and grants alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from uuid import UUID

import psycopg
import pytest

import blipdb
from blipdb.database import connection
from blipdb.errors import DatabaseError
from blipdb.identity import image_id
from blipdb.migrations.access import READABLE
from tests.album import picture
from tests.client.conftest import READER, ROLE, SCENES, World

ADD = "blip.blip_add(bytea, text, text, jsonb, text)"


@pytest.fixture
def tenants(write: World) -> World:
    """The owner lets a reader see the images of its own space alone: here those of even places."""
    with connection.connect(write.url) as conn:
        if write.kind == "server":
            conn.execute(f"GRANT blip_reader TO {READER}".encode())
        else:
            conn.execute(f"GRANT USAGE ON SCHEMA blip TO {READER}".encode())
            for table in READABLE:
                conn.execute(f"GRANT SELECT ON blip.{table} TO {READER}".encode())
            conn.execute(f"GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA blip TO {READER}".encode())
            conn.execute(f"REVOKE EXECUTE ON FUNCTION {ADD} FROM {READER}".encode())
        conn.execute("ALTER TABLE blip.images ENABLE ROW LEVEL SECURITY")
        conn.execute(
            "CREATE POLICY tenant ON blip.images"
            " USING (metadata ->> 'of' = current_setting('app.tenant', true))"
        )
        for number, id in enumerate(write.ids):
            conn.execute(
                "UPDATE blip.images SET metadata = jsonb_build_object('of', %s::text)"
                " WHERE image_id = %s",
                [str(number % 2), id],
            )
    return write


@pytest.fixture
def reader(tenants: World, roles: None) -> Iterator[blipdb.Client]:
    """The reader, as the tenant 0, by an ordinary login."""
    url = tenants.url_as(READER) + "&options=-c%20app.tenant%3D0"
    with connection.connect(url) as conn:
        row = conn.execute(
            "SELECT session_user, current_user, rolsuper OR rolbypassrls OR rolcreaterole"
            " FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
    assert row == (READER, READER, False)
    with blipdb.connect(url, home=tenants.home) as db:
        yield db


def own(world: World) -> set[UUID]:
    return set(world.ids[::2])


def test_searches_find_its_own_alone(reader: blipdb.Client, tenants: World) -> None:
    mine, others = tenants.ids[0], tenants.ids[1]
    assert set(reader.search("red bicycle", 100).image_ids) == own(tenants)
    assert set(reader.search(tenants.contents[1], 100).image_ids) == own(tenants)
    assert set(reader.search("red", within=tenants.ids).image_ids) == own(tenants)
    assert set(reader.rerank("red", tenants.ids).image_ids) == own(tenants)
    assert set(reader.similar(mine, 100).image_ids) == own(tenants) - {mine}
    assert reader.search("red", filter={"of": "1"}) == []
    assert {line.count for line in reader.status() if line.what == "images"} == {SCENES // 2}
    assert set(reader.pictures(tenants.ids)) == own(tenants)
    for call in (
        lambda: reader.similar(others),
        lambda: reader.match(others, "red"),
        lambda: reader.caption(others),
        lambda: reader.captions(others),
        lambda: reader.image(others),
    ):
        with pytest.raises(DatabaseError, match="is unknown here"):
            call()


def test_a_setting_of_the_apps_transaction_counts(tenants: World) -> None:
    with connection.connect(tenants.url_as(READER)) as conn:
        db = blipdb.connect(conn, home=tenants.home)
        assert db.search("red bicycle", 100) == []
        for tenant in ("0", "1"):
            conn.execute("SELECT set_config('app.tenant', %s, true)", [tenant])
            found = db.search("red bicycle", 100).image_ids
            assert set(found) == set(tenants.ids[int(tenant) :: 2])
        conn.rollback()
        assert db.search("red bicycle", 100) == []


def test_a_reader_adds_nothing(reader: blipdb.Client) -> None:
    with pytest.raises(DatabaseError, match="permission denied") as caught:
        reader.add(picture(1))
    assert caught.value.hint is not None
    assert "blip_writer" in caught.value.hint


def test_a_stranger_is_told_which_role_it_needs(write: World) -> None:
    """Whatever was granted in other databases of the server, here it has nothing."""
    with psycopg.connect(write.admin) as conn:
        conn.execute("REVOKE ALL ON SCHEMA blip FROM blip_reader")
    db = blipdb.connect(write.url_as(READER), home=write.home)
    with pytest.raises(DatabaseError, match="permission denied for schema blip") as caught:
        db.search("red")
    assert caught.value.hint is not None
    assert "GRANT blip_reader TO" in caught.value.hint
    db.close()


@pytest.mark.parametrize("kind", ["client"])  # the functions have tests of their own
def test_a_writer_adds_by_the_policies(tenants: World) -> None:
    """It sees and adds what is its own space's, whatever other spaces hold."""
    with connection.connect(tenants.url) as conn:
        conn.execute(f"GRANT INSERT ON blip.images, blip.files, blip.jobs TO {READER}".encode())
        conn.execute(f"GRANT EXECUTE ON FUNCTION {ADD} TO {READER}".encode())
        conn.execute(f"GRANT UPDATE (image_id, size, seen_at) ON blip.files TO {READER}".encode())
        conn.execute(
            "ALTER POLICY tenant ON blip.images USING (space = current_setting('app.tenant', true))"
        )
    url = tenants.url_as(READER) + "&options=-c%20app.tenant%3D0"
    with blipdb.connect(url, home=tenants.home) as db:
        for content in (picture(1), tenants.contents[1]):
            id = db.add(content, uri="/mine", metadata={"of": "0"}, space="0")
            assert db.image(id).metadata == {"of": "0"}
        for content in (picture(2), tenants.contents[1]):
            with pytest.raises(DatabaseError, match="row-level security"):
                db.add(content, space="1")
        assert {line.count for line in db.status() if line.what == "images"} == {2}


@pytest.mark.parametrize("kind", ["client"])  # the functions have tests of their own
def test_where_policies_look_at_more_than_the_space_a_writer_adds_nothing(tenants: World) -> None:
    """The refusal is the same whether or not another tenant has the image."""
    with connection.connect(tenants.url) as conn:
        conn.execute(f"GRANT INSERT ON blip.images, blip.files, blip.jobs TO {READER}".encode())
        conn.execute(f"GRANT EXECUTE ON FUNCTION {ADD} TO {READER}".encode())
    url = tenants.url_as(READER) + "&options=-c%20app.tenant%3D0"
    said = set()
    with blipdb.connect(url, home=tenants.home) as db:
        for content in (picture(1), *tenants.contents[:2]):
            with pytest.raises(DatabaseError, match="look at more than the space") as caught:
                db.add(content, metadata={"of": "0"})
            said.add(str(caught.value))
    assert len(said) == 1


def test_the_owner_is_an_ordinary_role(with_tables: World) -> None:
    with connection.connect(with_tables.url) as conn:
        row = conn.execute(
            "SELECT session_user, rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls,"
            " (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'blip.images'::regclass),"
            " (SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension)"
            " FROM pg_roles WHERE rolname = session_user"
        ).fetchone()
    assert row == (ROLE, False, ROLE, "plpgsql vector")


def test_what_an_ordinary_role_does_from_start_to_end(write: World) -> None:
    """Add, encode, find: where this process computes as where an engine does."""
    content = picture(3, side=64)
    with blipdb.connect(write.url, home=write.home) as db:
        id = db.add(content, caption="a thing")
        assert id not in db.search("red bicycle", 100).image_ids
        assert {line.count for line in db.status() if line.state == "pending"} >= {1}
        report = db.ingest(*write.paths)  # which encodes what else waits
        assert (report.added, report.encoded) == (0, 1)
        found = db.search("red bicycle", 100)
        assert id in found.image_ids
        assert {hit.caption for hit in found if hit.image_id == id} == {"a thing"}
        assert db.failures() == []

    async def main() -> None:
        async with blipdb.aconnect(write.url, home=write.home) as db:
            report = await db.ingest(write.paths[0])
            assert (report.added, report.unchanged) == (0, 1)

    asyncio.run(main())


@pytest.mark.parametrize(
    "add",
    [
        lambda db: db.add(picture(1), uri="/a", caption="c", metadata={"d": 1}, space="e"),
        lambda db: db.add(picture(1), caption=" \n"),
        lambda db: [
            db.add(picture(1), uri="/a", metadata={"d": 1}),
            db.add(picture(1), uri="/b", caption="c", metadata={"d": 2, "f": [None]}),
            db.add(picture(2), uri="/a", caption="c"),
            db.add(picture(1), uri="/a", caption="c"),
        ],
        lambda db: db.add(picture(1, "JPEG"), space=""),
        lambda db: [db.add(picture(1, kind)) for kind in ("BMP", "GIF", "TIFF", "WEBP")],
    ],
)
def test_what_is_added_is_the_same(
    add: Callable[[blipdb.Client], object], with_functions: World, with_tables: World
) -> None:
    """Row by row, by the function and by the client."""
    seen = []
    for world in (with_functions, with_tables):
        with connection.connect(world.url) as conn:
            db = blipdb.connect(conn, home=world.home)
            before = rows(conn)
            given = add(db)
            new = [after - old for after, old in zip(rows(conn), before, strict=True)]
            seen.append((given, new))
            conn.rollback()
    assert seen[0] == seen[1]
    assert seen[0][1][0]  # images


TABLES = (
    "SELECT image_id, space, sha256, mime, bytes, content, metadata::text FROM blip.images",
    "SELECT uri, space, image_id, size, mtime IS NULL FROM blip.files WHERE uri NOT LIKE '/tmp/%'",
    "SELECT image_id, caption_id, text, origin FROM blip.captions",
    "SELECT image_id, stage, name, state::text, attempts FROM blip.jobs JOIN blip.models"
    " USING (model_id) WHERE state = 'p'",
)


def rows(conn: psycopg.Connection[tuple[object, ...]]) -> list[set[tuple[object, ...]]]:
    return [set(conn.execute(query.encode()).fetchall()) for query in TABLES]


def test_ids_are_those_of_ingest(write: World) -> None:
    with blipdb.connect(write.url, home=write.home) as db:
        assert db.add(write.contents[0]) == write.ids[0] == image_id("", write.contents[0])
        assert {line.count for line in db.status() if line.what == "images"} == {SCENES}
