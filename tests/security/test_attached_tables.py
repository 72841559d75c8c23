"""The owner of an attached table tries to have code run with the rights of others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
from psycopg import errors

from blipdb import attached, attaching, contents
from blipdb import database as databases
from blipdb.encode import run_jobs
from blipdb.jobs import Connection
from blipdb.settings import Settings
from tests.album import picture
from tests.attach import id_of, links
from tests.security.attackers import acting, caught, prepare, ran, trouble, work

A, B = picture(1), picture(2)


@pytest.fixture
def mallory(boss: Connection) -> Iterator[Connection]:
    """A superuser's connection to a database where Mallory's table ``evil.goods`` is not yet
    attached; each test acts as her where it must."""
    prepare(boss)
    yield boss
    boss.execute("RESET ROLE")
    boss.execute("DROP OWNED BY mallory CASCADE; DROP OWNED BY app CASCADE")


def attach(conn: Connection, **options: Any) -> int:
    given = {"image": "photo", "caption": "title"} | options
    named = ", ".join(f"{name} => %s" for name in given)
    with acting(conn):
        row = conn.execute(
            f"SELECT blip_attach('evil.goods', {named})".encode(), list(given.values())
        ).fetchone()
    assert row is not None
    return int(row[0])


def put(conn: Connection, id: int, photo: bytes = A, role: str = "app") -> None:
    with acting(conn, role):
        conn.execute("INSERT INTO evil.goods (id, photo) VALUES (%s, %s)", [id, photo])


def try_all(conn: Connection, settings: Settings) -> None:
    """Change rows in each way, as the app and as a superuser, and do workers' work; whatever of it
    fails is the table's own trouble."""
    for role in ("app", "postgres"):
        conn.execute(f"SET ROLE {role}".encode())
        for statement in (
            "INSERT INTO evil.goods (id, photo) VALUES (11, %b), (12, %b) ON CONFLICT DO NOTHING",
            "UPDATE evil.goods SET photo = %b, title = 'x' WHERE photo <> %b",
            "DELETE FROM evil.goods WHERE id = 12 AND %b IS DISTINCT FROM %b",
        ):
            try:
                conn.execute(statement.encode(), [A, B])
            except psycopg.Error:
                conn.execute(f"SET ROLE {role}".encode())
        conn.execute("RESET ROLE")
    work(settings)


# Triggers


@pytest.mark.parametrize(
    "function", ["_attached_added", "_attached_added_live", "_attached_removed"]
)
@pytest.mark.parametrize("level", ["STATEMENT", "ROW"])
def test_run_code_by_a_trigger_without_a_transition_table(
    mallory: Connection, ready: Settings, function: str, level: str
) -> None:
    """A temporary view stands where the transition table would."""
    id = attach(mallory)
    event = "DELETE" if "removed" in function else "INSERT"
    with acting(mallory):
        for name in (f"!blip_attach_{id}_{event.lower()}", "other"):
            mallory.execute(f'DROP TRIGGER IF EXISTS "{name}" ON evil.goods'.encode())
            statement = f'CREATE TRIGGER "{name}" AFTER {event} ON evil.goods FOR EACH {level}'
            statement += f" EXECUTE FUNCTION blip.{function}({id})"
            mallory.execute(statement.encode())
        for view in ("changed", "blip_changed"):
            mallory.execute(
                f"CREATE TEMP VIEW {view} AS SELECT evil.spy(1) AS id,"
                " (evil.spy(2)::text)::bytea AS photo, ''::text AS title".encode()
            )
            mallory.execute(f"GRANT ALL ON {view} TO PUBLIC".encode())
        for statement in (
            "INSERT INTO evil.goods (id, photo) VALUES (1, %s)",
            "DELETE FROM evil.goods WHERE photo = %s",
        ):
            # Where a trigger is as it must be, it says that the view is in its way.
            with suppress(errors.ObjectNotInPrerequisiteState):
                mallory.execute(statement.encode(), [A])
    try_all(mallory, ready)
    assert caught(mallory) == 0


