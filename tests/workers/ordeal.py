"""What workers have to survive: processes, brokers and PostgreSQL that die while they work.

Its models have random weights in int8: integer products make a result equal to the last bit,
whatever the batch it was computed in, so that a run can be compared with an undisturbed one.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import psutil
import psycopg

from blipdb import cluster, jobs, registry
from blipdb import database as databases
from blipdb.compute import Compute
from blipdb.encode import run_jobs
from blipdb.errors import BlipdbError, DatabaseError
from blipdb.ingest import ingest
from blipdb.jobs import Connection, Queue
from blipdb.registry import Model
from blipdb.settings import Settings
from tests.tiny import ARCHITECTURE, tiny_artifact
from tests.workers.brokers import Broker
from tests.workers.celeries import Celery

# Some milliseconds an image: long enough to be killed in, at each of its steps.
WORKING = replace(
    ARCHITECTURE,
    image_size=96,
    vision_width=192,
    vision_layers=6,
    vision_heads=6,
    vision_mlp=768,
)
WAIT_SECONDS = 120
LOOK_SECONDS = 0.25
RESULTS = {
    "vectors": "SELECT image_id, '', itc::real[] FROM blip.image_vectors WHERE model_id = %s"
    " ORDER BY 1",
    "tokens": "SELECT image_id, md5(tokens), NULL FROM blip.image_tokens WHERE model_id = %s"
    " ORDER BY 1",
    "captions": "SELECT image_id, caption_id::text, NULL FROM blip.captions WHERE model_id = %s"
    " ORDER BY 1, 2",
    "texts": "SELECT image_id, caption_id::text, text_vector::real[] FROM blip.captions"
    " WHERE encoder_id = %s ORDER BY 1, 2",
    "scores": "SELECT image_id, caption_id::text, ARRAY[itc, itm] FROM blip.captions"
    " WHERE filter_id = %s ORDER BY 1, 2",
}
TABLES = {jobs.ENCODE: ("image_vectors", "image_tokens"), jobs.CAPTION: ("captions",)}
CLOSE = 2e-3  # of halfvec, and of float32 summed over texts of other lengths


@dataclass
class Tally:
    """What an ordeal came to. ``extra`` counts runs of jobs beyond one each; ``inexact`` looks at
    the queues that did not add up."""

    images: int = 0
    jobs: int = 0
    faults: int = 0
    lost: int = 0
    doubled: int = 0
    different: int = 0
    parked: int = 0
    inexact: int = 0
    extra: int = 0


class Field:
    """Images in two databases of a private cluster: ``settings`` suffers, ``calm`` does not."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        with psycopg.connect(settings.database_url(), autocommit=True) as conn:
            name = conn.info.dbname
            conn.execute(f"CREATE DATABASE {name}_calm".encode())
        calm = settings.database_url().replace(f"/{name}?", f"/{name}_calm?")
        self.calm = Settings(settings.home, calm)
        databases.init(calm, self.calm)
        self.tally = Tally()
        self._made = 0
        self._calms: dict[int, int] = {}  # a model's id here, and there

    def connect(self) -> Connection:
        """A connection to the one that suffers; a PostgreSQL that is restarting is waited for."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return databases.connect(self.settings.database_url(), autocommit=True)
            except DatabaseError:
                assert time.monotonic() < deadline
                time.sleep(0.2)

    def model(self, *roles: str, encode: bool = False) -> Model:
        """One more model, active in both databases; with ``encode`` the images that are there are
        its to encode, and the calm one has done so."""
        self._made += 1
        folder = self.settings.home / f"made{self._made}"
        compute = Compute("int8")
        made = tiny_artifact(folder, self._made, arch=WORKING, compute=compute, roles=roles)
        model, calm = (self._register(each, made.folder) for each in (self.settings, self.calm))
        self._calms[model.model_id] = calm.model_id
        if encode:
            run_jobs(self.calm, stages=[jobs.ENCODE])
            self.tally.jobs += self.tally.images
        return model

    def _register(self, settings: Settings, folder: Path) -> Model:
        with databases.connect(settings.database_url(), autocommit=True) as conn:
            return registry.register(conn, settings, folder)

    def store(self, files: Path, *, bad: int = 0) -> None:
        """Take files in: the calm one encodes them, the other leaves that to workers, and that
        some can't be."""
        report = ingest(self.calm, [files])
        assert (report.waiting, report.parked, len(report.failed)) == (0, 0, bad)
        self.tally.images = report.added + bad
        self.tally.jobs += report.added + bad
        ingest(self.settings, [files], ring=lambda stage: None, wait=False)

    def enqueue(self, queue: Queue) -> None:
        """What the images lack there: the calm one does it now."""
        with databases.connect(self.calm.database_url(), autocommit=True) as conn:
            jobs.enqueue_missing(conn, Queue(queue.stage, self._calms[queue.model_id]))
        run_jobs(self.calm, stages=[queue.stage])
        with self.connect() as conn:
            self.tally.jobs += jobs.enqueue_missing(conn, queue)

    def again(self, *queues: Queue) -> None:
        """Compare what queues gave so far, and have all of it done once more."""
        self.compare(*{queue.model_id for queue in queues})
        with self.connect() as conn, conn.transaction():
            for queue in queues:
                for table in TABLES[queue.stage]:
                    query = f"DELETE FROM blip.{table} WHERE model_id = %s"
                    conn.execute(query.encode(), [queue.model_id])
                conn.execute(
                    "UPDATE blip.jobs SET state = 'p', attempts = 0, run_after = now()"
                    " WHERE stage = %s AND model_id = %s",
                    [queue.stage, queue.model_id],
                )

    def left(self) -> int:
        """How many jobs are still to end. Looks at all queues at once, whose sum never changes."""
        with self.connect() as conn:
            counts = list(jobs.all_counts(conn).values())
        states = sum(c.pending + c.running + c.done + c.parked for c in counts)
        self.tally.inexact += states != self.tally.jobs
        return sum(c.left for c in counts)

    def settle(self, disturb: Callable[[], object] = lambda: None) -> None:
        """Wait until all jobs have ended, and go on disturbing them meanwhile."""
        least, since = self.left(), time.monotonic()
        while left := self.left():
            if left < least:
                least, since = left, time.monotonic()
            assert time.monotonic() - since < WAIT_SECONDS, self.unfinished()
            disturb()
            time.sleep(LOOK_SECONDS)

    def unfinished(self) -> str:
        with self.connect() as conn:
            rows = conn.execute(
                "SELECT stage, model_id, state, attempts, run_after, lease, error, count(*)"
                " FROM blip.jobs WHERE state <> 'd' GROUP BY 1, 2, 3, 4, 5, 6, 7 LIMIT 20"
            ).fetchall()
        return "\n".join(map(str, rows))

    def compare(self, *model_ids: int) -> None:
        """Add to the tally what models' results lack, have twice, or have otherwise."""
        for model_id, query in product(model_ids, RESULTS.values()):
            calm = self._rows(self.calm, query, self._calms[model_id])
            real = self._rows(self.settings, query, model_id)
            keys = [key for key, _ in real]
            self.tally.doubled += len(keys) - len(set(keys))
            found = dict(real)
            self.tally.lost += sum(key not in found for key, _ in calm)
            self.tally.different += len(found.keys() - {key for key, _ in calm}) + sum(
                key in found and not _alike(found[key], values) for key, values in calm
            )
        with self.connect() as conn:
            self.tally.parked += sum(c.parked for c in jobs.all_counts(conn).values())
            row = conn.execute("SELECT sum(attempts) - count(*) FROM blip.jobs").fetchone()
            assert row is not None
            self.tally.extra += int(row[0])

    def _rows(
        self, settings: Settings, query: str, model_id: int
    ) -> list[tuple[tuple[object, str], list[float]]]:
        with databases.connect(settings.database_url()) as conn:
            rows = conn.execute(query.encode(), [model_id]).fetchall()
        return [((id, key), values or []) for id, key, values in rows]


