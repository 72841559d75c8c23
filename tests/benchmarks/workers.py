"""Workers on a broker: how much of the encoder's speed is left, and what the queue can do."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from blipdb import registry
from blipdb.database import connection, jobs
from blipdb.database.jobs import Queue
from blipdb.images.decode import Decoder
from blipdb.model.compute import MERGED_TOKENS, Compute
from blipdb.model.runtime import Encoded, Runtime
from blipdb.registry import Model
from blipdb.settings import Settings
from blipdb.types import Connection
from blipdb.work import stages
from blipdb.work.context import StageContext
from blipdb.work.stages.base import MAX_BATCH, batch_size
from tests.album import picture
from tests.benchmarks.report import Report
from tests.benchmarks.world import connect
from tests.tiny import ARCHITECTURE, tiny_artifact
from tests.workers.brokers import running
from tests.workers.celeries import working

PIPELINE = "Workers: pipeline"
QUEUE = "Workers: the queue"
# ViT-B/16 at 384 pixels; the text transformer, which encoding images doesn't run, stays tiny.
BASE = replace(
    ARCHITECTURE,
    image_size=384,
    vision_width=768,
    vision_layers=12,
    vision_heads=12,
    vision_mlp=3072,
)
CORES = os.cpu_count() or 1
SIDE = 256  # of the pictures, as JPEG
WRITTEN = 12_000
MANY = 1_000_000


def measure(settings: Settings, report: Report) -> None:
    with connect(settings) as conn:
        scenes = registry.active(conn, "retrieval")
    _pipeline(settings, report, scenes, "scenes", 6_000)
    base = _base(settings)
    _pipeline(settings, report, base, "a base model", 120)
    _writing(settings, report, scenes)
    _a_million(settings, report, scenes)


def _base(settings: Settings) -> Model:
    compute = Compute("int8", MERGED_TOKENS)
    made = tiny_artifact(settings.home / "base", name="base", arch=BASE, compute=compute)
    with connect(settings) as conn:
        return registry.register(conn, settings, made.folder)


def _pipeline(settings: Settings, report: Report, model: Model, name: str, count: int) -> None:
    """Images in the database, encoded by Celery's processes; beside as many processes that do
    nothing but encode pixels in memory."""
    alone = {n: _alone(model.folder(settings), model, n) for n in sorted({1, CORES})}
    with running("redis") as broker:
        speeds = {n: _through(settings, model, broker.url, n, count * n // CORES) for n in alone}
    for n, speed in speeds.items():
        what = f"{name}: encoded by {n} process{'es' if n > 1 else ''}"
        report.add(PIPELINE, what, speed, "images/s")
    # One process keeps a core busy with the model, and of scenes, which takes a millisecond, half
    # of another with decoding and PostgreSQL: two can't be twice as fast on two cores.
    is_large = name != "scenes"
    whole = f"{name}: {CORES} processes"
    target = "at least 0.9" if is_large else None
    twice = f"at least {0.9 * CORES:g}" if is_large else None
    report.add(PIPELINE, whole, speeds[CORES] / alone[CORES], "", target,
               f"{CORES} processes that only encode, {alone[CORES]:,.1f} images/s")  # fmt: skip
    report.add(PIPELINE, whole, speeds[CORES] / speeds[1], "", twice, "one process")  # fmt: skip


def _alone(folder: Path, model: Model, processes: int) -> float:
    """Images a second of so many processes that do nothing else."""
    program = f"""
import sys, time; import numpy as np; from blipdb.model.runtime import Runtime
runtime = Runtime.load({str(folder)!r}, graphs=["image"])
rng = np.random.default_rng(0)
shape = ({batch_size(model)}, {model.image_size}, {model.image_size}, 3)
pixels = rng.integers(0, 256, shape, dtype=np.uint8)
runtime.encode_images(pixels); print("ready", flush=True); sys.stdin.readline()
begin = time.perf_counter(); count = 0
while time.perf_counter() - begin < 5:
    runtime.encode_images(pixels); count += len(pixels)
