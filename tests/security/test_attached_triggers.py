"""The owner of an attached table tries to have triggers, types and names run code of theirs."""

from __future__ import annotations

from contextlib import suppress

import psycopg
import pytest
from psycopg import errors

from blipdb.settings import Settings
from blipdb.types import Connection
from blipdb.work.executors import run_jobs
from tests.album import picture
from tests.attach import id_of, links
from tests.security.attackers import (
    A,
    B,
    acting,
    attach,
    body,
    caught,
    put,
    ran,
    trouble,
    try_all,
    work,
)


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
