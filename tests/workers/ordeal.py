"""Ordeals of workers: processes, brokers and PostgreSQL die while they work.

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
from typing import NamedTuple

import psutil
import psycopg

from blipdb import registry
from blipdb.database import connection, jobs, schema
from blipdb.database.jobs import Counts, Queue
from blipdb.errors import BlipdbError, DatabaseError
from blipdb.host import cluster
from blipdb.ingest.run import ingest
from blipdb.model.compute import Compute
from blipdb.registry import Model
from blipdb.settings import Settings
from blipdb.types import Connection
from blipdb.work import stages
from blipdb.work.executors import run_jobs
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
# A model's results by what they are of: an image and what tells it from others of the same image.
RESULTS = {
    "vectors": "SELECT image_id, '', itc::text FROM blip.image_vectors WHERE model_id = %s",
    "tokens": "SELECT image_id, '', md5(tokens) FROM blip.image_tokens WHERE model_id = %s",
    "captions": "SELECT image_id, caption_id::text, text FROM blip.captions WHERE model_id = %s",
    "texts": "SELECT image_id, caption_id::text, coalesce(text_vector::text, 'none')"
    " FROM blip.captions WHERE encoder_id = %s",
    "scores": "SELECT image_id, caption_id::text, concat_ws(' ', itc, itm, unread)"
    " FROM blip.captions WHERE filter_id = %s",
}
# Has a stage's results made anew: the jobs of images are opened again, and captions that lack
# vector or scores are for workers to find.
FORGET = {
    jobs.ENCODE: "DELETE FROM blip.image_vectors WHERE model_id = %(model)s;"
    " DELETE FROM blip.image_tokens WHERE model_id = %(model)s",
    jobs.CAPTION: "DELETE FROM blip.captions WHERE model_id = %(model)s",
    jobs.TEXT: "UPDATE blip.captions SET text_vector = NULL, encoder_id = NULL"
    " WHERE encoder_id = %(model)s",
    jobs.SCORE: "UPDATE blip.captions SET itc = NULL, itm = NULL, unread = NULL, filter_id = NULL"
    " WHERE filter_id = %(model)s",
}
OF_IMAGES = (jobs.ENCODE, jobs.CAPTION)  # their jobs are enqueued, and so known by number


@dataclass
class Tally:
    """Result of an ordeal. ``jobs`` are those of images, ``captions`` those that were compared;
    ``extra`` counts runs of jobs beyond one each; ``inexact`` looks at the queues that did not add
    up."""

    images: int = 0
    jobs: int = 0
    captions: int = 0
    faults: int = 0
    lost: int = 0
    doubled: int = 0
    different: int = 0
    parked: int = 0
    inexact: int = 0
    extra: int = 0


class Look(NamedTuple):
    """The state of the work at one moment: ``left`` are open jobs, and captions without vector or
    scores; ``ended`` are jobs of images, and captions' results, that there are."""

    left: int
    ended: int


