"""Attached tables: what they cost the app's own statements, and how soon all rows are in."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

import numpy as np

from blipdb.settings import Settings
from blipdb.types import Connection
from blipdb.work import attachments
from tests.album import picture
from tests.attach import attach, shop
from tests.benchmarks.report import Report
from tests.benchmarks.world import connect

SECTION = "Attached tables"
ROWS = 100_000
BULK = 10_000
LARGE = 5 << 20
TIMES = 30
PICTURES = [picture(seed, "JPEG", side=128) for seed in range(50)]
LOAD = [picture(seed, "JPEG", side=128) for seed in range(50, 250)]


def measure(settings: Settings, report: Report) -> None:
    with connect(settings) as conn:
        shop(conn, "attached")
        shop(conn, "bare")
        _statements(conn, report)
        _live(conn, report)
        _first(conn, report)


def _statements(conn: Connection, report: Report) -> None:
    """Each statement on the attached table, and the same on one that is not, in turns."""
    attach(conn, "attached")
    large = os.urandom(LARGE)
    cases: dict[str, tuple[str, Callable[[int], list[object]], str | None]] = {
        "an insert of 5 MB": ("INSERT INTO {} (id, photo) VALUES (%s, %s)",
                              lambda n: [n, large], "at most 1.25"),
        "an insert of 3 kB": ("INSERT INTO {} (id, photo) VALUES (%s, %s)",
                              lambda n: [1000 + n, PICTURES[n]], None),
        "another column's update of 5 MB": ("UPDATE {} SET price = %s WHERE id = %s",
                                            lambda n: [n, n], "at most 1.1"),
        "a new picture of 5 MB": ("UPDATE {} SET photo = %s WHERE id = %s",
                                  lambda n: [os.urandom(LARGE), n], None),
        f"an insert of {BULK:,} rows": (
            "INSERT INTO {} (id, photo) SELECT g, %s FROM generate_series(%s::int, %s::int) g",
            lambda n: [PICTURES[0], 10_000 + n * BULK, 9_999 + (n + 1) * BULK], None),
    }  # fmt: skip
    for name, (statement, values, target) in cases.items():
        bare, attached = _times(
            conn, [statement.format(table) for table in ("bare", "attached")], values
        )
        report.add(SECTION, name, float(np.median(attached)) * 1e3, "ms")
        report.add(SECTION, name, float(np.median(attached) / np.median(bare)), "", target,
                   "the same on a table not attached")  # fmt: skip
    conn.execute("SELECT blip_detach('attached')")


def _times(
    conn: Connection, statements: Sequence[str], values: Callable[[int], list[object]]
) -> list[list[float]]:
    """Seconds of each statement, in turns: what else goes on here concerns all alike."""
    seconds: list[list[float]] = [[] for _ in statements]
    for number in range(TIMES if "generate" not in statements[0] else 3):
        given = values(number)
        for statement, taken in zip(statements, seconds, strict=True):
            begin = time.perf_counter()
            conn.execute(statement.encode(), given)
            taken.append(time.perf_counter() - begin)
    return seconds


def _live(conn: Connection, report: Report) -> None:
    conn.execute("TRUNCATE attached")
    attach(conn, "attached", mode="live")
    embed = "SELECT %s + length(blip_embed(%s::bytea)::text)"
    insert = "INSERT INTO attached (id, photo) VALUES (%s, %s)"
    alone, live = _times(conn, [embed, insert], lambda n: [1000 + n, PICTURES[n]])
    report.add(SECTION, "a live insert of 3 kB", float(np.median(live)) * 1e3, "ms")
    report.add(SECTION, "a live insert of 3 kB", float(np.median(live) / np.median(alone)), "",
               None, "blip_embed of the picture alone")  # fmt: skip
    begin = time.perf_counter()
    conn.execute("INSERT INTO attached (photo, id) SELECT * FROM unnest(%s::bytea[])"
                 " WITH ORDINALITY u (photo, id) ORDER BY id", [LOAD])  # fmt: skip
    each = (time.perf_counter() - begin) / len(LOAD)
    name = f"a row of a live load of {len(LOAD)} in one statement"
    report.add(SECTION, name, each * 1e3, "ms")
    report.add(SECTION, name, each / float(np.median(live)), "", None, "a live insert of one")
    found = conn.execute("SELECT count(*) FROM blip.image_vectors").fetchone()
    assert found == (TIMES + len(LOAD),), found
    conn.execute("SELECT blip_detach('attached')")


def _first(conn: Connection, report: Report) -> None:
    """Rows that are there already, each another picture."""
    conn.execute("TRUNCATE attached")
    conn.execute(
        "INSERT INTO attached (id, title, photo)"
        " SELECT g, 'product ' || g, %s || int4send(g) FROM generate_series(1, %s) g",
        [PICTURES[0], ROWS],
    )
    begin = time.perf_counter()
    conn.execute("SELECT sum(length(sha256(photo)) + length(sha256(photo))) FROM attached")
    hashed = time.perf_counter() - begin
    begin = time.perf_counter()
    attach(conn, "attached")
    called = time.perf_counter() - begin
    begin = time.perf_counter()
    for _ in attachments.work(conn):
        pass
    linked = time.perf_counter() - begin
    row = conn.execute("SELECT count(*), count(DISTINCT image_id) FROM blip.attached").fetchone()
    assert row == (ROWS, ROWS), row
    report.add(SECTION, f"blip_attach of {ROWS:,} rows", called * 1e3, "ms")
    report.add(SECTION, "rows linked, with captions and jobs", ROWS / linked, "rows/s")
    report.add(SECTION, f"linking {ROWS:,} rows", linked / hashed, "", None, "hashing them alone")
    begin = time.perf_counter()
    found = conn.execute("SELECT rows, waiting FROM blip_attachments()").fetchone()
    assert found == (ROWS, ROWS), found
    seconds = time.perf_counter() - begin
    report.add(SECTION, f"blip_attachments() of {ROWS:,} rows", seconds * 1e3, "ms")
    begin = time.perf_counter()
    conn.execute("DELETE FROM attached WHERE id <= 10000")
    report.add(
        SECTION, "a delete of 10,000 rows with their images", time.perf_counter() - begin, "s"
    )