print(count / (time.perf_counter() - begin))
"""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    for process in started:
        assert process.stdout is not None
        process.stdout.readline()
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    return sum(float(process.communicate()[0]) for process in started)


def _through(settings: Settings, model: Model, broker: str, processes: int, count: int) -> float:
    """Images a second from the first batch of a worker that has its model to its last."""
    folder = settings.home / f"work{model.model_id}-{processes}"
    folder.mkdir()
    with (
        connect(settings) as conn,
        working(settings, broker, folder, "-c", str(processes), "-Q", "blipdb.encode"),
    ):
        _add(
            conn, 2 * batch_size(model) * processes, seed=10_000_000 * processes
        )  # wakes them, and warms
        _wait(conn, model.encoding, 0)
        conn.execute("DELETE FROM blip.images")
        conn.execute("VACUUM")
        with conn.transaction():
            _add(conn, count, seed=0)
        done = jobs.counts(conn, model.encoding).done
        while jobs.counts(conn, model.encoding).done <= done:
            time.sleep(0.01)
        begin = time.perf_counter()
        first = jobs.counts(conn, model.encoding)
        _wait(conn, model.encoding, 0)
        seconds = time.perf_counter() - begin
        conn.execute("DELETE FROM blip.images")
        return first.left / seconds


def _add(conn: Connection, count: int, seed: int) -> None:
    for n in range(seed, seed + count):
        conn.execute("SELECT blip_add(%s)", [picture(n, "JPEG", side=SIDE)])


def _wait(conn: Connection, queue: Queue, left: int) -> None:
    while jobs.counts(conn, queue).left > left:
        time.sleep(0.02)


class _Instant:
    """In a runtime's place, to see what is left when the model takes no time."""

    def __init__(self, encoded: Encoded) -> None:
        self._encoded = encoded

    def encode_images(self, pixels: np.ndarray) -> Encoded:
        n = len(pixels)
        return Encoded(self._encoded.itc[:n], self._encoded.tokens[:n], self._encoded.scales[:n])


def _writing(settings: Settings, report: Report, model: Model) -> None:
    """Leasing, writing and closing alone, by a process for each core."""
    encoder = _alone(model.folder(settings), model, CORES)
    with connect(settings) as conn:
        registry.activate(conn, model.digest)
        _rows(conn, WRITTEN)
        jobs.enqueue_missing(conn, model.encoding)
    program = (
        "import sys; from tests.benchmarks.workers import write;"
        f"write({str(settings.home)!r}, {model.digest!r})"
    )
    begin = time.perf_counter()
    started = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(CORES)]
    codes = [process.wait() for process in started]
    assert codes == [0] * CORES
    with connect(settings) as conn:
        assert jobs.counts(conn, model.encoding).done == WRITTEN
        conn.execute("TRUNCATE blip.images CASCADE")
    speed = WRITTEN / (time.perf_counter() - begin - _start_seconds())
    report.add(QUEUE, f"images leased, written and closed by {CORES} processes", speed, "a second")
    report.add(QUEUE, "the same, of scenes", speed / encoder, "", "at least 5",
               f"what {CORES} processes encode, {encoder:,.0f} images/s")  # fmt: skip


def _start_seconds() -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import tests.benchmarks.workers"], check=True)
    return time.perf_counter() - begin


def write(home: str, digest: str) -> None:
    """Run all that is due with a model that takes no time; in a process of its own."""
    settings = Settings(Path(home))
    with connect(settings) as conn, Decoder(children=1) as decoder:
        model = registry.find(conn, digest)
        runtime = Runtime.load(model.folder(settings), graphs=["image"])
        size = model.image_size
        pixels = np.zeros((MAX_BATCH, size, size, 3), np.uint8)
        instant = _Instant(runtime.encode_images(pixels))
        context = StageContext(conn, model, instant, decoder)  # type: ignore[arg-type]
        while lease := jobs.lease(conn, model.encoding, context.token, batch_size(model)):
            stages.run(context, lease, dict(zip(lease.image_ids, pixels, strict=False)))


def _rows(conn: Connection, count: int) -> None:
    """Rows of images that have no content."""
    conn.execute(
        "INSERT INTO blip.images (image_id, sha256, mime, width, height, bytes)"
        " SELECT md5(n::text)::uuid, sha256(n::text::bytea), 'image/png', 1, 1, 1"
        " FROM generate_series(1, %s) n",
        [count],
    )


def _a_million(settings: Settings, report: Report, model: Model) -> None:
    """Measure finding work among many jobs, and cleaning up after a worker there."""
    times = {}
    for count in (10_000, MANY):
        with _filled(settings, model, count) as conn:
            token = jobs.hold(conn)
            lease: list[float] = []
            for _ in range(200):
                begin = time.perf_counter()
                held = jobs.lease(conn, model.encoding, token, MAX_BATCH)
                lease.append(time.perf_counter() - begin)
                assert held is not None
                jobs.complete(conn, held, held.image_ids)
            times[count] = float(np.median(lease)), _timed(conn, model)
    few, many = times[10_000], times[MANY]
    report.add(QUEUE, "leasing a batch among a million", 1000 * many[0], "ms")
    report.add(QUEUE, "the same", many[0] / few[0], "", None, "among ten thousand")
    report.add(QUEUE, "exact counts of a million jobs", 1000 * many[1], "ms")


@contextmanager
def _filled(settings: Settings, model: Model, count: int) -> Iterator[Connection]:
    with connection.connect(settings.database_url(), autocommit=True) as conn:
        _rows(conn, count)
        jobs.enqueue_missing(conn, model.encoding)
        conn.execute("VACUUM ANALYZE blip.jobs")
        yield conn
        conn.execute("TRUNCATE blip.images CASCADE")


def _timed(conn: Connection, model: Model) -> float:
    begin = time.perf_counter()
    jobs.counts(conn, model.encoding)
    return time.perf_counter() - begin
