"""The owner of an attached table tries to stop workers, other owners and other tables."""

from __future__ import annotations

import time

import psycopg
import pytest
from psycopg import errors

from blipdb.database import connection
from blipdb.settings import Settings
from blipdb.sources import attached, stored
from blipdb.types import Connection
from blipdb.work import attachments
from blipdb.work.executors import run_jobs
from tests.attach import id_of, links
from tests.security.attackers import A, B, acting, attach, body, caught, put, trouble, work


def test_stop_all_attached_tables(mallory: Connection, ready: Settings) -> None:
    """By keys that fit an app's index and not ours, an odd scan, a table that can't be read."""
    with acting(mallory):
        mallory.execute("DROP TABLE evil.goods")
        mallory.execute(
            "CREATE TABLE evil.goods (id text PRIMARY KEY, title text, photo bytea, price integer)"
        )
    mallory.execute("CREATE TABLE public.theirs (id int PRIMARY KEY, title text, photo bytea)")
    mallory.execute("INSERT INTO public.theirs VALUES (1, 'a', %s)", [B])
    long = "".join(map(chr, (33 + (n * 7919) % 90 for n in range(2600))))
    attach(mallory)
    with acting(mallory):
        mallory.execute(
            "INSERT INTO evil.goods (id, photo) VALUES ('a', %b), (%s, %b), ('z', %b)",
            [A, long, A, B],
        )
    mallory.execute("SELECT blip_attach('public.theirs', 'photo')")
    mallory.execute(
        "UPDATE blip.attachments SET scanned = '[\"x\"]' WHERE source = 'public.theirs'::regclass"
    )
    run_jobs(ready)
    found = dict(mallory.execute("SELECT source::text, trouble FROM blip_attachments()").fetchall())
    assert found["evil.goods"] is None
    assert 'invalid input syntax for type integer: "x"' in (found["theirs"] or "")
    rows = links(mallory)
    assert rows["a"] == id_of(A)
    assert rows["z"] == id_of(B)
    reasons = [r for (r,) in mallory.execute("SELECT reason FROM blip_failures()").fetchall()]
    assert reasons == [
        "the primary key has more than 2000 bytes: a row with such a key can't be attached"
    ]
    with acting(mallory):
        mallory.execute("UPDATE evil.goods SET title = 'x' WHERE length(id) > 99")
        mallory.execute("DELETE FROM evil.goods WHERE length(id) > 99")
    assert mallory.execute("SELECT FROM blip_failures()").fetchall() == []


def test_have_a_worker_read_what_is_too_large(mallory: Connection, ready: Settings) -> None:
    attach(mallory)
    with acting(mallory):
        mallory.execute(
            "INSERT INTO evil.goods (id, photo) SELECT 1, decode(repeat('00', 70000000), 'hex')"
        )
    put(mallory, 2)
    run_jobs(ready)
    assert links(mallory) == {1: None, 2: id_of(A)}
    reasons = [r for (r,) in mallory.execute("SELECT reason FROM blip_failures()").fetchall()]
    assert reasons == ["the image has 70000000 bytes; at most 67108864 are taken"]


