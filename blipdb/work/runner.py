"""Runs of a stage in a worker process: some seconds of work on it, with the models that it needs.

The process keeps two connections, a decoder, and the models that it used last, as these are
expensive to make. While one thread runs a model, the other leases, reads, decodes and writes.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

import psycopg

from .. import registry
from ..database import captions, jobs, requirements
from ..database.failures import translate
from ..database.jobs import Queue
from ..errors import ModelError, SetupError
from ..host.rate_limit import RateLimitedLog
from ..images.decode import Decoder
from ..model import machine
from ..model.runtime import Runtime
from ..registry import Model
from ..settings import Settings
from ..types import Connection
from . import attachments, pool, stages
from .context import Outcome
from .pool import WorkerPool, WorkerSession, open_session
from .stages.base import MAX_BATCH

log = logging.getLogger(__name__)

THREADS = 2
LONG_QUEUE = THREADS * MAX_BATCH  # due jobs
MAX_MODELS = 3  # in memory at a time: one for each role that works on queues
RETRY_HINT = "the worker goes on by itself."

Stop = Callable[[], bool]


@dataclass(frozen=True)
class StageRun:
    """Result of a run of a stage."""

    outcomes: dict[Queue, Outcome]

    more: bool
    """The stage has more to do now."""

    rows: int = 0
    """Number of rows of attached tables that were linked."""


class StageRunner:
    """Runs stages for some seconds at a time; one caller at a time.

    After an error the next run opens its connections and decoder again.
    """

    def __init__(self, settings: Settings) -> None:
        """Open nothing before the first run: the process may yet fork."""
        self._settings = settings
        self._stack = ExitStack()
        self._sessions: list[WorkerSession] = []
        self._decoder: Decoder | None = None
        self._runtimes: OrderedDict[int, Runtime] = OrderedDict()
        self._errors = RateLimitedLog(log, logging.ERROR)

    def is_long(self, stage: str) -> bool:
        """Return whether a stage has more due jobs that can be run here than one process takes at
        once.

        Raises:
            DatabaseError: the database is gone, or not one for this version.
        """
        with self._reopening_after_errors():
            conn = self._open()
            if stage == jobs.ATTACH:
                return False  # one process at a time
            counts = (
                jobs.due(conn, queue, LONG_QUEUE + 1) for queue, _ in self._queues(conn, stage)
            )
            return sum(counts) > LONG_QUEUE

    def run(self, stage: str, seconds: float, stop: Stop) -> StageRun:
        """Run due jobs of a stage for so many seconds, and a batch more; ``stop`` is asked before
        each batch. If several models have work, each gets its share of the time.

        Raises:
            DatabaseError: the database is gone, full, or not one for this version.
        """
        outcomes: dict[Queue, Outcome] = {}
        with self._reopening_after_errors():
            conn = self._open()
            if stage == jobs.ATTACH:
                return self._attach(conn, partial(_ends, time.monotonic() + seconds, stop))
            queues = self._queues(conn, stage)
            for queue, model in queues:
                until = time.monotonic() + seconds / len(queues)
                outcomes[queue] = self._drain(queue, model, partial(_ends, until, stop))
            return StageRun(outcomes, bool(self._queues(conn, stage)))

    def _attach(self, conn: Connection, stop: Stop) -> StageRun:
        steps = list(attachments.work(conn, stop))
        more = any(map(any, steps)) and attachments.is_due(conn)  # else it waits for somebody
        return StageRun({}, more, sum(step.linked for step in steps))

    def close(self) -> None:
        """Close connections and decoder; the next run opens them again. Models stay."""
        self._sessions, self._decoder = [], None
        stack, self._stack = self._stack, ExitStack()
        stack.close()

    @contextmanager
    def _reopening_after_errors(self) -> Iterator[None]:
        try:
            with translate(RETRY_HINT):
                yield
        except BaseException:
            self.close()
            raise

    def _open(self) -> Connection:
        if not all(_is_alive(session.conn) for session in self._sessions):
            self.close()  # PostgreSQL has restarted since the last run
        if not self._sessions:
            machine.limit_heaps(THREADS)  # each run's threads are new ones
            for _ in range(THREADS):
                self._sessions.append(open_session(self._settings, self._stack))
            requirements.check_worker(self._sessions[0].conn)
        return self._sessions[0].conn

    def _queues(self, conn: Connection, stage: str) -> list[tuple[Queue, Model]]:
        """List a stage's queues with due jobs that can be run here. If none has any, captions that
        lack the stage's result are looked for."""
        due = jobs.queues(conn, [stage], due=True)
        if not due and stages.get(stage).caption_column:
            due = [
                queue
                for queue in captions.active(conn).queues()
                if queue.stage == stage and captions.enqueue(conn, queue)
            ]
        queues = pool.runnable(conn, due)
        return [(queue, model) for queue, model in queues if self._load(queue, model)]

    def _load(self, queue: Queue, model: Model) -> bool:
        """Load a queue's graphs. Return False, with a log line now and then, if that can't be."""
        try:
            graphs = stages.get(queue.stage).graphs
            runtime = self._runtimes.get(model.model_id)
            if runtime is None:
                runtime = registry.load(self._settings, model, *graphs)
                self._runtimes[model.model_id] = runtime
            else:
                runtime.open(*graphs)
        except (ModelError, SetupError) as error:
            self._errors.log(str(error))
            return False
        self._runtimes.move_to_end(model.model_id)
        while len(self._runtimes) > MAX_MODELS:
            self._runtimes.popitem(last=False)
        return True

    def _drain(self, queue: Queue, model: Model, stop: Stop) -> Outcome:
        if self._decoder is None:
            self._decoder = self._stack.enter_context(Decoder(children=1))
        runtime = self._runtimes.get(model.model_id)
        if runtime is None:  # it was evicted by another model of this very run
            self._load(queue, model)
            runtime = self._runtimes[model.model_id]
        workers = WorkerPool(self._sessions, queue, model, runtime, self._decoder, at_once=1)
        return sum(workers.drain(stop), Outcome())


def _is_alive(conn: Connection) -> bool:
    try:
        conn.execute("SELECT")
    except psycopg.OperationalError:
        return False
    return True


def _ends(until: float, stop: Stop) -> bool:
    return time.monotonic() >= until or stop()
