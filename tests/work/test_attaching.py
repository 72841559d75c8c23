"""Attached tables in the background: triggers note, workers link and encode, nothing is left."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from blipdb.database import connection, jobs, requirements
from blipdb.database.jobs import Counts
from blipdb.host import postgresql
from blipdb.registry import Model
from blipdb.settings import DATABASE, Settings
from blipdb.types import Connection
from blipdb.work import attachments
from blipdb.work.executors import run_jobs
from tests.album import picture
from tests.attach import attach, captions, id_of, links, put, shop, states, stored
from tests.work.test_worker import vector

A, B, C = (picture(seed) for seed in range(3))


@pytest.fixture
def products(boss: Connection) -> Connection:
    shop(boss)
    return boss


def attachment(conn: Connection) -> dict[str, Any]:
    with conn.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        (row,) = cursor.execute("SELECT * FROM blip_attachments()").fetchall()
    return row


def test_rows_that_are_there_at_first_are_encoded(
    products: Connection, ready: Settings, model: Model
) -> None:
    put(products, 1, A, "a red bicycle")
    put(products, 2, None, "nothing yet")
    put(products, 3, B)
    attach(products)
    assert links(products) == {}
    run_jobs(ready)
    assert links(products) == {1: id_of(A), 3: id_of(B)}
    assert captions(products) == {(id_of(A), "a red bicycle")}
    assert jobs.counts(products, model.encoding) == Counts(done=2)
    found = attachment(products)
    assert found["scanned"]
    assert (found["rows"], found["waiting"], found["encoded"], found["failed"]) == (2, 0, 2, 0)


def test_it_is_the_vector_of_the_content_that_is_not_stored_again(
    products: Connection, ready: Settings
) -> None:
    attach(products)
    put(products, 1, A)
    run_jobs(ready)
    products.execute("SELECT blip_add(%s, space => 'other')", [A])
    run_jobs(ready)
    here, there = vector(products, id_of(A)), vector(products, id_of(A, "other"))
    assert here is not None
    assert np.allclose(here, np.array(there), rtol=0, atol=1e-3)
    row = products.execute(
        "SELECT content, mime, bytes, width FROM blip.images WHERE image_id = %s", [id_of(A)]
    ).fetchone()
    assert row == (None, "image/png", len(A), 24)


def test_many_rows_take_several_steps(
    products: Connection, ready: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "MAX_SCANNED_ROWS", 7)
    monkeypatch.setattr(attachments, "MAX_LINKED_ROWS", 5)
    for number in range(20):
        put(products, number, picture(number))
    attach(products)
    steps = list(attachments.work(products))
    assert [max(step) for step in steps] == [7, 7, 6, 5]
    assert [sum(numbers) for numbers in zip(*steps, strict=True)] == [20, 20]
    assert links(products) == {number: id_of(picture(number)) for number in range(20)}
    assert not attachments.is_due(products)


def test_stopping_between_steps_loses_nothing(
    products: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attachments, "MAX_LINKED_ROWS", 5)
    for number in range(20):
        put(products, number, picture(number))
    attach(products)
    stops = iter([False, False, True])
    list(attachments.work(products, lambda: next(stops)))
    assert sum(state == "d" for state in states(products).values()) == 10
    list(attachments.work(products))
    assert set(states(products).values()) == {"d"}


def test_changes_are_followed(products: Connection, ready: Settings) -> None:
    attach(products)
    put(products, 1, A, "old")
    put(products, 2, B)
    run_jobs(ready)
    products.execute("UPDATE products SET photo = %s, title = 'new' WHERE id = 1", [C])
    assert states(products) == {1: "p", 2: "d"}
    run_jobs(ready)
    assert links(products) == {1: id_of(C), 2: id_of(B)}
    assert stored(products) == {id_of(B), id_of(C)}
    assert captions(products) == {(id_of(C), "new")}
    assert vector(products, id_of(C)) is not None

    products.execute("UPDATE products SET title = 'newer' WHERE id = 1")
    run_jobs(ready)
    assert captions(products) == {(id_of(C), "newer")}
    products.execute("UPDATE products SET title = '  ' WHERE id = 1")
    run_jobs(ready)
    assert captions(products) == set()

    products.execute("UPDATE products SET photo = NULL WHERE id = 1")
    assert stored(products) == {id_of(B)}
    products.execute("UPDATE products SET photo = %s WHERE id = 1", [A])
    products.execute("DELETE FROM products WHERE id = 2")
    run_jobs(ready)
    assert links(products) == {1: id_of(A)}
    assert stored(products) == {id_of(A)}


def test_an_unrelated_update_does_nothing(products: Connection, ready: Settings) -> None:
    attach(products)
    put(products, 1, A, "a")
    run_jobs(ready)
    before = products.execute("SELECT xmin, * FROM blip.attached_rows").fetchall()
    products.execute("UPDATE products SET price = 5")
    products.execute("UPDATE products SET photo = photo, title = 'a'")  # the same
    assert products.execute("SELECT xmin, * FROM blip.attached_rows").fetchall() == before
    assert not attachments.is_due(products)
    with products.transaction():
        products.execute("SET LOCAL track_functions = 'all'")
        products.execute("UPDATE products SET price = 6")
        calls = products.execute(
            "SELECT pg_stat_get_xact_function_calls('blip._attached_changed'::regproc)"
        ).fetchone()
    assert calls == (None,)


def test_copied_rows_are_noted_too(products: Connection, ready: Settings) -> None:
    attach(products)
    with products.cursor().copy("COPY products (id, title, photo) FROM STDIN") as copy:
        for number in range(5):
            copy.write_row((number, None, picture(number) if number else None))
    run_jobs(ready)
    assert links(products) == {number: id_of(picture(number)) for number in range(1, 5)}


def test_a_shared_image_stays_while_a_row_has_it(products: Connection, ready: Settings) -> None:
    attach(products)
    put(products, 1, A, "same words")
    put(products, 2, A, "same words")
    put(products, 3, A, "others")
    run_jobs(ready)
    assert stored(products) == {id_of(A)}
    assert captions(products) == {(id_of(A), "same words"), (id_of(A), "others")}
    products.execute("DELETE FROM products WHERE id = 1")
    assert captions(products) == {(id_of(A), "same words"), (id_of(A), "others")}
    products.execute("DELETE FROM products WHERE id = 2")
    assert captions(products) == {(id_of(A), "others")}
    products.execute("DELETE FROM products WHERE id = 3")
    assert stored(products) == set()


def test_what_came_otherwise_stays(products: Connection, ready: Settings) -> None:
    products.execute("SELECT blip_add(%s, 'a.png', 'from elsewhere')", [A])
    products.execute("SELECT blip_add(%s)", [B])
    attach(products)
    put(products, 1, A, "from elsewhere")
    put(products, 2, B)
    run_jobs(ready)
    products.execute("DELETE FROM products")
    assert stored(products) == {id_of(A), id_of(B)}
    assert captions(products) == {(id_of(A), "from elsewhere")}


def test_a_rollback_leaves_nothing(products: Connection, ready: Settings) -> None:
    attach(products)
    put(products, 1, A)
    run_jobs(ready)
    with products.transaction(force_rollback=True):
        put(products, 2, B)
        products.execute("UPDATE products SET photo = %s WHERE id = 1", [C])
        products.execute("DELETE FROM products WHERE id = 1")
    assert links(products) == {1: id_of(A)}
    assert not attachments.is_due(products)


def test_truncate_forgets_all(products: Connection, ready: Settings) -> None:
    attach(products)
    put(products, 1, A)
    put(products, 2, B)
    run_jobs(ready)
    products.execute("TRUNCATE products")
    assert links(products) == {}
    assert stored(products) == set()


def test_a_key_that_changes(products: Connection, ready: Settings) -> None:
    attach(products)
    put(products, 1, A, "a")
    run_jobs(ready)
    products.execute("UPDATE products SET id = 7")
    run_jobs(ready)
    assert links(products) == {7: id_of(A)}
    assert stored(products) == {id_of(A)}
    assert vector(products, id_of(A)) is not None


def test_columns_may_be_renamed_and_the_table_too(products: Connection, ready: Settings) -> None:
    attach(products)
    put(products, 1, A)
    products.execute("ALTER TABLE products RENAME photo TO picture")
    products.execute("ALTER TABLE products RENAME id TO number")
    products.execute("ALTER TABLE products RENAME title TO words")
    products.execute("ALTER TABLE products RENAME TO goods")
    products.execute("INSERT INTO goods (number, words, picture) VALUES (2, 'b', %s)", [B])
    products.execute("UPDATE goods SET words = 'a' WHERE number = 1")
    run_jobs(ready)
    assert links(products) == {1: id_of(A), 2: id_of(B)}
    assert captions(products) == {(id_of(A), "a"), (id_of(B), "b")}
    assert attachment(products)["image"] == "picture"
    products.execute("DELETE FROM goods WHERE number = 1")
    assert stored(products) == {id_of(B)}


def test_columns_before_ours_may_be_dropped(products: Connection, ready: Settings) -> None:
    attach(products)
    products.execute("ALTER TABLE products DROP price, ADD price2 int")
    put(products, 1, A, "a")
    run_jobs(ready)
    assert links(products) == {1: id_of(A)}


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("id uuid PRIMARY KEY", "gen_random_uuid()"),
        ("id text PRIMARY KEY", "E'it''s \"x\", é'"),
        ("id char(5) PRIMARY KEY", "'ab'"),
        ("id numeric PRIMARY KEY", "1.50"),
        ("id date PRIMARY KEY", "'2026-02-03'"),
        ('"I d" boolean PRIMARY KEY', "true"),
        ("a bigint, b varchar(9), PRIMARY KEY (b, a)", "9007199254740993, 'x'"),
    ],
)
def test_keys(boss: Connection, ready: Settings, key: str, values: str) -> None:
    shop(boss, key=key)
    boss.execute(f"INSERT INTO products VALUES ({values}, 'first', 1, %s)".encode(), [A])
    attach(boss)
    run_jobs(ready)
    assert list(links(boss).values()) == [id_of(A)]
    boss.execute("SET DateStyle = 'German'; SET TimeZone = 'Asia/Tokyo'; SET bytea_output = escape")
    boss.execute("UPDATE products SET photo = %s", [B])
    assert list(states(boss).values()) == ["p"]
    run_jobs(ready)
    assert stored(boss) == {id_of(B)}
    boss.execute("DELETE FROM products")
    assert links(boss) == {}


def test_a_caption_may_be_the_key(boss: Connection, ready: Settings) -> None:
    boss.execute("CREATE TABLE products (title text PRIMARY KEY, photo bytea)")
    attach(boss)
    boss.execute("INSERT INTO products VALUES ('a', %s)", [A])
    run_jobs(ready)
    assert captions(boss) == {(id_of(A), "a")}


def test_a_partitioned_table(boss: Connection, ready: Settings) -> None:
    boss.execute(
        "CREATE TABLE products (id int, title text, price numeric, photo bytea, PRIMARY KEY (id))"
        " PARTITION BY RANGE (id)"
    )
    boss.execute("CREATE TABLE low PARTITION OF products FOR VALUES FROM (0) TO (10)")
    boss.execute("CREATE TABLE high (photo bytea, dropped int, id int NOT NULL, title text, price"
                 " numeric)")  # fmt: skip
    boss.execute("ALTER TABLE high DROP dropped")
    put(boss, 1, A, "a")
    attach(boss)
    boss.execute("ALTER TABLE products ATTACH PARTITION high FOR VALUES FROM (10) TO (20)")
    put(boss, 11, B, "b")
    boss.execute("INSERT INTO high (id, photo) VALUES (12, %s)", [C])
    run_jobs(ready)
    assert links(boss) == {1: id_of(A), 11: id_of(B), 12: id_of(C)}
    boss.execute("UPDATE products SET id = 2 WHERE id = 12")  # to the other partition
    boss.execute("DELETE FROM high WHERE id = 11")
    run_jobs(ready)
    assert links(boss) == {1: id_of(A), 2: id_of(C)}
    boss.execute("TRUNCATE products")
    assert stored(boss) == set()


def test_attaching_again_finds_what_no_trigger_saw(products: Connection, ready: Settings) -> None:
    id = attach(products)
    put(products, 1, A)
    put(products, 2, B)
    run_jobs(ready)
    products.execute("SET session_replication_role = replica")
    put(products, 3, C)
    products.execute("DELETE FROM products WHERE id = 1")
    products.execute("SET session_replication_role = origin")
    assert attach(products) == id
    run_jobs(ready)
    assert links(products) == {2: id_of(B), 3: id_of(C)}
    assert stored(products) == {id_of(B), id_of(C)}


def test_two_columns_of_a_table(products: Connection, ready: Settings) -> None:
    products.execute("ALTER TABLE products ADD back bytea")
    attach(products)
    attach(products, image="back", caption=None, space="backs")
    products.execute("INSERT INTO products (id, photo, back) VALUES (1, %s, %s)", [A, A])
    run_jobs(ready)
    assert stored(products) == {id_of(A), id_of(A, "backs")}
    products.execute("SELECT blip_detach('products', 'photo')")
    assert stored(products) == {id_of(A, "backs")}
    assert attachment(products)["image"] == "back"


TRACES = """
    SELECT 'trigger', tgname::text FROM pg_trigger WHERE tgrelid = 'products'::regclass
    UNION ALL SELECT 'grant', attacl::text FROM pg_attribute
    WHERE attrelid = 'products'::regclass AND attacl <> '{}'
    UNION ALL SELECT 'policy', polname FROM pg_policy WHERE polrelid = 'products'::regclass
    UNION ALL SELECT 'row', key::text FROM blip.attached_rows
    UNION ALL SELECT 'image', image_id::text FROM blip.images
    UNION ALL SELECT 'caption', text FROM blip.captions
    UNION ALL SELECT 'job', stage FROM blip.jobs
    UNION ALL SELECT 'attachment', mode FROM blip.attachments
