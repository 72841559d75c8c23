"""Apps at work on a live table, on rows of their own that share images: none is ever the victim of
a deadlock, and in the end each row has its image.

Longer: pytest tests/security/test_deadlocks.py --seconds 12
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import psycopg
import pytest

from blipdb.database import connection
from blipdb.settings import Settings
from blipdb.types import Connection
from blipdb.work import attachments
from blipdb.work.executors import run_jobs
from tests.album import picture
from tests.attach import attach, captions, id_of, links, shop, stored

SESSIONS = 6
ROWS = 4  # of each session
PHOTOS = [picture(number, side=8) for number in range(5)]
TITLES = ["a", "b", "c", None]

Random = np.random.Generator
Mix = Callable[[Connection, Random, list[int]], None]


def pictures(rng: Random, count: int) -> list[bytes]:
    return [PHOTOS[number] for number in rng.integers(len(PHOTOS), size=count)]


def titles(rng: Random, count: int) -> list[str | None]:
    return [TITLES[number] for number in rng.integers(len(TITLES), size=count)]


def update_pictures(conn: Connection, rng: Random, ids: list[int]) -> None:
    conn.execute(
        "UPDATE products p SET photo = u.photo"
        " FROM unnest(%s::int[], %s::bytea[]) u (id, photo) WHERE p.id = u.id",
        [ids, pictures(rng, len(ids))],
    )


def update_captions(conn: Connection, rng: Random, ids: list[int]) -> None:
    conn.execute(
        "UPDATE products p SET title = u.title"
        " FROM unnest(%s::int[], %s::text[]) u (id, title) WHERE p.id = u.id",
        [ids, titles(rng, len(ids))],
    )


def upsert(conn: Connection, rng: Random, ids: list[int]) -> None:
    conn.execute(
        "INSERT INTO products (id, title, photo)"
        " SELECT * FROM unnest(%s::int[], %s::text[], %s::bytea[])"
        " ON CONFLICT (id) DO UPDATE SET photo = excluded.photo, title = excluded.title",
        [ids, titles(rng, len(ids)), pictures(rng, len(ids))],
    )


def load_and_delete(conn: Connection, rng: Random, ids: list[int]) -> None:
    conn.execute("DELETE FROM products WHERE id = ANY (%s)", [ids])
    upsert(conn, rng, ids)


def several_statements(conn: Connection, rng: Random, ids: list[int]) -> None:
    """A transaction in which images are met in any order, now and then rolled back."""
    with conn.transaction(force_rollback=bool(rng.random() < 0.2)):
        for id in ids:
            kind = rng.integers(4)
            if kind == 0:
                conn.execute("DELETE FROM products WHERE id = %s", [id])
            else:
                (upsert, update_pictures, update_captions)[kind - 1](conn, rng, [id])


def with_images_of_its_own(conn: Connection, rng: Random, ids: list[int]) -> None:
    """A transaction that adds one of the shared images itself, and then changes rows."""
    with conn.transaction():
        conn.execute("SELECT blip_add(%s)", [pictures(rng, 1)[0]])
        for id in ids:
            upsert(conn, rng, [id])


MIXES = [
    update_pictures,
    update_captions,
    upsert,
    load_and_delete,
    several_statements,
    with_images_of_its_own,
]


@pytest.fixture
def live(elsewhere: str) -> Iterator[Connection]:
    with connection.connect(elsewhere, autocommit=True) as conn:
        shop(conn)
        attach(conn, mode="live")
        yield conn


@pytest.mark.slow
@pytest.mark.parametrize("mix", MIXES, ids=lambda mix: mix.__name__)
def test_make_an_app_the_victim_of_a_deadlock(
    live: Connection, served: Settings, elsewhere: str, mix: Mix, pytestconfig: pytest.Config
) -> None:
    settings = Settings(served.home, elsewhere)
    until = time.monotonic() + float(pytestconfig.getoption("--seconds", 2))
    errors: Counter[str] = Counter()
    done: Counter[int] = Counter()

    def change(session: int) -> None:
        rng = np.random.default_rng(session)
        ids = [session * ROWS + number for number in range(ROWS)]
        with connection.connect(elsewhere, autocommit=True) as conn:
            upsert(conn, rng, ids)
            while time.monotonic() < until:
                try:
                    mix(conn, rng, [int(id) for id in rng.permutation(ids)])
                    done[session] += 1
                except psycopg.Error as error:
                    errors[error.sqlstate or str(error)] += 1

    def work() -> None:
        with connection.connect(elsewhere, autocommit=True) as conn:
            while time.monotonic() < until:
                list(attachments.work(conn))
                time.sleep(0.05)

    threads = [threading.Thread(target=change, args=[number]) for number in range(SESSIONS)]
    threads.append(threading.Thread(target=work))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == Counter()
    assert min(done.values(), default=0) > 0
    assert len(done) == SESSIONS
    settle(live, settings)
    rows = live.execute("SELECT id, photo, title FROM products WHERE photo IS NOT NULL").fetchall()
    assert links(live) == {id: id_of(photo) for id, photo, _ in rows}
    attached = {id_of(photo) for _, photo, _ in rows}
    own = {
        row[0] for row in live.execute("SELECT image_id FROM blip.images WHERE content IS NOT NULL")
    }
    assert stored(live) == attached | own
    assert captions(live) == {(id_of(photo), title) for _, photo, title in rows if title}
    vectors = live.execute("SELECT count(*) FROM blip.image_vectors").fetchone()
    assert vectors == (len(attached | own),)


def settle(conn: Connection, settings: Settings) -> None:
    """Do what was left to workers, without the delays."""
    for _ in range(3):
        for table in ("attached_rows", "orphans", "jobs"):
            where = "" if table == "orphans" else " WHERE state = 'p'"
            conn.execute(f"UPDATE blip.{table} SET run_after = now(){where}".encode())
        list(attachments.work(conn))
        run_jobs(settings)