def _alike(one: list[float], other: list[float]) -> bool:
    return one == other or bool(np.allclose(one, other, rtol=0, atol=CLOSE))


def supervise(workers: Sequence[Celery]) -> None:
    """Start anew what ended: a worker gives up whose first child dies before it is ready."""
    for worker in workers:
        if worker.process.poll() is not None:
            worker.start()


def kill_a_worker(workers: Sequence[Celery], chance: random.Random) -> bool:
    """SIGKILL one of the processes that work; now and then a whole worker, which is started anew.
    False where none was there to be killed."""
    worker = chance.choice(workers)
    if chance.random() < 0.05:
        worker.kill()
        worker.start()
        return True
    with suppress(psutil.Error):
        if children := worker.children():
            chance.choice(children).kill()
            return True
    return False


def kill_broker(broker: Broker, chance: random.Random) -> None:
    broker.kill()
    time.sleep(chance.uniform(0, 2))
    broker.start()


def stop_postgresql(settings: Settings, chance: random.Random) -> None:
    """As ``pg_ctl stop -m immediate``, which is how a crash looks."""
    status = cluster.status(settings)
    assert status.pid is not None
    os.kill(status.pid, signal.SIGQUIT)
    psutil.wait_procs([psutil.Process(status.pid)] if psutil.pid_exists(status.pid) else [], 30)
    time.sleep(chance.uniform(0, 2))
    deadline = time.monotonic() + 60
    while True:
        try:
            cluster.up(settings)
            return
        except BlipdbError:
            assert time.monotonic() < deadline
            time.sleep(0.5)


@contextmanager
def prepared(settings: Settings, files: Path, *, bad: int = 0) -> Iterator[tuple[Field, Model]]:
    """A field whose images are stored, and the model that is to encode them."""
    field = Field(settings)
    model = field.model("retrieval", "captioner")
    field.store(files, bad=bad)
    yield field, model
