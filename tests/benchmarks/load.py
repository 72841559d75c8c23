"""A base model behind SQL, on all cores: how long a search takes as it grows and as callers do,
what it holds, and how soon it lets go. And a small model, a hundred thousand times."""

from __future__ import annotations

import os
import signal
import statistics
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psycopg
from psycopg import errors as pg_errors

from blipdb import registry, services
from blipdb.checkpoints.convert import convert
from blipdb.engine.client import EngineClient
from blipdb.model.compute import MERGED_TOKENS
from blipdb.registry import Model
from blipdb.settings import Settings
from tests.benchmarks.base import FEW, SHORT, always, text
from tests.benchmarks.memory import anonymous_bytes
from tests.benchmarks.report import Report
from tests.benchmarks.world import connect, draw, held_out, take_in
from tests.checkpoints import published
from tests.checkpoints.true_sizes import publish

SEARCH = "Base model: search from SQL"
GROWTH = "Base model: cost as work grows"
LOAD = "Base model: many connections"
FAULTS = "Base model: cancels and faults"
ENDURANCE = "Endurance: the bundled model"
IMAGES = 256
ROUNDS = 9
CONNECTIONS = (1, 4, 16, 64)
EACH = 4  # searches of a connection
CANCELS = 1000
LONG_SEARCHES = 100_000
_RECALL = "SELECT blip._recall(blip._choose(NULL, 'retrieval'), %s, 16, NULL, NULL)"
_SEARCH = "SELECT image_id FROM blip_search(%s, k => 1, candidates => %s)"


def measure(settings: Settings, report: Report) -> None:
    _deploy(settings)
    with connect(settings) as conn:
        _search(conn, report)
        _growth(conn, report)
    _connections(settings, report)
    _cancels(settings, report)
    _kill(settings, report)


def register_base(settings: Settings, *, activate: bool) -> Model:
    """Register a model of BLIP-base's size, as a checkpoint is added; the engine begins anew."""
    folder = settings.home / "base"
    folder.mkdir()
    theirs = publish(published.BASE)
    theirs.round()
    file = theirs.pretrained_file(folder)
    artifact = convert(file, folder / "artifact", name="base", compute=always(FEW))
    file.unlink()
    with connect(settings) as conn:
        model = registry.register(conn, settings, artifact.folder, activate=activate)
    services.down(settings)
    services.up(settings)
    return model


def _deploy(settings: Settings) -> None:
    """Take pictures in with the model."""
    model = register_base(settings, activate=True)
    album = settings.home / "albums" / "base"
    draw(album, *held_out(IMAGES, seed=61), model.image_size, "jpg")
    take_in(settings, album, "")


def _times(conn: psycopg.Connection, words: int, candidates: int, rounds: int) -> list[float]:
    """Milliseconds of searches that are all different, the first left out."""
    taken = []
    for n in range(rounds + 1):
        begin = time.perf_counter()
        conn.execute(_SEARCH.encode(), [text(words, 1000 * words + n), candidates]).fetchall()
        taken.append(1000 * (time.perf_counter() - begin))
    return taken[1:]


def _search(conn: psycopg.Connection, report: Report) -> None:
    name = f"blip_search, {SHORT} words"
    for candidates, target in ((16, "at most 350"), (64, "at most 1100")):
        taken = _times(conn, SHORT, candidates, 3 * ROUNDS)
        report.add(SEARCH, f"{name}, {candidates} candidates, p50", statistics.median(taken), "ms",
                   target)  # fmt: skip
        report.add(SEARCH, f"{name}, {candidates} candidates, p95",
                   float(np.percentile(taken, 95)), "ms")  # fmt: skip
        if candidates == 16:
            whole = statistics.median(taken)
    recall = []
    for n in range(ROUNDS):
        row = conn.execute("SELECT blip_embed(%s)::text", [text(SHORT, n)]).fetchone()
        assert row is not None
        begin = time.perf_counter()
        conn.execute(_RECALL.encode(), row)
        recall.append(1000 * (time.perf_counter() - begin))
    report.add(SEARCH, f"of it, recall among {IMAGES}", statistics.median(recall), "ms")
    report.add(SEARCH, "recall's share of 16 candidates", statistics.median(recall) / whole, "",
               "at most 0.05")  # fmt: skip


