"""Memory of a connection that has searched, beside one that has not."""

from __future__ import annotations

from pathlib import Path

import psycopg

from blipdb.settings import Settings
from tests.benchmarks.report import Report
from tests.benchmarks.world import connect, draw, held_out, take_in

SECTION = "Memory"
IMAGES = 200
SEARCHES = 20


def measure(settings: Settings, report: Report) -> None:
    drawn, texts = held_out(IMAGES, seed=31)
    draw(settings.home / "albums", drawn, texts, 96)
    take_in(settings, settings.home / "albums", "")
    with connect(settings) as idle, connect(settings) as searching:
        idle.execute("SELECT 1")
        for text in texts[:SEARCHES]:
            searching.execute("SELECT * FROM blip_search(%s, candidates => 32)", [text])
        grown = anonymous_bytes(searching) - anonymous_bytes(idle)
    report.add(SECTION, "anonymous memory of a connection that has searched", grown / 2**20, "MiB",
               "at most 10", "a connection that has not (difference)")  # fmt: skip


def anonymous_bytes(conn: psycopg.Connection) -> int:
    """Pss_Anon of the connection's server process, as Linux counts it."""
    pid = conn.info.backend_pid
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss_Anon:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"the kernel says no Pss_Anon of process {pid}")