def test_run_code_by_renaming_triggers_within_the_statement(
    mallory: Connection, ready: Settings
) -> None:
    """The trigger that fires has the name of ours when the statement begins, and ours has it when
    the trigger is looked up."""
    id = attach(mallory)
    ours = f"!blip_attach_{id}_insert"
    with acting(mallory):
        mallory.execute(f'ALTER TRIGGER "{ours}" ON evil.goods RENAME TO spare'.encode())
        mallory.execute(
            f'CREATE TRIGGER "{ours}" AFTER INSERT ON evil.goods'
            f" EXECUTE FUNCTION blip._attached_added({id})".encode()
        )
        mallory.execute(
            "CREATE FUNCTION evil.swap() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f' ALTER TRIGGER "{ours}" ON evil.goods RENAME TO fake;'
            f' ALTER TRIGGER spare ON evil.goods RENAME TO "{ours}"; RETURN NEW; END $$'
            "; CREATE TRIGGER swap BEFORE INSERT ON evil.goods"
            " FOR EACH ROW EXECUTE FUNCTION evil.swap();"
            "CREATE TEMP VIEW blip_changed AS SELECT evil.spy(1) AS id,"
            " (evil.spy(2)::text)::bytea AS photo; GRANT ALL ON blip_changed TO PUBLIC".encode()
        )
        with suppress(psycopg.Error):
            mallory.execute("INSERT INTO evil.goods (id, photo) VALUES (1, %s)", [A])
    try_all(mallory, ready)
    assert caught(mallory) == 0


@pytest.mark.parametrize("mode", ["background", "live"])
@pytest.mark.parametrize(
    "type_",
    [
        "CREATE TYPE evil.strange AS ENUM ('a')",
        "CREATE TYPE evil.strange AS (a integer)",
        "CREATE TYPE evil.strange AS RANGE (subtype = integer)",
        "CREATE DOMAIN evil.strange AS jsonb",
    ],
)
def test_run_a_cast_by_an_update_trigger_of_other_columns(
    mallory: Connection, ready: Settings, mode: str, type_: str
) -> None:
    id = attach(mallory)
    if mode == "live":
        attach(mallory, mode=mode)
    with acting(mallory):
        mallory.execute(type_.encode())
        mallory.execute(
            "CREATE FUNCTION evil.to_json(evil.strange) RETURNS json LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM evil.spy(1); RETURN '1'; END $$"
        )
        if "DOMAIN" not in type_:
            mallory.execute("CREATE CAST (evil.strange AS json) WITH FUNCTION evil.to_json")
        mallory.execute("ALTER TABLE evil.goods ADD evil evil.strange")
        name = f'"!blip_attach_{id}_update"'
        mallory.execute(f"DROP TRIGGER {name} ON evil.goods".encode())
        mallory.execute(
            f"CREATE TRIGGER {name} AFTER UPDATE OF evil, price ON evil.goods"
            f" FOR EACH ROW EXECUTE FUNCTION blip._attached_changed({id})".encode()
        )
    with acting(mallory):
        mallory.execute("INSERT INTO evil.goods (id) VALUES (1)")
        mallory.execute("UPDATE evil.goods SET price = 2, evil = NULL")
    try_all(mallory, ready)
    assert caught(mallory) == 0
    assert "its triggers are gone or were changed" in (trouble(mallory) or "")


def test_run_a_cast_by_a_key_that_became_of_another_type(
    mallory: Connection, ready: Settings
) -> None:
    attach(mallory)
    put(mallory, 1)
    run_jobs(ready)
    with acting(mallory):
        mallory.execute("CREATE TYPE evil.number AS ENUM ('1', '2', '3', '11', '12')")
        mallory.execute(
            "CREATE FUNCTION evil.to_json(evil.number) RETURNS json LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM evil.spy(1); RETURN '1'; END $$;"
            "CREATE CAST (evil.number AS json) WITH FUNCTION evil.to_json;"
        )
        id = mallory.execute("SELECT attachment_id FROM blip.attachments").fetchone()
        assert id is not None
        # The update trigger's condition names the column, so it goes first and comes again.
        drop = f'DROP TRIGGER "!blip_attach_{id[0]}_update" ON evil.goods'
        mallory.execute(drop.encode())
        mallory.execute(
            "ALTER TABLE evil.goods ALTER id TYPE evil.number USING id::text::evil.number"
        )
        mallory.execute(
            f'CREATE TRIGGER "!blip_attach_{id[0]}_update" AFTER UPDATE OF photo, title, id'
            " ON evil.goods FOR EACH ROW"
            f" EXECUTE FUNCTION blip._attached_changed({id[0]})".encode()
        )
        mallory.execute("INSERT INTO evil.goods (id, photo) VALUES ('2', %s)", [A])
        mallory.execute("UPDATE evil.goods SET photo = %s", [B])
    work(ready)
    assert caught(mallory) == 0
    assert "its column id is of type evil.number now" in (trouble(mallory) or "")