"""


def test_detaching_leaves_no_trace(products: Connection, ready: Settings) -> None:
    products.execute("ALTER TABLE products ENABLE ROW LEVEL SECURITY")
    attach(products)
    put(products, 1, A, "a")
    run_jobs(ready)
    assert {row[0] for row in products.execute(TRACES.encode())} == {
        "trigger", "grant", "policy", "row", "image", "caption", "job", "attachment",
    }  # fmt: skip
    assert products.execute("SELECT blip_detach('products')").fetchone() == (1,)
    assert products.execute(TRACES.encode()).fetchall() == []
    put(products, 2, B)
    assert stored(products) == set()


@pytest.mark.parametrize(
    "statement", ["DROP TABLE products", "ALTER TABLE products DROP photo CASCADE"]
)
def test_what_is_dropped_is_detached(products: Connection, ready: Settings, statement: str) -> None:
    attach(products)
    put(products, 1, A)
    run_jobs(ready)
    products.execute(statement.encode())
    assert attachments.is_due(products)
    run_jobs(ready)
    assert stored(products) == set()
    assert products.execute("SELECT FROM blip.attachments").fetchall() == []
    assert not attachments.is_due(products)


def test_bad_images_are_told_and_break_no_insert(products: Connection, ready: Settings) -> None:
    attach(products)
    put(products, 1, b"")
    put(products, 2, b"no picture")
    put(products, 3, A[:-20])
    put(products, 4, B)
    run_jobs(ready)
    failures = products.execute(
        "SELECT uri, stage, reason FROM blip_failures() ORDER BY 1"
    ).fetchall()
    assert failures == [
        ("public.products/1", "attach", "the image is empty"),
        ("public.products/2", "encode", "not a JPEG, PNG, WebP, GIF, BMP or TIFF picture"),
        ("public.products/3", "encode", "damaged PNG: the checksum of its pixels is wrong"),
    ]
    found = attachment(products)
    assert (found["rows"], found["encoded"], found["failed"]) == (4, 1, 3)
    products.execute("UPDATE products SET photo = %s WHERE id < 4", [C])
    run_jobs(ready)
    assert links(products) == {1: id_of(C), 2: id_of(C), 3: id_of(C), 4: id_of(B)}
    assert products.execute("SELECT FROM blip_failures()").fetchall() == []


def test_a_superusers_table_that_shuts_blipdb_out_says_so(
    products: Connection, ready: Settings, as_worker: Callable[[], Connection]
) -> None:
    products.execute("ALTER TABLE products ENABLE ROW LEVEL SECURITY")
    attach(products)
    put(products, 1, A)
    conn = as_worker()
    list(attachments.work(conn))
    assert links(products) == {1: id_of(A)}
    put(products, 2, B)
    products.execute("DROP POLICY blip_guest ON products")
    list(attachments.work(conn))
    assert (
        "policies of public.products hide rows from blip_guest" in attachment(products)["trouble"]
    )
    products.execute("ALTER TABLE products DISABLE ROW LEVEL SECURITY")
    products.execute("REVOKE SELECT (id, photo, title) ON products FROM blip_guest")
    list(attachments.work(conn))
    assert "permission denied for table products" in attachment(products)["trouble"]
    assert links(products) == {1: id_of(A), 2: None}  # not taken for deleted
    attach(products)
    list(attachments.work(conn))
    assert links(products) == {1: id_of(A), 2: id_of(B)}
    assert attachment(products)["trouble"] is None


def test_an_owners_policies_that_hold_for_itself_are_told(
    products: Connection, ready: Settings
) -> None:
    products.execute("CREATE ROLE keeper IN ROLE blip_writer")
    products.execute("ALTER TABLE products OWNER TO keeper")
    attach(products)
    put(products, 1, A)
    products.execute("ALTER TABLE products ENABLE ROW LEVEL SECURITY")
    run_jobs(ready)
    assert links(products) == {1: id_of(A)}, "they don't hold for the owner"
    put(products, 2, B)
    products.execute("ALTER TABLE products FORCE ROW LEVEL SECURITY")
    run_jobs(ready)
    assert "policies of public.products hide rows from keeper" in attachment(products)["trouble"]
    products.execute("CREATE POLICY all_of_it ON products TO keeper USING (true)")
    run_jobs(ready)
    assert links(products) == {1: id_of(A), 2: id_of(B)}
    assert attachment(products)["trouble"] is None
    products.execute("SELECT blip_detach('products'); DROP OWNED BY keeper")
    products.execute("DROP ROLE keeper")


@pytest.fixture
def as_worker(ready: Settings, request: pytest.FixtureRequest) -> Callable[[], Connection]:
    def connect() -> Connection:
        conn = connection.connect(ready.database_url(), autocommit=True)
        conn.execute("SET ROLE blip_worker")
        request.addfinalizer(conn.close)
        return conn

    return connect


def test_a_worker_of_no_other_right_encodes(
    products: Connection, ready: Settings, as_worker: Callable[[], Connection]
) -> None:
    attach(products)
    put(products, 1, A, "a")
    list(attachments.work(as_worker()))
    url = ready.database_url() + "&options=-c%20role%3Dblip_worker"
    run_jobs(Settings(ready.home, url))
    assert vector(products, id_of(A)) is not None


def test_a_restored_database_goes_on(boss: Connection, ready: Settings, cluster: Settings) -> None:
    """Columns have other numbers then, where one before them was dropped."""
    boss.execute("CREATE SCHEMA app")
    boss.execute(
        "CREATE TABLE app.products (gone int, id int PRIMARY KEY, photo bytea, title text)"
    )
    boss.execute("ALTER TABLE app.products DROP gone")
    boss.execute("INSERT INTO app.products VALUES (1, %s, 'a'), (2, %s, 'b')", [A, B])
    attach(boss, "app.products")
    run_jobs(ready)
    assert ready.url is not None
    url = cluster.database_url().replace(f"/{DATABASE}?", "/attached?")
    programs = postgresql.find().bin
    with psycopg.connect(cluster.database_url(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE attached")
        try:
            dump = subprocess.run(
                [programs / "pg_dump", "--dbname", ready.url], capture_output=True, check=True
            )
            subprocess.run(
                [programs / "psql", "--quiet", "--set", "ON_ERROR_STOP=1", url],
                input=dump.stdout,
                check=True,
                capture_output=True,
            )
            with connection.connect(url, autocommit=True) as conn:
                requirements.check(conn)
                assert links(conn) == links(boss)
                conn.execute("UPDATE app.products SET photo = %s WHERE id = 1", [C])
                conn.execute("DELETE FROM app.products WHERE id = 2")
                run_jobs(Settings(ready.home, url))
                assert links(conn) == {1: id_of(C)}
                assert captions(conn) == {(id_of(C), "a")}
                assert attach(conn, "app.products") == 1
        finally:
            admin.execute("DROP DATABASE attached WITH (FORCE)")


def test_what_its_page_shows_runs(served: Settings, elsewhere: str) -> None:
    page = (Path(__file__).parents[2] / "docs" / "attach.md").read_text()
    statements = re.findall(r"^```sql\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert len(statements) == 3
    with connection.connect(elsewhere, autocommit=True) as conn:
        shop(conn)
        put(conn, 1, A, "a red bicycle")
        conn.execute(statements[0].encode())
        put(conn, 2, B, "a blue cup")
        run_jobs(Settings(served.home, elsewhere))
        found = conn.execute(statements[1].encode()).fetchall()
        assert {row[:2] for row in found} == {(1, "a red bicycle"), (2, "a blue cup")}
        conn.execute(statements[2].encode())
        for call in re.findall(r"`(SELECT [^`]*)`", page):
            conn.execute(call.encode())
        assert stored(conn) == set()