def test_forge_a_line_of_the_log(
    mallory: Connection, ready: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    attach(mallory)
    put(mallory, 1)
    with acting(mallory):
        mallory.execute(
            "CREATE FUNCTION evil.say(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$"
            " BEGIN IF current_user = session_user THEN RETURN 1; END IF;"
            " RAISE EXCEPTION E'x\\nERROR forged \\x1b[2J %', repeat('y', 100000); END $$"
        )
        mallory.execute(
            "CREATE OR REPLACE FUNCTION evil.later(integer) RETURNS integer LANGUAGE sql IMMUTABLE"
            " AS 'SELECT 1'; CREATE INDEX ON evil.goods ((evil.later(1)));"
            "CREATE OR REPLACE FUNCTION evil.later(integer) RETURNS integer LANGUAGE plpgsql"
            " IMMUTABLE AS $$ BEGIN RETURN evil.say(1); END $$"
        )
    list(attachments.work(mallory))
    said = trouble(mallory) or ""
    assert said.startswith("x\\nERROR forged \\x1b[2J yyy")
    assert len(said) <= attached.MAX_REASON
    assert all("\n" not in record.getMessage() for record in caplog.records)
    with connection.connect(ready.database_url()) as conn:
        conn.execute("SELECT * FROM blip_attachments()")


# Ends and readers


ARGUMENTS = (
    "(token text, source regclass, columns smallint[], keys jsonb[], after jsonb, max_rows integer,"
    " most_bytes bigint) RETURNS TABLE (key jsonb, is_there boolean, size bigint, content bytea,"
    " uri text, caption text) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog,"
    " pg_temp"
)


def lie(conn: Connection, *, size: str = "7", uri: str = "NULL", first: str = "") -> None:
    """Have the reader of ``evil.goods`` do something first, and lie about size and path."""
    reader = reader_of(conn, "evil.goods")
    with acting(conn):
        conn.execute(
            f"CREATE OR REPLACE FUNCTION blip_attached.{reader}{ARGUMENTS} AS $$ BEGIN {first}"
            f" RETURN QUERY SELECT k, true, ({size})::bigint, g.photo, {uri}::text, ''"
            " FROM unnest(keys) k JOIN evil.goods g ON g.id = (k ->> 0)::integer; END $$".encode()
        )


def reader_of(conn: Connection, source: str) -> str:
    row = conn.execute(
        "SELECT r.reader FROM blip.attachment_readers r JOIN blip.attachments a"
        " USING (attachment_id) WHERE a.source = %s::regclass",
        [source],
    ).fetchone()
    assert row is not None
    return str(row[0])


def theirs(conn: Connection, photo: bytes = B, owner: str = "postgres") -> int:
    """Another owner's attached table, with one row."""
    conn.execute("CREATE TABLE public.theirs (id int PRIMARY KEY, title text, photo bytea)")
    conn.execute(f"ALTER TABLE public.theirs OWNER TO {owner}".encode())
    conn.execute("INSERT INTO public.theirs VALUES (1, 'a', %s)", [photo])
    row = conn.execute("SELECT blip_attach('public.theirs', 'photo')").fetchone()
    assert row is not None
    return int(row[0])


def test_stop_workers_by_a_procedure_of_a_readers_name(mallory: Connection) -> None:
    id = theirs(mallory)
    with acting(mallory):
        mallory.execute(
            f"CREATE PROCEDURE blip_attached.read_{id}_x() LANGUAGE sql AS 'SELECT 1'".encode()
        )
    mallory.execute("SELECT blip_detach('public.theirs')")
    mallory.execute("SELECT blip_attach('public.theirs', 'photo')")
    mallory.execute("DROP TABLE public.theirs")
    list(attachments.work(mallory))
    assert mallory.execute("SELECT FROM blip.attachments").fetchall() == []


@pytest.mark.parametrize("end", ["DROP TABLE evil.goods", "SELECT blip_detach('evil.goods')"])
def test_stop_workers_by_a_view_of_a_reader(mallory: Connection, end: str) -> None:
    attach(mallory)
    reader = reader_of(mallory, "evil.goods")
    with acting(mallory):
        mallory.execute(
            f"CREATE VIEW evil.kept AS SELECT * FROM blip_attached.{reader}"
            "('', NULL, NULL, NULL, NULL, 1, 1)".encode()
        )
    mallory.execute(end.encode())
    list(attachments.work(mallory))
    assert mallory.execute("SELECT FROM blip.attachments").fetchall() == []


@pytest.mark.parametrize("held", ["reader", "attachment"])
def test_keep_a_worker_by_a_lock(mallory: Connection, ready: Settings, held: str) -> None:
    attach(mallory)
    put(mallory, 1)
    arguments = "text, regclass, smallint[], jsonb[], jsonb, integer, bigint"
    drop = f"DROP FUNCTION blip_attached.{reader_of(mallory, 'evil.goods')}({arguments})"
    with psycopg.connect(ready.database_url()) as hers, acting(hers):
        if held == "reader":
            with acting(mallory):
                mallory.execute("DROP TABLE evil.goods")
            hers.execute(drop.encode())
        else:
            hers.execute("SELECT blip_attach('evil.goods', 'photo', 'title')")
            hers.execute("LOCK TABLE evil.goods IN ACCESS EXCLUSIVE MODE")
        mallory.execute("SET statement_timeout = '10s'")
        list(attachments.work(mallory))
        hers.rollback()
    mallory.execute("RESET statement_timeout")


def test_keep_an_owner_from_detaching_by_another_function_of_the_name(mallory: Connection) -> None:
    mallory.execute("GRANT blip_writer TO app")
    theirs(mallory, owner="app")
    name = reader_of(mallory, "public.theirs")
    with acting(mallory):
        mallory.execute(
            f"CREATE FUNCTION blip_attached.{name}(integer) RETURNS integer LANGUAGE sql"
            " AS 'SELECT 1'".encode()
        )
    with acting(mallory, "app"):
        mallory.execute("SELECT blip_detach('public.theirs')")
    mallory.execute("REVOKE blip_writer FROM app")


def test_let_everybody_into_the_readers_schema(mallory: Connection) -> None:
    with acting(mallory), pytest.raises(errors.UndefinedObject):
        mallory.execute("SELECT blip._admit('public', true)")


def test_register_columns_that_start_elsewhere(mallory: Connection) -> None:
    id = attach(mallory)
    with acting(mallory):
        text = body(mallory, "t" * 40)
        mallory.execute(
            f"CREATE FUNCTION blip_attached.read_{id}_x{ARGUMENTS} AS $x${text}$x$".encode()
        )
        with pytest.raises(errors.InsufficientPrivilege):
            mallory.execute(
                "SELECT blip._register(%s, '[0:3]={3,0,2,1}', 'background', %s, %s)",
                [id, f"read_{id}_x", "t" * 40],
            )


def test_have_a_worker_open_a_path(mallory: Connection, ready: Settings) -> None:
    attach(mallory)
    put(mallory, 1)
    lie(mallory, uri="'/etc/shadow'")
    list(attachments.work(mallory))
    assert mallory.execute("SELECT uri FROM blip.attached_rows").fetchall() == [(None,)]
    found = dict(stored.read(mallory, [id_of(A)], 1 << 20))
    assert found == {id_of(A): A}


def test_store_a_wrong_size_of_an_image_that_others_have(mallory: Connection) -> None:
    attach(mallory)
    put(mallory, 1)
    lie(mallory, size="7")
    list(attachments.work(mallory))
    assert mallory.execute("SELECT bytes FROM blip.images").fetchall() == [(len(A),)]


def test_hide_an_image_that_others_have(mallory: Connection) -> None:
    """Her row comes first, and can't be read any more; theirs can."""
    attach(mallory)
    put(mallory, 1)
    list(attachments.work(mallory))
    theirs(mallory, A)
    list(attachments.work(mallory))
    lie(mallory, first="RAISE EXCEPTION 'no';")
    assert dict(stored.read(mallory, [id_of(A)], 1 << 20)) == {id_of(A): A}
    with acting(mallory):
        mallory.execute("DELETE FROM evil.goods")


def test_take_all_connections(mallory: Connection, ready: Settings) -> None:
    with acting(mallory):
        for number in range(12):
            mallory.execute(
                f"CREATE TABLE evil.t{number} (id integer PRIMARY KEY, photo bytea)".encode()
            )
            mallory.execute(f"SELECT blip_attach('evil.t{number}', 'photo')".encode())
    most = 0
    with psycopg.connect(ready.database_url(), autocommit=True) as watch:
        for _ in attachments.work(mallory):
            row = watch.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE application_name = 'blipdb reads attached rows'"
            ).fetchone()
            assert row is not None
            most = max(most, row[0])
    assert most <= 2  # the last may not have ended yet


