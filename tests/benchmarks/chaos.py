"""`make chaos`: workers, brokers and PostgreSQL die at work, images are bad, an hour goes by.

Results are those of images (vectors, tokens, captions) and of captions, whether these came beside
files or were written: vectors and scores, which nobody asks for. All are compared with those of an
undisturbed run, to the last digit.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil

from blipdb.database import captions, jobs
from blipdb.database.jobs import Queue
from blipdb.errors import ImageError
from blipdb.images.decode import Decoder
from blipdb.registry import Model
from blipdb.settings import Settings
from blipdb.types import Connection
from tests.album import picture
from tests.benchmarks.report import Report
from tests.benchmarks.world import connect
from tests.workers import ordeal
from tests.workers.brokers import Broker, running
from tests.workers.celeries import Celery, working

KILLS = "Chaos: workers are killed"
FAULTS = "Chaos: brokers and PostgreSQL are killed"
BAD = "Chaos: bad images"
SOAK = "Chaos: an hour"
IMAGES = 10_000
KILL_COUNT = 500
BROKER_KILLS, WIPES, CRASHES = 50, 5, 20
BAD_COUNT = 1_000
SOAK_SECONDS = 3_600
WARM_SECONDS = 600  # until then caches fill
SPEED_SECONDS = 3.0
FULL = 0.7  # of the usual speed counts as full: these machines are noisy


def kills(settings: Settings, report: Report) -> None:
    """Four workers of one process each; a process of theirs is killed every half second."""
    chance = random.Random(1)
    done = 0

    def disturb() -> None:
        nonlocal done
        ordeal.supervise(workers)
        if done < KILL_COUNT:
            done += ordeal.kill_a_worker(workers, chance)
            time.sleep(chance.uniform(0, 0.5))

    with (
        ordeal.prepared(settings, _files(settings, IMAGES)) as (field, model),
        running("redis") as broker,
        working(settings, broker.url, _folder(settings, "kills"), count=4) as workers,
    ):
        field.enqueue(model.captioning)
        while True:
            field.settle(disturb)
            if done >= KILL_COUNT:
                break
            field.again(model.encoding, model.captioning, model.embedding, model.scoring)
        field.compare()
    _tell(report, KILLS, field.tally, done, f"kill -9, of 4 workers at {field.tally.jobs:,} jobs")
    report.add(KILLS, "runs of a job beyond the first", field.tally.extra / done, "a kill")


def faults(settings: Settings, report: Report) -> None:
    """RabbitMQ and Redis take turns; each fault comes once the last is got over. Captions are
    written then, with their scores, and nothing else, so that speeds can be compared."""
    chance = random.Random(2)
    recovered: dict[str, list[float]] = {"broker": [], "wipe": [], "PostgreSQL": []}
    with ordeal.prepared(settings, _files(settings, IMAGES)) as (field, model):
        with (
            running("redis") as broker,
            working(settings, broker.url, _folder(settings, "first"), "-c", "2", count=1),
        ):
            field.settle()
        field.enqueue(model.captioning)
        for kind in ("rabbitmq", "redis"):
            with (
                running(kind) as broker,
                working(settings, broker.url, _folder(settings, kind), "-c", "2", count=1) as (
                    worker,
                ),
            ):
                _suffer(field, model, broker, chance, recovered)
                field.settle()
                assert worker.process.poll() is None, worker.log[-3000:]
        field.compare()
    told = f"{BROKER_KILLS} kills and {WIPES} wipes of brokers, {CRASHES} crashes of PostgreSQL"
    _tell(report, FAULTS, field.tally, sum(map(len, recovered.values())), told)
    for name, seconds in recovered.items():
        words = f"full speed again after a {name} fault, at worst"
        report.add(FAULTS, words, max(seconds), "s", "at most 60")
        report.add(FAULTS, f"full speed again after a {name} fault", float(np.median(seconds)), "s")


def _suffer(
    field: ordeal.Field,
    model: Model,
    broker: Broker,
    chance: random.Random,
    recovered: dict[str, list[float]],
) -> None:
    """Half of all faults, in random order."""
    plan = ["broker"] * (BROKER_KILLS // 2) + ["PostgreSQL"] * (CRASHES // 2)
    plan += ["wipe"] * (WIPES - len(recovered["wipe"]) if recovered["wipe"] else (WIPES + 1) // 2)
    chance.shuffle(plan)
    usual = 0.0
    for fault in plan:
        if field.left() < IMAGES / 4:
            field.settle()
            field.again(model.captioning)
        usual = usual or _speed(field)
        begin = time.monotonic()
        if fault == "PostgreSQL":
            ordeal.stop_postgresql(field.settings, chance)
        elif fault == "wipe":
            broker.wipe()
        else:
            ordeal.kill_broker(broker, chance)
        recovered[fault].append(_until_fast(field, usual, begin))


def _speed(field: ordeal.Field) -> float:
    """Jobs a second, once they move."""
    before = field.left()
    while field.left() == before:
        time.sleep(0.1)
    before, begin = field.left(), time.monotonic()
    time.sleep(SPEED_SECONDS)
    return (before - field.left()) / (time.monotonic() - begin)


def _until_fast(field: ordeal.Field, usual: float, begin: float) -> float:
    """Seconds from ``begin`` until work goes on as usual, or has all been done."""
    seen: deque[tuple[float, int]] = deque()
    while True:
        now, left = time.monotonic(), field.left()
        seen.append((now, left))
        while now - seen[0][0] > SPEED_SECONDS:
            seen.popleft()
        seconds = now - seen[0][0]
        speed = (seen[0][1] - left) / seconds if seconds > SPEED_SECONDS / 2 else 0.0
        if speed >= FULL * usual or not left:
            return max(0.0, seen[0][0] - begin)
        assert now - begin < 300, field.unfinished()
        time.sleep(0.2)


def bad(settings: Settings, report: Report) -> None:
    """Among good images some that are truncated, altered, bombs, or of a lying header."""
    folder = _files(settings, IMAGES - BAD_COUNT)
    spoilt = [_spoilt(seed) for seed in range(BAD_COUNT)]
    for number, data in enumerate(spoilt):
        (folder / f"bad{number:04}.jpg").write_bytes(data)
    slowest = _slowest(spoilt)
    with (
        ordeal.prepared(settings, folder, bad=BAD_COUNT) as (field, model),
        running("redis") as broker,
        working(settings, broker.url, _folder(settings, "bad"), "-c", "2", count=1) as (worker,),
        connect(settings) as conn,
    ):
        field.settle()
        assert worker.stop() == 0
        field.compare()
        counts = jobs.counts(conn, model.encoding)
        row = conn.execute("SELECT count(*) FROM blip_failures() WHERE reason <> ''").fetchone()
        assert row is not None
    report.add(BAD, f"of {BAD_COUNT:,} bad images among {IMAGES:,}: parked, with a reason",
               min(counts.parked, row[0]), "", f"at least {BAD_COUNT}")  # fmt: skip
    report.add(BAD, "the others: done", counts.done, "", f"at least {IMAGES - BAD_COUNT}")
    _tell_results(report, BAD, field.tally)
    report.add(BAD, "the slowest of the bad", slowest, "s", "at most 10")


def _spoilt(seed: int) -> bytes:
    """A file that begins as a picture and is none; each seed another one."""
    rng = np.random.default_rng(seed)
    kind = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")[seed % 6]
    data = bytearray(picture(100_000 + seed, kind, side=64))
    if kind == "PNG" and seed % 12 == 1:  # says that it is 60,000 x 60,000
        data[16:24] = (60_000).to_bytes(4, "big") * 2
        return bytes(data) + seed.to_bytes(4, "big")
    cut = int(len(data) * rng.uniform(0.15, 0.5))
    return bytes(data[:cut]) + seed.to_bytes(4, "big")


def _slowest(files: Sequence[bytes]) -> float:
    longest = 0.0
    with Decoder(children=1) as decoder:
        for data in files:
            begin = time.monotonic()
            try:
                decoder.decode(data, 96)
            except ImageError:
                longest = max(longest, time.monotonic() - begin)
            else:
                raise AssertionError("a spoilt picture was decoded")
    return longest


def soak(settings: Settings, report: Report, seconds: float = SOAK_SECONDS) -> None:
    """Images come and go all the time, every fourth with a caption, are encoded and captioned, and
    all captions are scored; and processes are looked at."""
    memory: list[tuple[float, int]] = []
    connections: list[int] = []
    begin, number = time.monotonic(), 0
    with (
        running("redis") as broker,
        working(settings, broker.url, _folder(settings, "soak"), "-c", "2", count=1) as (worker,),
        connect(settings) as conn,
    ):
        captioner = _captioner(conn)
        while time.monotonic() - begin < seconds:
            for _ in range(40):
                caption = None if number % 4 else f"{number} red kites"
                added = [picture(number, "JPEG", side=256), caption]
                conn.execute("SELECT blip_add(%s, caption => %s)", added)
                number += 1
            jobs.enqueue_missing(conn, captioner)
            conn.execute("DELETE FROM blip.images WHERE created_at < now() - interval '1 minute'")
            time.sleep(1)
            memory.append((time.monotonic() - begin, _resident(worker)))
            row = conn.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            ).fetchone()
            connections.append(row[0] if row else 0)
        _wait_for_none(conn)
        stuck = sum(counts.running for counts in jobs.all_counts(conn).values())
        lacking = _lacking(conn)
        assert worker.stop() == 0
    warm = min(WARM_SECONDS, seconds / 4)
    early = np.median([size for at, size in memory if warm <= at < 2 * warm])
    late = np.median([size for at, size in memory if at >= seconds - warm])
    words = f"{seconds / 60:.0f} minutes, {number:,} images"
    report.add(SOAK, f"{words}: memory of a worker and its processes", late / 2**20, "MiB")
    report.add(SOAK, "growth after the first minutes", 100 * (late - early) / early, "%",
               "at most 1")  # fmt: skip
    quarter = len(connections) // 4
    more = max(connections[-quarter:]) - max(connections[quarter : 2 * quarter])
    report.add(SOAK, "connections more at its end", more, "", "at most 0")
    report.add(SOAK, "leases that are stuck", stuck, "", "at most 0")
    report.add(SOAK, "vectors and scores that captions lack", lacking, "", "at most 0")


def _captioner(conn: Connection) -> Queue:
    row = conn.execute("SELECT model_id FROM blip.active_models WHERE role = 'captioner'")
    found = row.fetchone()
    assert found is not None
    return Queue(jobs.CAPTION, found[0])


def _lacking(conn: Connection) -> int:
    return sum(captions.waiting(conn, queue) for queue in captions.active(conn).queues())


def _wait_for_none(conn: Connection) -> None:
    deadline = time.monotonic() + 60
    while _lacking(conn) or any(counts.left for counts in jobs.all_counts(conn).values()):
        assert time.monotonic() < deadline
        time.sleep(0.5)


def _resident(worker: Celery) -> int:
    """Bytes of the worker's own processes; decoders are replaced now and then."""
    own = [psutil.Process(worker.process.pid), *worker.children()]
    return sum(process.memory_info().rss for process in own)


