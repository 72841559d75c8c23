"""Attached tables while apps and workers are at them at once: nobody waits, and nothing is left."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from blipdb import registry
from blipdb.database import connection
from blipdb.settings import Settings
from blipdb.types import Connection
from blipdb.work import attachments
from blipdb.work.executors import run_jobs
from tests.album import picture
from tests.attach import attach, captions, id_of, links, put, shop, stored
from tests.work.test_worker import vector

A, B, C = (picture(seed) for seed in range(3))


@pytest.fixture
def products(boss: Connection) -> Connection:
    shop(boss)
    return boss


def test_an_open_transaction_holds_nobody_up(
    products: Connection, ready: Settings, boss: Connection
) -> None:
    attach(products)
    put(products, 1, A)
    put(products, 2, B)
    with connection.connect(ready.database_url()) as other:
        other.execute("UPDATE products SET photo = %s WHERE id = 1", [C])
        run_jobs(ready)
        assert links(products) == {1: None, 2: id_of(B)}
        other.commit()
    run_jobs(ready)
    assert links(products) == {1: id_of(C), 2: id_of(B)}


def test_two_transactions_let_go_of_an_image(products: Connection, ready: Settings) -> None:
    """Neither waits for the other; a worker ends what both could not."""
    attach(products)
    put(products, 1, A)
    put(products, 2, A)
    run_jobs(ready)
    with (
        connection.connect(ready.database_url()) as first,
        connection.connect(ready.database_url()) as second,
    ):
        first.execute("DELETE FROM products WHERE id = 1")
        second.execute("SET lock_timeout = '100ms'")
        second.execute("DELETE FROM products WHERE id = 2")
        second.commit()
        first.commit()
    assert products.execute("SELECT FROM blip.attached").fetchall() == []
    products.execute("UPDATE blip.attached_rows SET run_after = now()")
    run_jobs(ready)
    assert links(products) == {}
    assert stored(products) == set()


def test_what_comes_and_goes_while_a_worker_works(
    products: Connection, ready: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever order: in the end each row has its image, and there are no others."""
    monkeypatch.setattr(attachments, "MAX_LINKED_ROWS", 3)
    attach(products)
    rng = np.random.default_rng(7)
    for step in range(60):
        id, photo = int(rng.integers(8)), picture(int(rng.integers(4)))
        match rng.integers(4):
            case 0:
                products.execute("DELETE FROM products WHERE id = %s", [id])
            case 1:
                products.execute("UPDATE products SET photo = NULL WHERE id = %s", [id])
            case _:
                products.execute(
                    "INSERT INTO products (id, title, photo) VALUES (%s, %s, %s) ON CONFLICT (id)"
                    " DO UPDATE SET photo = excluded.photo, title = excluded.title",
                    [id, f"title {step}", photo],
                )
        if step % 5 == 0:
            next(attachments.work(products), None)
    run_jobs(ready)
    rows = products.execute(
        "SELECT id, photo, title FROM products WHERE photo IS NOT NULL"
    ).fetchall()
    assert links(products) == {id: id_of(photo) for id, photo, _ in rows}
    assert stored(products) == {id_of(photo) for _, photo, _ in rows}
    assert captions(products) == {(id_of(photo), title) for _, photo, title in rows}
    assert registry.models(products)[0].encodes


@pytest.mark.slow
def test_an_app_at_work_is_never_in_the_way(products: Connection, ready: Settings) -> None:
    """Three writers, each with rows of its own and images shared by all, and a worker: nobody meets
    a deadlock, and in the end each row has its image, and there are no others."""
    attach(products)
    photos = [picture(number, side=8) for number in range(6)]
    errors: list[Exception] = []
    stop = threading.Event()

    def write(writer: int) -> None:
        rng = np.random.default_rng(writer)
        try:
            with connection.connect(ready.database_url(), autocommit=True) as conn:
                for _ in range(60):
                    with conn.transaction(force_rollback=bool(rng.random() < 0.2)):
                        for number in rng.permutation(6)[:4]:
                            change(conn, int(writer * 100 + number), rng)
        except Exception as error:
            errors.append(error)

    def change(conn: Connection, id: int, rng: np.random.Generator) -> None:
        if rng.random() < 0.4:
            conn.execute("DELETE FROM products WHERE id = %s", [id])
        else:
            conn.execute(
                "INSERT INTO products (id, title, photo) VALUES (%s, %s, %s) ON CONFLICT (id)"
                " DO UPDATE SET photo = excluded.photo, title = excluded.title",
                [id, f"title {rng.integers(3)}", photos[rng.integers(len(photos))]],
            )

    def work() -> None:
        try:
            while not stop.is_set():
                run_jobs(ready)
        except Exception as error:
            errors.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    writers = [threading.Thread(target=write, args=[number]) for number in range(3)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    worker.join()
    assert errors == []
    for _ in range(2):  # what was read between two changes is tried again later
        for table in ("attached_rows", "jobs"):
            products.execute(
                f"UPDATE blip.{table} SET run_after = now() WHERE state = 'p'".encode()
            )
        run_jobs(ready)
    rows = products.execute("SELECT id, photo, title FROM products").fetchall()
    assert links(products) == {id: id_of(photo) for id, photo, _ in rows}
    assert stored(products) == {id_of(photo) for _, photo, _ in rows}
    assert captions(products) == {(id_of(photo), title) for _, photo, title in rows}
    for _, photo, _ in rows:
        assert vector(products, id_of(photo)) is not None