def _growth(conn: psycopg.Connection, report: Report) -> None:
    for candidates in (1, 4, 16, 64, 256):
        for words in (4, SHORT, 33):
            value = statistics.median(_times(conn, words, candidates, max(3, ROUNDS // candidates)))
            name = f"{candidates} candidates, {words} words, {MERGED_TOKENS} tokens, p50"
            report.add(GROWTH, name, value, "ms")


def _connections(settings: Settings, report: Report) -> None:
    pid = EngineClient(settings.engine_socket).health()["pid"]
    memory = []
    for count in CONNECTIONS:
        taken, failed, grown = _at_once(settings, count)
        name = f"{count} connections at once, 16 candidates, {SHORT} words"
        report.add(LOAD, f"{name}, p50", statistics.median(taken), "ms")
        report.add(LOAD, f"{name}, p95", float(np.percentile(taken, 95)), "ms")
        report.add(LOAD, f"{name}, errors", failed, "", "at most 0")
        memory.append(_status(pid, "VmRSS"))
    report.add(LOAD, "anonymous memory of a connection that has searched", grown / 2**20, "MiB",
               "at most 10", "a connection that has not (difference)")  # fmt: skip
    report.add(LOAD, "the engine's memory after one connection's searches", memory[0] / 2**20,
               "MiB")  # fmt: skip
    report.add(LOAD, "the engine's memory after 64 at once", memory[-1] / memory[0], "times",
               "at most 1.5", "after one connection's searches")  # fmt: skip
    _at_once(settings, CONNECTIONS[-1])
    again = _status(pid, "VmRSS") / memory[-1]
    report.add(LOAD, "the engine's memory after 64 at once again", again, "times",
               "at most 1.05", "after 64 at once")  # fmt: skip


def _at_once(settings: Settings, count: int) -> tuple[list[float], int, int]:
    """Milliseconds of all searches, how many failed, and what a connection holds more for them."""
    together = threading.Barrier(count)

    def session(number: int) -> tuple[list[float], int, int]:
        taken, failed = [], 0
        with connect(settings) as conn:
            conn.execute("SELECT 1")
            before = anonymous_bytes(conn)
            together.wait()
            for n in range(EACH):
                begin = time.perf_counter()
                try:
                    conn.execute(_SEARCH.encode(), [text(SHORT, 100 * number + n), 16]).fetchall()
                except psycopg.Error:
                    failed += 1
                taken.append(1000 * (time.perf_counter() - begin))
            return taken, failed, anonymous_bytes(conn) - before

    with ThreadPoolExecutor(count) as threads:
        found = list(threads.map(session, range(count)))
    times = [one for taken, _, _ in found for one in taken]
    return times, sum(failed for _, failed, _ in found), max(grown for _, _, grown in found)


def _status(pid: int, name: str) -> int:
    """Bytes that the kernel says of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"the kernel says no {name} of process {pid}")


def _cancels(settings: Settings, report: Report) -> None:
    """Half by a cancel, half by statement_timeout, at random moments of a search."""
    rng = np.random.default_rng(0)
    late: dict[str, list[float]] = {"a cancel": [], "statement_timeout": []}
    with connect(settings) as conn:
        for n in range(CANCELS):
            if n == CANCELS // 10:
                before = anonymous_bytes(conn)
            seconds = float(rng.uniform(0.01, 0.3))
            name = "a cancel" if n % 2 else "statement_timeout"
            try:
                late[name].append(1000 * _interrupted(conn, seconds, by_timeout=n % 2 == 0, n=n))
            except RuntimeError:
                continue  # it was quicker
        conn.execute("SET statement_timeout = 0")
        grown = anonymous_bytes(conn) / before
        conn.execute(_SEARCH.encode(), [text(SHORT), 16])
    for name, taken in late.items():
        report.add(FAULTS, f"{name}: until its error, p99 of {len(taken)}",
                   float(np.percentile(taken, 99)), "ms", "at most 250")  # fmt: skip
    report.add(FAULTS, f"a connection's memory after {CANCELS} of them", grown, "times",
               "at most 1.02", f"after {CANCELS // 10}")  # fmt: skip


def _interrupted(conn: psycopg.Connection, seconds: float, *, by_timeout: bool, n: int) -> float:
    """Seconds from when a search of 64 candidates should end until it has.

    Raises:
        RuntimeError: it had ended before.
    """
    if by_timeout:
        conn.execute(f"SET statement_timeout = {round(1000 * seconds)}".encode())
    else:
        conn.execute("SET statement_timeout = 0")
    due: list[float] = []

    def cancel() -> None:
        due.append(time.perf_counter())
        conn.cancel()

    timer = threading.Timer(seconds, cancel)
    begin = time.perf_counter()
    if not by_timeout:
        timer.start()
    try:
        conn.execute(_SEARCH.encode(), [text(33, n), 64])
    except pg_errors.QueryCanceled:
        return time.perf_counter() - (begin + seconds if by_timeout else due[0])
    finally:
        timer.cancel()
        if timer.ident is not None:
            timer.join()
    raise RuntimeError("the search was quicker")


def _kill(settings: Settings, report: Report) -> None:
    """kill -9 of the engine in a search; then searches again once it is up, over the connection."""
    with connect(settings) as conn:
        pid = EngineClient(settings.engine_socket).health()["pid"]
        killed: list[float] = []

        def kill() -> None:
            killed.append(time.perf_counter())
            os.kill(pid, signal.SIGKILL)

        timer = threading.Timer(0.3, kill)
        timer.start()
        try:
            conn.execute(_SEARCH.encode(), [text(33), 256])
        except psycopg.Error:
            report.add(FAULTS, "kill -9 of the engine in a search: until its error",
                       1000 * (time.perf_counter() - killed[0]), "ms", "at most 1000")  # fmt: skip
        begin = time.perf_counter()
        services.up(settings)
        report.add(FAULTS, "until the engine is up again, with the model loaded",
                   time.perf_counter() - begin, "s")  # fmt: skip
        conn.execute(_SEARCH.encode(), [text(SHORT), 16])


def endure(settings: Settings, report: Report) -> None:
    """Many searches of the bundled model over a few connections: nothing grows."""
    album = settings.home / "albums" / "few"
    drawn, texts = held_out(200, seed=71)
    draw(album, drawn, texts, 96)
    take_in(settings, album, "")
    pid = EngineClient(settings.engine_socket).health()["pid"]
    sessions = 4

    def some(conn: psycopg.Connection, count: int) -> None:
        for n in range(count):
            conn.execute(_SEARCH.encode(), [texts[n % len(texts)], 2]).fetchall()

    def all_of(conns: Sequence[psycopg.Connection], count: int) -> float:
        begin = time.perf_counter()
        with ThreadPoolExecutor(sessions) as threads:
            list(threads.map(some, conns, [count // sessions] * sessions))
        return time.perf_counter() - begin

    conns = [connect(settings) for _ in range(sessions)]
    all_of(conns, LONG_SEARCHES // 5)
    engine, backend = _status(pid, "VmRSS"), max(map(anonymous_bytes, conns))
    seconds = all_of(conns, LONG_SEARCHES // 2)
    half = _status(pid, "VmRSS")
    seconds += all_of(conns, LONG_SEARCHES // 2)
    name = f"after {LONG_SEARCHES:,} searches more"
    beside = f"after {LONG_SEARCHES // 5:,}"
    report.add(ENDURANCE, f"searches of {sessions} connections", LONG_SEARCHES / seconds, "/s")
    report.add(ENDURANCE, f"the engine's memory {name}", _status(pid, "VmRSS") / engine, "times",
               "at most 1.02", beside)  # fmt: skip
    report.add(ENDURANCE, "the same, of their second half", _status(pid, "VmRSS") / half, "times",
               "at most 1.01", "after the first half")  # fmt: skip
    grown = max(map(anonymous_bytes, conns)) / backend
    report.add(ENDURANCE, f"a connection's memory {name}", grown, "times", "at most 1.02",
               beside)  # fmt: skip
    for conn in conns:
        conn.close()
