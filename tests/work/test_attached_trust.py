"""Code of an attached table's owner runs with nobody else's rights."""

from __future__ import annotations

import pytest
from psycopg import errors

from blipdb.settings import Settings
from blipdb.types import Connection
from blipdb.work.executors import run_jobs
from tests.album import picture
from tests.attach import attach, id_of, links

A = picture(1)

LOGGED = """
CREATE TABLE log (who text);
CREATE FUNCTION noted() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO log SELECT current_user;
    RETURN true;
END $$;
GRANT ALL ON log TO PUBLIC;
"""


@pytest.fixture
def owner(boss: Connection) -> Connection:
    """``mallory`` may attach tables, and has a schema of her own."""
    boss.execute(LOGGED)
    if not boss.execute("SELECT FROM pg_roles WHERE rolname = 'mallory'").fetchall():
        boss.execute("CREATE ROLE mallory; GRANT blip_writer TO mallory")
    boss.execute("GRANT CREATE ON SCHEMA public TO mallory; SET ROLE mallory")
    return boss


def who(conn: Connection) -> set[str]:
    conn.execute("RESET ROLE")
    return {row[0] for row in conn.execute("SELECT who FROM log")}


def test_a_type_of_ones_own_is_no_key(owner: Connection) -> None:
    """Its owner chooses its cast function, and the trigger would call that as another user."""
    owner.execute("CREATE TYPE kind AS ENUM ('a', 'b')")
    owner.execute("CREATE TABLE products (id kind PRIMARY KEY, title text, photo bytea)")
    with pytest.raises(errors.DatatypeMismatch) as caught:
        attach(owner)
    assert "can't name its rows: id public.kind" in str(caught.value)


def test_a_collation_that_takes_two_texts_for_one(owner: Connection) -> None:
    owner.execute("CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2',"
                  " deterministic = false)")  # fmt: skip
    owner.execute(
        "CREATE TABLE products (id text COLLATE loose PRIMARY KEY, title text, photo bytea)"
    )
    with pytest.raises(errors.DatatypeMismatch):
        attach(owner)


def test_the_checks_of_a_domain_are_not_run(owner: Connection, ready: Settings) -> None:
    owner.execute("CREATE DOMAIN number AS integer CHECK (noted())")
    owner.execute("CREATE TABLE products (id number PRIMARY KEY, title text, photo bytea)")
    attach(owner)
    owner.execute("INSERT INTO products (id, photo) VALUES (7, %s)", [A])
    run_jobs(ready)
    assert who(owner) == {"mallory"}
    assert links(owner) == {7: id_of(A)}