@pytest.mark.parametrize("row", ["(1, 'x')", "(1, NULL)"])
def test_attach_a_view_by_hand(mallory: Connection, ready: Settings, row: str) -> None:
    """A view's functions would run as whoever reads it."""
    with acting(mallory):
        mallory.execute(
            "CREATE VIEW evil.seen AS SELECT evil.spy(1) AS id, ''::text AS title,"
            " (evil.spy(2)::text)::bytea AS photo"
        )
        with pytest.raises(errors.InsufficientPrivilege):
            mallory.execute(
                "INSERT INTO blip.attachments (source, kind, columns, mode)"
                " VALUES ('evil.seen', 'content', '{3,2,1}', 'background')"
            )
        given = mallory.execute(
            "INSERT INTO blip.attachments (source, kind) VALUES ('evil.seen', 'content')"
            " RETURNING attachment_id"
        ).fetchone()
        assert given is not None
        name = f"!blip_attach_{given[0]}_update"
        mallory.execute(
            "CREATE FUNCTION evil.nothing() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RETURN NULL; END $$;"
            f'CREATE TRIGGER "{name}" AFTER UPDATE ON evil.seen FOR EACH STATEMENT'
            " EXECUTE FUNCTION evil.nothing()".encode()
        )
        with pytest.raises(errors.Error):
            mallory.execute(
                "SELECT blip._register(%s, '{3,2,1}', 'background', 'read', 'token')", given
            )
        for statement in (
            "UPDATE blip.attachments SET mode = 'background', columns = '{3,2,1}'",
            "UPDATE blip.attachments SET source = 'evil.seen'",
            "SELECT * FROM blip.attachment_readers",
            "DELETE FROM blip.attachments",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                mallory.execute(statement.encode())
    work(ready)
    assert ran(mallory) == 0
    assert mallory.execute("SELECT FROM blip.attachments").fetchall() == []


@pytest.mark.parametrize(
    "relation",
    [
        "MATERIALIZED VIEW evil.other AS SELECT evil.spy(1) AS id, ''::text AS title,"
        " ''::bytea AS photo",
        "VIEW evil.other AS SELECT evil.spy(1) AS id, ''::text AS title, ''::bytea AS photo",
        "SEQUENCE evil.other",
    ],
)
def test_attach_what_is_no_table(mallory: Connection, ready: Settings, relation: str) -> None:
    with acting(mallory):
        mallory.execute(f"CREATE {relation}".encode())
        before = ran(mallory)
        with pytest.raises(errors.WrongObjectType):
            mallory.execute("SELECT blip_attach('evil.other', 'photo')")
        mallory.execute(
            "INSERT INTO blip.attachments (source, kind) VALUES ('evil.other', 'content')"
        )
    work(ready)
    assert ran(mallory) == before
    assert mallory.execute("SELECT FROM blip.attachments").fetchall() == []


def test_run_an_event_trigger(mallory: Connection) -> None:
    """An administrator's blip_attach would fire it."""
    with acting(mallory):
        mallory.execute(
            "CREATE FUNCTION evil.on_event() RETURNS event_trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM evil.spy(1); END $$"
        )
        with pytest.raises(errors.InsufficientPrivilege):
            mallory.execute(
                "CREATE EVENT TRIGGER t ON ddl_command_end EXECUTE FUNCTION evil.on_event()"
            )


OPERATORS = """
CREATE FUNCTION evil.joined(bytea, bytea) RETURNS bytea LANGUAGE plpgsql AS
    $$ BEGIN PERFORM evil.spy(1); RETURN $1; END $$;
CREATE OPERATOR evil.|| (FUNCTION = evil.joined, LEFTARG = bytea, RIGHTARG = bytea);
CREATE FUNCTION evil.equal(integer, integer) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN PERFORM evil.spy(1); RETURN true; END $$;
CREATE OPERATOR evil.= (FUNCTION = evil.equal, LEFTARG = integer, RIGHTARG = integer);
CREATE FUNCTION evil.same(jsonb, jsonb) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN PERFORM evil.spy(1); RETURN true; END $$;
CREATE OPERATOR evil.= (FUNCTION = evil.same, LEFTARG = jsonb, RIGHTARG = jsonb);
"""


def test_run_an_operator_of_the_same_name(mallory: Connection, ready: Settings) -> None:
    """With a search path that puts it before PostgreSQL's, for the app and for all of its role."""
    with acting(mallory):
        mallory.execute(OPERATORS)
    mallory.execute("SET search_path = evil, pg_catalog, public")
    attach(mallory)
    for number in range(3):
        put(mallory, number, picture(number))
    with acting(mallory, "app"):
        mallory.execute("UPDATE evil.goods SET photo = %s, title = 'x'", [B])
    work(ready)
    mallory.execute("RESET search_path")
    assert caught(mallory) == 0
    assert set(links(mallory).values()) == {id_of(B)}


def test_keep_an_owner_from_attaching_by_its_name(mallory: Connection, ready: Settings) -> None:
    """A role of an app's may be named as if it were one of blipdb's."""
    mallory.execute("CREATE ROLE blip_shop; GRANT blip_shop TO mallory")
    mallory.execute(
        "ALTER TABLE evil.goods OWNER TO blip_shop; GRANT ALL ON SCHEMA evil TO blip_shop"
    )
    try:
        attach(mallory)
        with acting(mallory):
            mallory.execute("INSERT INTO evil.goods (id, photo) VALUES (1, %s)", [A])
        run_jobs(ready)
        assert links(mallory) == {1: id_of(A)}
        for role in ("blip_nobody", "blip_guest", "pg_monitor"):
            with acting(mallory):
                mallory.execute("SELECT blip._admit(%s, true)", [role])
            row = mallory.execute(
                "SELECT has_schema_privilege(%s, 'blip_attached', 'CREATE')", [role]
            ).fetchone()
            assert row == (False,)
    finally:
        mallory.execute("DROP OWNED BY blip_shop CASCADE; DROP ROLE blip_shop")


def test_register_or_end_the_attachment_of_another_owner(
    mallory: Connection, ready: Settings
) -> None:
    boss = mallory
    boss.execute(
        "CREATE TABLE public.theirs (id int PRIMARY KEY, title text, photo bytea, back bytea)"
    )
    boss.execute("ALTER TABLE public.theirs OWNER TO app; GRANT blip_writer TO app")
    boss.execute("GRANT SELECT, TRIGGER ON public.theirs TO mallory")
    with acting(boss, "app"):
        boss.execute("SELECT blip_attach('public.theirs', 'photo')")
    (id,) = boss.execute("SELECT attachment_id FROM blip.attachments").fetchone() or (0,)
    before = boss.execute("SELECT * FROM blip.attachments").fetchall()
    with acting(boss):
        token = "t" * 40
        name = f"read_{id}_00000000"
        boss.execute(
            f"CREATE FUNCTION blip_attached.{name}(token text, source regclass,"
            " columns smallint[], keys jsonb[], after jsonb, max_rows integer, most_bytes bigint)"
            " RETURNS TABLE (key jsonb, is_there boolean, size bigint, content bytea, uri text,"
            " caption text) LANGUAGE plpgsql SECURITY DEFINER"
            f" SET search_path = pg_catalog, pg_temp AS $x${body(boss, token)}$x$".encode()
        )
        for call in (
            f"blip._register({id}, '{{4,0,1}}', 'background', '{name}', '{token}')",
            f"blip._unregister({id})",
            "blip_detach('public.theirs')",
            "blip_attach('public.theirs', 'back')",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                boss.execute(f"SELECT {call}".encode())
    assert boss.execute("SELECT * FROM blip.attachments").fetchall() == before


def body(conn: Connection, token: str) -> str:
    row = conn.execute("SELECT blip._reader_body(%s)", [token]).fetchone()
    assert row is not None
    return str(row[0])


def test_hide_a_change_behind_a_temporary_table(mallory: Connection, ready: Settings) -> None:
    """An app's session can't change rows without its being noted."""
    attach(mallory)
    put(mallory, 1)
    run_jobs(ready)
    with acting(mallory, "app"):
        mallory.execute("CREATE TEMP TABLE blip_changed ()")
        for statement in ("DELETE FROM evil.goods", "INSERT INTO evil.goods VALUES (2)"):
            with pytest.raises(errors.ObjectNotInPrerequisiteState) as caught:
                mallory.execute(statement.encode())
            assert "it has a temporary relation blip_changed" in str(caught.value)
        mallory.execute("DROP TABLE blip_changed; SET blip.claims = 'x'")
        mallory.execute("DELETE FROM evil.goods")
    assert links(mallory) == {}


# Reading


EXPRESSIONS = {
    "index": "CREATE INDEX ON evil.goods ((evil.spy(1)))",
    "index of a column": "CREATE INDEX ON evil.goods ((evil.spy(price)))",
    "partial index": "CREATE INDEX ON evil.goods (price) WHERE evil.spy(1) = 1",
    "statistics": "CREATE STATISTICS evil.s ON (evil.spy(price)), (evil.spy(1)) FROM evil.goods",
    "check": "ALTER TABLE evil.goods ADD CHECK (evil.spy(1) = 1)",
    "default": "ALTER TABLE evil.goods ALTER price SET DEFAULT evil.spy(1)",
    "generated": "ALTER TABLE evil.goods ADD made integer"
                 " GENERATED ALWAYS AS (evil.spy(price)) STORED",
    "policy": "ALTER TABLE evil.goods ENABLE ROW LEVEL SECURITY;"
              "CREATE POLICY p ON evil.goods USING (evil.spy(1) = 1)",
    "forced policy": "ALTER TABLE evil.goods ENABLE ROW LEVEL SECURITY;"
                     "ALTER TABLE evil.goods FORCE ROW LEVEL SECURITY;"
                     "CREATE POLICY p ON evil.goods USING (evil.spy(1) = 1);"
                     "CREATE POLICY q ON evil.goods USING (true)",
    "restrictive policy": "ALTER TABLE evil.goods ENABLE ROW LEVEL SECURITY;"
                          "CREATE POLICY q ON evil.goods USING (true);"
                          "CREATE POLICY p ON evil.goods AS RESTRICTIVE USING (evil.spy(1) = 1)",
    "rule": "CREATE RULE r AS ON INSERT TO evil.goods DO ALSO SELECT evil.spy(1)",
    "rule that makes a view": "DELETE FROM evil.goods;"
                              "CREATE RULE \"_RETURN\" AS ON SELECT TO evil.goods DO INSTEAD"
                              " SELECT evil.spy(1) AS id, ''::text AS title, ''::bytea AS photo,"
                              " evil.spy(2) AS price",
    "child": "CREATE TABLE evil.child () INHERITS (evil.goods);"
             "CREATE INDEX ON evil.child ((evil.spy(1)))",
    "column of the same name": "ALTER TABLE evil.goods RENAME photo TO old;"
                               "ALTER TABLE evil.goods ADD photo bytea",
    "function of a column's name": "CREATE FUNCTION evil.image(evil.goods) RETURNS bytea LANGUAGE"
                                   " sql AS $$ SELECT ((evil.spy(1))::text)::bytea $$;"
                                   "ALTER TABLE evil.goods RENAME photo TO image",
}  # fmt: skip


@pytest.mark.parametrize("expression", list(EXPRESSIONS))
def test_run_an_expression_of_the_table(
    mallory: Connection, ready: Settings, expression: str
) -> None:
    attach(mallory)
    put(mallory, 1)
    # A table with triggers becomes no view.
    with acting(mallory), suppress(errors.ObjectNotInPrerequisiteState):
        mallory.execute(EXPRESSIONS[expression].encode())
    before = caught(mallory)  # what the app itself calls is not in question: it may be 'postgres'
    work(ready)
    assert caught(mallory) == before


def test_read_an_expression_while_a_worker_reads(mallory: Connection, ready: Settings) -> None:
    """The owner's function is altered between the look at it and the call: it gains nothing."""
    attach(mallory)
    put(mallory, 1)
    run_jobs(ready)
    mallory.execute("UPDATE blip.attached_rows SET state = 'p', run_after = now()")
    with acting(mallory):
        mallory.execute("CREATE INDEX ON evil.goods ((evil.spy(1)))")
    (reader,) = mallory.execute("SELECT reader FROM blip.attachment_readers").fetchone() or ("",)
    arguments = "text, regclass, smallint[], jsonb[], jsonb, integer, bigint"
    with acting(mallory):
        mallory.execute(
            f"ALTER FUNCTION blip_attached.{reader}({arguments}) SECURITY INVOKER".encode()
        )
    # Past the first wall: as the wrapper calls it once it has looked.
    with psycopg.connect(ready.database_url()) as worker:
        worker.execute("SET LOCAL ROLE blip_nobody")
        for table in ("blip.images", "blip.settings", "blip.attachment_readers", "evil.goods"):
            with pytest.raises(errors.InsufficientPrivilege), worker.transaction():
                worker.execute(f"SELECT FROM {table}".encode())
        with pytest.raises(errors.InsufficientPrivilege):
            worker.execute(
                f"SELECT * FROM blip_attached.{reader}('wrong', 'evil.goods', '{{3,2,1}}',"
                " NULL, NULL, 10, 10)".encode()
            )
    list(attaching.work(mallory))
    assert "its reader is gone or was changed" in (trouble(mallory) or "")


LEFT_BEHIND = """
CREATE TABLE evil.bait (a integer);
GRANT ALL ON evil.bait TO PUBLIC;
CREATE FUNCTION evil.sprung() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM evil.spy(1); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER sprung AFTER INSERT ON evil.bait DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION evil.sprung();
CREATE FUNCTION evil.leave_it() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    statement text;
BEGIN
    FOREACH statement IN ARRAY ARRAY[
        'INSERT INTO evil.bait VALUES (1)',
        'SELECT set_config(''search_path'', ''evil, pg_catalog'', false)',
        'CREATE TEMP TABLE IF NOT EXISTS attached_rows (key jsonb)',
        'SET ROLE postgres',
        'SET SESSION AUTHORIZATION postgres',
        'SET session_replication_role = replica',
        'DEALLOCATE ALL',
        'PREPARE _pg3_0 AS SELECT evil.spy(1)',
        'SELECT evil.spy(1)',
        'SELECT nextval(''evil.left'')'
    ] LOOP
        BEGIN
            EXECUTE statement;
        EXCEPTION WHEN OTHERS THEN NULL;
        END;
    END LOOP;
END $$;
CREATE SEQUENCE evil.left;
CREATE FUNCTION evil.leave(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF current_user <> session_user THEN
        PERFORM evil.leave_it(); -- which need not be immutable
    END IF;
    RETURN 1;
END $$;
CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN PERFORM evil.spy(1); RETURN pg_catalog.lower($1); END $$;
CREATE FUNCTION evil.now() RETURNS timestamptz LANGUAGE plpgsql AS
    $$ BEGIN PERFORM evil.spy(1); RETURN pg_catalog.now(); END $$;
CREATE FUNCTION evil.sha256(bytea) RETURNS bytea LANGUAGE plpgsql AS
    $$ BEGIN PERFORM evil.spy(1); RETURN pg_catalog.sha256($1); END $$;
CREATE INDEX ON evil.goods ((evil.leave(1)));
"""


def test_leave_something_behind_in_the_session_of_a_worker(
    mallory: Connection, ready: Settings
) -> None:
    """Parameters, deferred triggers, temporary tables, prepared statements, functions that hide
    PostgreSQL's own."""
    attach(mallory)
    for number in range(30):
        put(mallory, number, picture(number))
    with acting(mallory):
        mallory.execute(LEFT_BEHIND)
    work(ready)
    assert caught(mallory) == 0
    assert mallory.execute("SELECT is_called FROM evil.left").fetchone() == (True,), "it ran"
    assert mallory.execute("SELECT FROM evil.bait").fetchall() == [], "nothing was committed"
    assert trouble(mallory) is None
    assert len(links(mallory)) == 30


def test_keep_a_worker_for_ever(
    mallory: Connection, ready: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function that catches a cancel; other tables go on."""
    monkeypatch.setattr(attached, "STATEMENT_SECONDS", 1)
    monkeypatch.setattr(attached, "HANG_SECONDS", 3)
    mallory.execute("CREATE TABLE public.theirs (id int PRIMARY KEY, title text, photo bytea)")
    mallory.execute("INSERT INTO public.theirs VALUES (1, 'a', %s)", [B])
    attach(mallory)
    put(mallory, 1)
    mallory.execute("SELECT blip_attach('public.theirs', 'photo')")
    with acting(mallory):
        mallory.execute(
            """
            CREATE FUNCTION evil.stay(integer) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS $$
            BEGIN
                IF current_user = session_user THEN RETURN 1; END IF;
                FOR i IN 1 .. 8 LOOP
                    BEGIN PERFORM pg_sleep(1); EXCEPTION WHEN query_canceled THEN NULL; END;
                END LOOP;
                RETURN 1;
            END $$;
            SET ROLE postgres; CREATE FUNCTION evil.quick(integer) RETURNS integer LANGUAGE sql
                IMMUTABLE AS 'SELECT 1'; ALTER FUNCTION evil.quick OWNER TO mallory;
            SET ROLE mallory; CREATE INDEX ON evil.goods ((evil.quick(1)));
            """
        )
        mallory.execute(
            "CREATE OR REPLACE FUNCTION evil.quick(integer) RETURNS integer LANGUAGE plpgsql"
            " IMMUTABLE AS $$ BEGIN RETURN evil.stay(1); END $$"
        )
    list(attaching.work(mallory))
    found = dict(mallory.execute("SELECT source::text, trouble FROM blip_attachments()").fetchall())
    assert found["theirs"] is None
    assert found["evil.goods"]
    assert id_of(B) in {row[0] for row in mallory.execute("SELECT image_id FROM blip.attached")}


# Rows and names


def test_claim_an_image_without_having_it(mallory: Connection, ready: Settings) -> None:
    """The reader is Mallory's, and may lie about everything but the bytes."""
    mallory.execute("SELECT blip_add(%s, 'secret.png')", [B])
    attach(mallory)
    put(mallory, 1)
    run_jobs(ready)
    (reader,) = mallory.execute("SELECT reader FROM blip.attachment_readers").fetchone() or ("",)
    mallory.execute("GRANT CREATE ON SCHEMA blip_attached TO mallory")
    with acting(mallory):
        mallory.execute(
            f"CREATE OR REPLACE FUNCTION blip_attached.{reader}(token text, source regclass,"
            " columns smallint[], keys jsonb[], after jsonb, max_rows integer, most_bytes bigint)"
            " RETURNS TABLE (key jsonb, is_there boolean, size bigint, content bytea, uri text,"
            " caption text) LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog,"
            " pg_temp AS $$ BEGIN RETURN QUERY SELECT k, true, 7::bigint, 'made up'::bytea,"
            " '/etc/passwd', 'caption' FROM unnest(keys || '[\"other\"]'::jsonb) k; END $$".encode()
        )
        mallory.execute("UPDATE evil.goods SET photo = %s", [B])
    run_jobs(ready)
    ids = set(links(mallory).values())
    assert ids == {id_of(b"made up")}, "what came is what it hashes to"


def test_move_the_table_under_an_attachment(mallory: Connection, ready: Settings) -> None:
    """Renamed, swapped, dropped and made again between two looks."""
    attach(mallory)
    put(mallory, 1)
    run_jobs(ready)
    with acting(mallory):
        mallory.execute("ALTER TABLE evil.goods RENAME TO old")
        mallory.execute(
            "CREATE VIEW evil.goods AS SELECT evil.spy(1) AS id, ''::text AS title,"
            " ''::bytea AS photo, 1 AS price"
        )
    work(ready)
    with acting(mallory):
        mallory.execute("DROP TABLE evil.old CASCADE")
    work(ready)
    assert ran(mallory) == 0
    assert mallory.execute("SELECT FROM blip.attachments").fetchall() == []


def test_give_the_table_to_somebody_who_never_agreed(mallory: Connection, ready: Settings) -> None:
    attach(mallory)
    put(mallory, 1)
    mallory.execute("ALTER TABLE evil.goods OWNER TO app")
    run_jobs(ready)
    assert "its reader is gone or was changed" in (trouble(mallory) or "")
    assert set(links(mallory).values()) == {None}


@pytest.mark.parametrize("partition", ["made before", "attached later"])
def test_run_an_expression_of_a_partition(
    mallory: Connection, ready: Settings, partition: str
) -> None:
    with acting(mallory):
        mallory.execute("DROP TABLE evil.goods")
        mallory.execute(
            "CREATE TABLE evil.goods (id integer PRIMARY KEY, title text, photo bytea,"
            " price integer) PARTITION BY RANGE (id);"
            "CREATE TABLE evil.low PARTITION OF evil.goods FOR VALUES FROM (0) TO (10);"
            "GRANT ALL ON evil.goods TO app"
        )
        if partition == "made before":
            mallory.execute("CREATE INDEX ON evil.low ((evil.spy(1)))")
    attach(mallory)
    put(mallory, 1)
    if partition == "attached later":
        with acting(mallory):
            mallory.execute(
                "CREATE TABLE evil.high (LIKE evil.goods INCLUDING ALL);"
                "CREATE INDEX ON evil.high ((evil.spy(1)));"
                "ALTER TABLE evil.goods ATTACH PARTITION evil.high FOR VALUES FROM (10) TO (20)"
            )
        put(mallory, 11, B)
    before = caught(mallory)
    work(ready)
    assert caught(mallory) == before
    assert trouble(mallory) is None
    assert id_of(A) in links(mallory).values()


def test_have_a_superusers_table_run_code_of_a_lesser_role(
    mallory: Connection, ready: Settings
) -> None:
    """A superuser's index may call a function that somebody else can replace."""
    mallory.execute("CREATE TABLE public.theirs (id int PRIMARY KEY, title text, photo bytea)")
    mallory.execute("INSERT INTO public.theirs VALUES (1, 'a', %s)", [A])
    mallory.execute("CREATE FUNCTION evil.harmless(integer) RETURNS integer LANGUAGE sql IMMUTABLE"
                    " AS 'SELECT 1'; ALTER FUNCTION evil.harmless OWNER TO mallory")  # fmt: skip
    mallory.execute("CREATE INDEX ON public.theirs ((evil.harmless(1)))")
    mallory.execute("SELECT blip_attach('public.theirs', 'photo')")
    with acting(mallory):
        mallory.execute(
            "CREATE OR REPLACE FUNCTION evil.harmless(integer) RETURNS integer LANGUAGE plpgsql"
            " IMMUTABLE AS $$ BEGIN IF current_user NOT IN ('mallory', 'blip_guest') THEN"
            " PERFORM evil.spy(1); END IF; RETURN 1; END $$"
        )
    work(ready)
    assert caught(mallory) == 0
    assert id_of(A) in {row[0] for row in mallory.execute("SELECT image_id FROM blip.attached")}
    with psycopg.connect(ready.database_url()) as guest:
        guest.execute("SET LOCAL ROLE blip_guest")
        for table in ("blip.images", "blip.attached_rows", "blip.attachment_readers", "evil.goods"):
            with pytest.raises(errors.InsufficientPrivilege), guest.transaction():
                guest.execute(f"SELECT FROM {table}".encode())


# One table's trouble is its own


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
    list(attaching.work(mallory))
    said = trouble(mallory) or ""
    assert said.startswith("x\\nERROR forged \\x1b[2J yyy")
    assert len(said) <= attached.MAX_REASON
    assert all("\n" not in record.getMessage() for record in caplog.records)
    with databases.connect(ready.database_url()) as conn:
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
    list(attaching.work(mallory))
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
    list(attaching.work(mallory))
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
        list(attaching.work(mallory))
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
    list(attaching.work(mallory))
    assert mallory.execute("SELECT uri FROM blip.attached_rows").fetchall() == [(None,)]
    found = dict(contents.read(mallory, [id_of(A)], 1 << 20))
    assert found == {id_of(A): A}


def test_store_a_wrong_size_of_an_image_that_others_have(mallory: Connection) -> None:
    attach(mallory)
    put(mallory, 1)
    lie(mallory, size="7")
    list(attaching.work(mallory))
    assert mallory.execute("SELECT bytes FROM blip.images").fetchall() == [(len(A),)]


def test_hide_an_image_that_others_have(mallory: Connection) -> None:
    """Her row comes first, and can't be read any more; theirs can."""
    attach(mallory)
    put(mallory, 1)
    list(attaching.work(mallory))
    theirs(mallory, A)
    list(attaching.work(mallory))
    lie(mallory, first="RAISE EXCEPTION 'no';")
    assert dict(contents.read(mallory, [id_of(A)], 1 << 20)) == {id_of(A): A}
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
        for _ in attaching.work(mallory):
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
    list(attaching.work(mallory))
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
    list(attaching.work(mallory))
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
    list(attaching.work(mallory))
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
    list(attaching.work(mallory))
    assert mallory.execute("SELECT FROM blip.images").fetchall() == []


def test_change_a_key_to_one_that_is_equal(mallory: Connection) -> None:
    """No trigger runs, and the texts differ."""
    with acting(mallory):
        mallory.execute("CREATE TABLE evil.padded (id bpchar PRIMARY KEY, photo bytea)")
        with pytest.raises(errors.DatatypeMismatch):
            mallory.execute("SELECT blip_attach('evil.padded', 'photo')")


def test_read_a_row_a_minute(mallory: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each read ends in time, and there is always one more; the table gets its share of a pass."""
    monkeypatch.setattr(attaching, "MAX_SECONDS", 1)
    attach(mallory)
    for number in range(9):
        put(mallory, number)
    lie(mallory, first="PERFORM pg_sleep(0.4); keys := keys[1:1];")
    assert len(list(attaching.work(mallory))) <= 3