def _files(settings: Settings, count: int) -> Path:
    """Pictures, every fourth with two captions beside it."""
    folder = _folder(settings, "files")
    for seed in range(count):
        (folder / f"{seed:05}.jpg").write_bytes(picture(seed, "JPEG", side=128))
        if seed % 4 == 0:
            (folder / f"{seed:05}.txt").write_text("a red bicycle\na small dog\n")
    return folder


def _folder(settings: Settings, name: str) -> Path:
    folder = settings.home / "chaos" / name
    folder.mkdir(parents=True)
    return folder


def _tell(report: Report, section: str, tally: ordeal.Tally, faults: int, words: str) -> None:
    report.add(section, f"{words}; {tally.images:,} images: faults", faults, "")
    _tell_results(report, section, tally)
    for name, number in (
        ("jobs parked", tally.parked),
        ("looks at the queues whose states did not add up to all jobs", tally.inexact),
    ):
        report.add(section, name, number, "", "at most 0")


def _tell_results(report: Report, section: str, tally: ordeal.Tally) -> None:
    report.add(
        section, "captions whose vectors and scores are among the results", tally.captions, ""
    )
    for name, number in (
        ("results lost", tally.lost),
        ("results doubled", tally.doubled),
        ("results other than of an undisturbed run", tally.different),
    ):
        report.add(section, name, number, "", "at most 0")
