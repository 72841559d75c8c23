"""Attached rows that change more than once: in a statement, or by an app's own triggers."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from blipdb.database import connection
from blipdb.settings import Settings
from blipdb.types import Connection
from blipdb.work import attachments
from blipdb.work.executors import run_jobs
from tests.album import picture
from tests.attach import attach, captions, id_of, links, put, shop, states, stored

A, B, C = (picture(seed) for seed in range(3))

UNDELETE = """
CREATE FUNCTION undelete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO products SELECT OLD.*;
    RETURN NULL;
END $$;
CREATE TRIGGER z AFTER DELETE ON products FOR EACH ROW EXECUTE FUNCTION undelete();
"""
AGAIN = """
CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.title IS DISTINCT FROM upper(NEW.title) THEN
        UPDATE products SET title = upper(title), photo = photo || '\\x00' WHERE id = NEW.id;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER a AFTER INSERT OR UPDATE ON products FOR EACH ROW EXECUTE FUNCTION again();
"""
REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM products WHERE id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER z AFTER INSERT ON products FOR EACH ROW EXECUTE FUNCTION refuse();
"""


@pytest.fixture
def products(boss: Connection) -> Connection:
    shop(boss)
    attach(boss)
    return boss


def test_a_row_that_takes_the_key_of_one_that_goes(products: Connection, ready: Settings) -> None:
    put(products, 1, A)
    put(products, 2, B)
    run_jobs(ready)
    products.execute(
        "WITH gone AS (DELETE FROM products WHERE id = 2 RETURNING id)"
        " UPDATE products p SET id = gone.id FROM gone WHERE p.id = 1"
    )
    run_jobs(ready)
    assert links(products) == {2: id_of(A)}
    assert stored(products) == {id_of(A)}


def test_rows_that_swap_their_keys(boss: Connection, ready: Settings) -> None:
    shop(boss, key="id integer PRIMARY KEY DEFERRABLE")
    attach(boss)
    put(boss, 1, A)
    put(boss, 2, B)
    run_jobs(ready)
    boss.execute("UPDATE products SET id = 3 - id")
    run_jobs(ready)
    assert links(boss) == {1: id_of(B), 2: id_of(A)}


def test_a_row_that_a_trigger_brings_back(products: Connection, ready: Settings) -> None:
    put(products, 1, A)
    run_jobs(ready)
    products.execute(UNDELETE)
    products.execute("DELETE FROM products")
    run_jobs(ready)
    assert links(products) == {1: id_of(A)}


def test_what_came_and_went_in_a_transaction_leaves_nothing(
    products: Connection, ready: Settings
) -> None:
    with products.transaction():
        put(products, 1, A)
        with products.transaction():
            put(products, 2, B)
        products.execute("DELETE FROM products")
    assert states(products) == {1: "p", 2: "p"}, "they might have come again"
    run_jobs(ready)
    assert states(products) == {}
    assert stored(products) == set()


def test_the_same_key_twice(products: Connection) -> None:
    """Where the primary key has gone since."""
    products.execute("ALTER TABLE products DROP CONSTRAINT products_pkey")
    products.execute("INSERT INTO products (id, photo) VALUES (1, %s), (1, %s)", [A, B])
    assert states(products) == {1: "p"}


def test_a_session_that_knew_a_small_table_deletes_as_quickly(
    products: Connection, ready: Settings
) -> None:
    """It has planned for few rows, and must not look at all of them for each key."""
    for _ in range(8):
        put(products, 1, A)
        products.execute("DELETE FROM products")
    knowing = deletion(products)
    with connection.connect(ready.database_url(), autocommit=True) as fresh:
        assert knowing < 6 * deletion(fresh)


def deletion(conn: Connection) -> float:
    """Seconds it takes of 5,000 rows."""
    conn.execute(
        "INSERT INTO products (id, photo) SELECT g, %s FROM generate_series(1, 5000) g", [A]
    )
    begin = time.perf_counter()
    conn.execute("DELETE FROM products")
    return time.perf_counter() - begin


# Live


@pytest.fixture
def live(elsewhere: str) -> Iterator[Connection]:
    with connection.connect(elsewhere, autocommit=True) as conn:
        shop(conn)
        attach(conn, mode="live")
        yield conn


def settle(conn: Connection) -> None:
    """Do the work that is left to workers."""
    conn.execute("UPDATE blip.attached_rows SET run_after = now() WHERE state = 'p'")
    list(attachments.work(conn))


@pytest.mark.parametrize("name", ["a", "z"])
def test_live_has_what_a_trigger_made_of_it(live: Connection, name: str) -> None:
    live.execute(AGAIN.replace("TRIGGER a", f"TRIGGER {name}").encode())
    put(live, 1, A, "a red dog")
    settle(live)
    assert links(live) == {1: id_of(A + b"\0")}
    live.execute("UPDATE products SET title = 'a cat', photo = %s", [B])
    settle(live)
    assert links(live) == {1: id_of(B + b"\0")}
    assert captions(live) == {(id_of(B + b"\0"), "A CAT")}


def test_live_has_nothing_of_what_a_trigger_deletes(live: Connection) -> None:
    live.execute(REFUSE)
    put(live, 1, A)
    assert stored(live) == set()
    settle(live)
    assert links(live) == {}


@pytest.mark.slow
def test_live_writers_share_images_without_deadlocks(live: Connection, elsewhere: str) -> None:
    """Single statements, each on rows of its writer's own: titles, pictures, and loads."""
    photos = [picture(number) for number in range(12)]
    errors: list[Exception] = []

    def write(writer: int) -> None:
        rng = np.random.default_rng(writer)
        try:
            with connection.connect(elsewhere, autocommit=True) as conn:
                for turn in range(25):
                    ids = [writer * 1000 + turn * 12 + n for n in range(12)]
                    conn.execute(
                        "INSERT INTO products (id, photo)"
                        " SELECT * FROM unnest(%s::integer[], %s::bytea[])",
                        [ids, [photos[n] for n in rng.permutation(12)]],
                    )
                    conn.execute("UPDATE products SET title = %s WHERE id = %s", [turn, ids[0]])
                    conn.execute(
                        "UPDATE products SET photo = %s WHERE id = %s",
                        [photos[rng.integers(12)], ids[1]],
                    )
        except Exception as error:
            errors.append(error)

    writers = [threading.Thread(target=write, args=[number]) for number in range(3)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    assert errors == []
    settle(live)
    row = live.execute("SELECT count(*), count(DISTINCT image_id) FROM blip.attached").fetchone()
    assert row == (900, 12)
