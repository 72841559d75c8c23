"""A worker process's shifts: some seconds of work on a stage, whatever models it needs.

The process keeps what is dear to make: two connections, a decoder, and the models it used last.
While one thread has a model at work, the other leases, reads, decodes and writes.
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
from ..database.failures import explained
from ..database.jobs import Queue
from ..errors import ModelError, SetupError
from ..host.rate_limit import Telling
from ..images.decode import Decoder
from ..model import memory
from ..model.runtime import Runtime
from ..registry import Model
from ..settings import Settings
from ..types import Connection
from . import attachments, pool
from .pool import Crew, Seat
from .worker import MAX_BATCH, Outcome

log = logging.getLogger(__name__)

THREADS = 2
MANY = THREADS * MAX_BATCH
MAX_MODELS = 3  # in memory at a time: one for each role that works on queues

Stop = Callable[[], bool]


@dataclass(frozen=True)
class Turn:
    """What a shift did, by queue, and whether its stage has more to do now; ``rows`` of attached
    tables that it linked."""

    outcomes: dict[Queue, Outcome]
    more: bool
    rows: int = 0


class Shifts:
    """One caller at a time. After an error the next shift begins with everything anew."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is opened before the first shift: the process may yet fork."""
        self._settings = settings
        self._opened = ExitStack()
        self._seats: list[Seat] = []
        self._decoder: Decoder | None = None
        self._runtimes: OrderedDict[int, Runtime] = OrderedDict()
        self._telling = Telling()

    def is_long(self, stage: str) -> bool:
        """Whether a stage has more to do now, that can be done here, than one process would take at
        once.

        Raises:
            DatabaseError: the database is gone, or not one for this version.
        """
        with self._anew_after_errors():
            conn = self._open()
            if stage == jobs.ATTACH:
                return False  # one process at a time
            counts = (jobs.due(conn, queue, MANY + 1) for queue, _ in self._queues(conn, stage))
            return sum(counts) > MANY

    def work(self, stage: str, seconds: float, stop: Stop) -> Turn:
        """Run due jobs of a stage for so many seconds, and a batch more; ``stop`` is asked before
        each batch. Where several models have work, each gets its share.

        Raises:
            DatabaseError: the database is gone, full, or not one for this version.
        """
        outcomes: dict[Queue, Outcome] = {}
        with self._anew_after_errors():
            conn = self._open()
            if stage == jobs.ATTACH:
                return self._attach(conn, partial(_ends, time.monotonic() + seconds, stop))
            queues = self._queues(conn, stage)
            for queue, model in queues:
                until = time.monotonic() + seconds / len(queues)
                outcomes[queue] = self._run(queue, model, partial(_ends, until, stop))
            return Turn(outcomes, bool(self._queues(conn, stage)))

    def _attach(self, conn: Connection, stop: Stop) -> Turn:
        steps = list(attachments.work(conn, stop))
        more = any(map(any, steps)) and attachments.is_due(conn)  # else it waits for somebody
        return Turn({}, more, sum(step.linked for step in steps))

    def close(self) -> None:
        """Let go of connections and decoder; the next shift opens them anew. Models stay."""
        self._seats, self._decoder = [], None
        opened, self._opened = self._opened, ExitStack()
        opened.close()

    @contextmanager
    def _anew_after_errors(self) -> Iterator[None]:
        try:
            with explained(pool.WORKER_AGAIN):
                yield
        except BaseException:
            self.close()
            raise

    def _open(self) -> Connection:
        if not all(_is_alive(seat.conn) for seat in self._seats):
            self.close()  # PostgreSQL has restarted since the last shift
        if not self._seats:
            memory.few_heaps(THREADS)  # each shift's threads are new ones
            for _ in range(THREADS):
                self._seats.append(pool.take_seat(self._settings, self._opened))
            requirements.check_worker(self._seats[0].conn)
        return self._seats[0].conn

    def _queues(self, conn: Connection, stage: str) -> list[tuple[Queue, Model]]:
        """A stage's queues with due jobs that can be run here. Where none has any, captions may
        lack what it gives."""
        due = [queue for queue in jobs.queues(conn, due=True) if queue.stage == stage]
        if not due and stage in captions.COLUMNS:
            due = [
                queue
                for queue in captions.active(conn).queues()
                if queue.stage == stage and captions.enqueue(conn, queue)
            ]
        found = pool.runnable(conn, due)
        return [(queue, model) for queue, model in found if self._load(queue, model)]

    def _load(self, queue: Queue, model: Model) -> bool:
        """Have a queue's graphs in memory; False, and said now and then, where that can't be."""
        try:
            runtime = self._runtimes.get(model.model_id)
            if runtime is None:
                runtime = registry.load(self._settings, model, *pool.GRAPHS[queue.stage])
                self._runtimes[model.model_id] = runtime
            else:
                runtime.open(*pool.GRAPHS[queue.stage])
        except (ModelError, SetupError) as error:
            if self._telling.is_due(str(error)):
                log.error("%s", error)
            return False
        self._runtimes.move_to_end(model.model_id)
        while len(self._runtimes) > MAX_MODELS:
            self._runtimes.popitem(last=False)
        return True

    def _run(self, queue: Queue, model: Model, stop: Stop) -> Outcome:
        if self._decoder is None:
            self._decoder = self._opened.enter_context(Decoder(children=1))
        runtime = self._runtimes.get(model.model_id)
        if runtime is None:  # it gave way to another of this very shift
            self._load(queue, model)
            runtime = self._runtimes[model.model_id]
        crew = Crew(self._seats, queue, model, runtime, self._decoder, at_once=1)
        return sum(crew.drain(stop), Outcome())


def _is_alive(conn: Connection) -> bool:
    try:
        conn.execute("SELECT")
    except psycopg.OperationalError:
        return False
    return True


def _ends(until: float, stop: Stop) -> bool:
    return time.monotonic() >= until or stop()