def test_leave_a_process_behind(mallory: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attached, "STATEMENT_SECONDS", 1)
    monkeypatch.setattr(attached, "HANG_SECONDS", 2)
    attach(mallory)
    put(mallory, 1)
    lie(
        mallory,
        first="LOOP BEGIN PERFORM pg_sleep(9); EXCEPTION WHEN query_canceled THEN NULL; END;"
        " END LOOP;",
    )
    list(attachments.work(mallory))
    for _ in range(50):
        left = mallory.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'blipdb reads attached rows'"
        ).fetchall()
        if not left:
            break
        time.sleep(0.1)
    assert left == []


def test_forge_a_line_by_the_names_of_table_and_column(
    mallory: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    with acting(mallory):
        mallory.execute('CREATE TABLE evil."a\nb" (id int PRIMARY KEY, photo bytea, "c\nd" text)')
        mallory.execute("""SELECT blip_attach('evil."a\nb"', 'photo', E'c\\nd')""")
        mallory.execute('ALTER TABLE evil."a\nb" DROP "c\nd" CASCADE')
    list(attachments.work(mallory))
    assert caplog.records
    assert all("\n" not in record.getMessage() for record in caplog.records)


def test_run_a_function_that_fits_a_workers_arguments_better(
    mallory: Connection, ready: Settings
) -> None:
    """Where ``public`` is open, as PostgreSQL made it until version 14."""
    mallory.execute("GRANT CREATE ON SCHEMA public TO mallory")
    attach(mallory)
    put(mallory, 1)
    types = ("jsonb", "uuid", "text", "bigint", "integer", "bytea", "real", "boolean")
    with acting(mallory):
        for type_ in types:
            mallory.execute(
                f"CREATE FUNCTION public.unnest({type_}[]) RETURNS SETOF {type_} LANGUAGE plpgsql"
                " AS $$ BEGIN PERFORM evil.spy(1); RETURN; END $$".encode()
            )
    try:
        work(ready)
        assert caught(mallory) == 0
    finally:
        mallory.execute("REVOKE CREATE ON SCHEMA public FROM mallory")
    assert set(links(mallory).values()) == {id_of(A)}


def test_keep_a_deleted_image_by_snapshots(mallory: Connection, ready: Settings) -> None:
    """Two transactions each delete one of an image's last two rows, and see the other's."""
    attach(mallory)
    put(mallory, 1)
    put(mallory, 2)
    list(attachments.work(mallory))
    with (
        psycopg.connect(ready.database_url()) as one,
        psycopg.connect(ready.database_url()) as other,
    ):
        for conn in (one, other):
            conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            conn.execute("SELECT FROM evil.goods")
        one.execute("DELETE FROM evil.goods WHERE id = 1")
        one.commit()
        other.execute("DELETE FROM evil.goods WHERE id = 2")
        other.commit()
    list(attachments.work(mallory))
    assert mallory.execute("SELECT FROM blip.images").fetchall() == []


def test_change_a_key_to_one_that_is_equal(mallory: Connection) -> None:
    """No trigger runs, and the texts differ."""
    with acting(mallory):
        mallory.execute("CREATE TABLE evil.padded (id bpchar PRIMARY KEY, photo bytea)")
        with pytest.raises(errors.DatatypeMismatch):
            mallory.execute("SELECT blip_attach('evil.padded', 'photo')")


def test_read_a_row_a_minute(mallory: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each read ends in time, and there is always one more; the table gets its share of a pass."""
    monkeypatch.setattr(attachments, "MAX_SECONDS", 1)
    attach(mallory)
    for number in range(9):
        put(mallory, number)
    lie(mallory, first="PERFORM pg_sleep(0.4); keys := keys[1:1];")
    assert len(list(attachments.work(mallory))) <= 3
