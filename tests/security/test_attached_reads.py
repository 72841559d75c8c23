"""The owner of an attached table tries to have code run by whoever reads the table."""

from __future__ import annotations

from contextlib import suppress

import psycopg
import pytest
from psycopg import errors

from blipdb.settings import Settings
from blipdb.sources import attached
from blipdb.types import Connection
from blipdb.work import attachments
from blipdb.work.executors import run_jobs
from tests.album import picture
from tests.attach import id_of, links
from tests.security.attackers import A, B, acting, attach, caught, put, ran, trouble, work

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
    list(attachments.work(mallory))
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
    list(attachments.work(mallory))
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