class Field:
    """Images in two databases of a private cluster: ``settings`` is disturbed, ``calm`` is not."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        with psycopg.connect(settings.database_url(), autocommit=True) as conn:
            name = conn.info.dbname
            conn.execute(f"CREATE DATABASE {name}_calm".encode())
        calm = settings.database_url().replace(f"/{name}?", f"/{name}_calm?")
        self.calm = Settings(settings.home, calm)
        schema.init(calm, self.calm)
        self.tally = Tally()
        self._made = 0
        self._calms: dict[int, int] = {}  # a model's id here, and there
        self._derived = 0  # jobs of captions, at the last look

    def connect(self) -> Connection:
        """Connect to the disturbed database, waiting for a PostgreSQL that is restarting."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return connection.connect(self.settings.database_url(), autocommit=True)
            except DatabaseError:
                assert time.monotonic() < deadline
                time.sleep(0.2)

    def model(self, *roles: str) -> Model:
        """Register one more model, active in both databases, and have the calm one run it on all
        images and captions."""
        self._made += 1
        folder = self.settings.home / f"made{self._made}"
        compute = Compute("int8")
        made = tiny_artifact(folder, self._made, arch=WORKING, compute=compute, roles=roles)
        model, calm = (self._register(each, made.folder) for each in (self.settings, self.calm))
        self._calms[model.model_id] = calm.model_id
        if model.encodes:
            self.tally.jobs += self.tally.images
        run_jobs(self.calm)
        return model

    def _register(self, settings: Settings, folder: Path) -> Model:
        with connection.connect(settings.database_url(), autocommit=True) as conn:
            return registry.register(conn, settings, folder)

    def store(self, files: Path, *, bad: int = 0) -> None:
        """Ingest files, ``bad`` of which can't be: the calm database encodes them, the other leaves
        that to workers."""
        report = ingest(self.calm, [files])
        assert (report.waiting, report.parked, len(report.failed)) == (0, 0, bad)
        self.tally.images = report.added + bad
        self.tally.jobs += report.added + bad
        ingest(self.settings, [files], notify=lambda stage: None, wait=False)

    def enqueue(self, queue: Queue) -> None:
        """Enqueue jobs of images that lack the queue's result; the calm database runs them now."""
        with connection.connect(self.calm.database_url(), autocommit=True) as conn:
            stages.enqueue_missing(conn, Queue(queue.stage, self._calms[queue.model_id]))
        run_jobs(self.calm)
        with self.connect() as conn:
            self.tally.jobs += stages.enqueue_missing(conn, queue)

    def again(self, *queues: Queue) -> None:
        """Compare all results so far, and have those of some queues made again."""
        self.compare()
        with self.connect() as conn, conn.transaction():
            for queue in queues:
                for statement in FORGET[queue.stage].split(";"):
                    conn.execute(statement.encode(), {"model": queue.model_id})
                if queue.stage in OF_IMAGES:
                    conn.execute(
                        "UPDATE blip.jobs SET state = 'p', attempts = 0, run_after = now()"
                        " WHERE stage = %s AND model_id = %s",
                        [queue.stage, queue.model_id],
                    )

    def left(self) -> int:
        """Amount of work that is left."""
        return self.look().left

    def look(self) -> Look:
        """Read the state of the work, as of one moment.

        The jobs of images are as many as were enqueued, whatever state they are in. Those of
        captions appear as captions do, each beside an image that has one, and never go.
        """
        with self.connect() as conn, conn.transaction():
            conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            counts = jobs.all_counts(conn)
            row = conn.execute(
                """
                SELECT count(*), count(c.encoder_id) FILTER (WHERE c.encoder_id = e.model_id),
                       count(c.filter_id) FILTER (WHERE c.filter_id = f.model_id)
                FROM blip.captions c
                LEFT JOIN blip.active_models e ON e.role = 'retrieval'
                LEFT JOIN blip.active_models f ON f.role = 'filter'
                """
            ).fetchone()
            strays = conn.execute(
                "SELECT count(*) FROM blip.jobs WHERE stage <> ALL (%s)"
                " AND image_id NOT IN (SELECT image_id FROM blip.captions)",
                [list(OF_IMAGES)],
            ).fetchone()
        assert row is not None
        assert strays is not None
        captions, embedded, scored = row
        known = [c for queue, c in counts.items() if queue.stage in OF_IMAGES]
        derived = sum(map(_all, counts.values())) - sum(map(_all, known))
        self.tally.inexact += (
            sum(map(_all, known)) != self.tally.jobs or derived < self._derived or strays[0] > 0
        )
        self._derived = derived
        left = sum(c.left for c in counts.values()) + 2 * captions - embedded - scored
        return Look(left, sum(c.done + c.parked for c in known) + embedded + scored)

    def settle(self, disturb: Callable[[], object] = lambda: None) -> None:
        """Wait until all jobs have ended and no caption lacks anything, and keep disturbing
        meanwhile."""
        most, since = -1, time.monotonic()
        while (seen := self.look()).left:
            if seen.ended > most:
                most, since = seen.ended, time.monotonic()
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

    def compare(self) -> None:
        """Add to the tally what models' results lack, have twice, or have otherwise, to the last
        digit."""
        for (model_id, calm_id), query in product(self._calms.items(), RESULTS.values()):
            calm = dict(self._rows(self.calm, query, calm_id))
            rows = self._rows(self.settings, query, model_id)
            real = dict(rows)
            self.tally.doubled += len(rows) - len(real)
            self.tally.lost += len(calm.keys() - real.keys())
            self.tally.different += len(real.keys() - calm.keys())
            self.tally.different += sum(real[key] != calm[key] for key in calm.keys() & real.keys())
        with self.connect() as conn:
            self.tally.parked += sum(c.parked for c in jobs.all_counts(conn).values())
            row = conn.execute(
                "SELECT (SELECT sum(attempts) - count(*) FROM blip.jobs),"
                " (SELECT count(*) FROM blip.captions)"
            ).fetchone()
            assert row is not None
            self.tally.extra += int(row[0])
            self.tally.captions += row[1]

    def _rows(
        self, settings: Settings, query: str, model_id: int
    ) -> list[tuple[tuple[object, str], str]]:
        with connection.connect(settings.database_url()) as conn:
            rows = conn.execute(query.encode(), [model_id]).fetchall()
        return [((id, key), value) for id, key, value in rows]


def _all(counts: Counts) -> int:
    return counts.left + counts.done + counts.parked


def supervise(workers: Sequence[Celery]) -> None:
    """Restart workers that ended: one gives up whose first child dies before it is ready."""
    for worker in workers:
        if worker.process.poll() is not None:
            worker.start()


def kill_a_worker(workers: Sequence[Celery], chance: random.Random) -> bool:
    """SIGKILL one of the working processes, now and then a whole worker, which is restarted. Return
    False if there was none."""
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
    """Stop PostgreSQL as ``pg_ctl stop -m immediate`` does, which is like a crash."""
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
