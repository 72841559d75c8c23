"""All cores at work on a queue, and every queue that is due: what runs without a broker."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from threading import Semaphore
from typing import NamedTuple, TypeVar
from uuid import UUID

from .. import registry
from ..database import captions, connection, jobs
from ..database.failures import explained
from ..database.jobs import Queue
from ..images.decode import Decoder
from ..model.runtime import PAIRS, Runtime
from ..model.writing import USUAL, Writing
from ..registry import Model
from ..settings import Settings
from ..types import Connection
from . import attachments
from .worker import Outcome, Worker

T = TypeVar("T")
R = TypeVar("R")

TURN_SECONDS = 5e-4
WORKER_AGAIN = "the worker goes on by itself."
GRAPHS = {
    jobs.ENCODE: ("image",),
    jobs.TEXT: ("text",),
    jobs.CAPTION: ("image", "caption"),
    jobs.WRITE: ("image", "caption"),
    jobs.SCORE: ("image", "text", PAIRS),
}
ROLES = {
    jobs.ENCODE: registry.LOOKING,
    jobs.TEXT: ("retrieval",),
    jobs.CAPTION: ("captioner",),
    jobs.SCORE: ("filter",),
}


class Seat(NamedTuple):
    """A connection (autocommit) and the token under which its user leases jobs."""

    conn: Connection
    token: UUID


def take_seat(settings: Settings, opened: ExitStack) -> Seat:
    """A connection of a worker's own, which ``opened`` closes."""
    conn = opened.enter_context(connection.connect_pinned(settings.database_url(), autocommit=True))
    return Seat(conn, jobs.hold(conn))


class Crew:
    """Workers at one queue, each in a seat of its own."""

    def __init__(
        self,
        seats: Sequence[Seat],
        queue: Queue,
        model: Model,
        runtime: Runtime,
        decoder: Decoder,
        *,
        writing: Writing = USUAL,
        at_once: int | None = None,
        scores: bool = True,
    ) -> None:
        """``model`` is the queue's, and ``runtime`` has its graphs; ``writing`` is how captions
        are written, with ``scores`` or without; ``at_once`` is how many workers may use the model
        at a time, else all."""
        self.queue = queue
        self.model = model
        self.decoder = decoder
        self._count = len(seats)
        self._workers: SimpleQueue[Worker] = SimpleQueue()
        turns = Semaphore(at_once or self._count)
        for seat in seats:
            self._workers.put(
                Worker(
                    seat.conn,
                    model,
                    runtime,
                    decoder,
                    writing,
                    token=seat.token,
                    turns=turns,
                    scores=scores,
                )
            )

    def map(self, task: Callable[[Worker, T], R], items: Iterable[T]) -> Iterator[R]:
        """``task`` of each item, in order, with whichever worker is free.

        ``items`` is read by the caller's thread, two a worker ahead. What a task raises is
        raised here, after those that run have ended.
        """
        window: deque[Future[R]] = deque()
        with ThreadPoolExecutor(self._count, "worker") as threads, _quick_turns():
            try:
                for item in items:
                    window.append(threads.submit(self._lend, task, item))
                    if len(window) > 2 * self._count:
                        yield window.popleft().result()
                while window:
                    yield window.popleft().result()
            finally:
                threads.shutdown(cancel_futures=True)

    def drain(self, stop: Callable[[], bool] = lambda: False) -> Iterator[Outcome]:
        """Run what is due in the queue until there is no more, or ``stop``, which is asked before
        each batch. A worker that finds nothing ends a round; what others have opened again by then
        is for the next one."""
        is_over = False

        def tickets() -> Iterator[None]:
            while not is_over:
                yield None

        def run(worker: Worker, _: None) -> Outcome | None:
            return None if stop() else worker.run_due(self.queue)

        found = True
        while found:
            found = is_over = False
            for outcome in self.map(run, tickets()):
                if outcome is None:
                    is_over = True
                else:
                    found = True
                    yield outcome

    def _lend(self, task: Callable[[Worker, T], R], item: T) -> R:
        worker = self._workers.get()
        try:
            return task(worker, item)
        finally:
            self._workers.put(worker)


@contextmanager
def crew(
    settings: Settings, queue: Queue, model: Model, decoder: Decoder, writing: Writing = USUAL
) -> Iterator[Crew]:
    """A crew with a worker, and a connection, for each of the decoder's children.

    Raises:
        ModelError: the model's files are missing or altered.
        DatabaseError: the database can't be reached.
    """
    runtime = registry.load(settings, model, *GRAPHS[queue.stage])
    with ExitStack() as opened:
        seats = [take_seat(settings, opened) for _ in range(decoder.children)]
        yield Crew(seats, queue, model, runtime, decoder, writing=writing)


@contextmanager
def _quick_turns() -> Iterator[None]:
    """Threads that come back from the model need not wait 5 ms for one that runs Python."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def run_jobs(settings: Settings, *, stages: Sequence[str] = jobs.WORK) -> Outcome:
    """Run every job that is due, in this process, until there is no more.

    What ``blipdb ingest`` does at its end, and a worker does forever.

    Raises:
        ModelError: a model's files are missing or altered.
        DatabaseError: the database is gone or full; what was done stays done.
    """
    outcome = Outcome()
    with explained(), connection.connect_pinned(settings.database_url(), autocommit=True) as conn:
        if jobs.ATTACH in stages:
            for _ in attachments.work(conn):
                pass
        with ExitStack() as opened:
            decoder: Decoder | None = None
            for stage in jobs.ORDER:
                if stage not in stages:
                    continue
                for queue, model in waiting(conn, stage):
                    decoder = decoder or opened.enter_context(Decoder())
                    with crew(settings, queue, model, decoder) as workers:
                        outcome = sum(workers.drain(), outcome)
        jobs.flush(conn)
    return outcome


def waiting(conn: Connection, stage: str, *, lacking: bool = True) -> Iterator[tuple[Queue, Model]]:
    """A stage's queues with work, and with ``lacking`` what captions lack; the caller drains each
    before the next."""
    yield from runnable(conn, [queue for queue in jobs.queues(conn) if queue.stage == stage])
    for queue in captions.active(conn).queues():
        if queue.stage == stage and lacking:
            # A look leaves out what is locked, so that few added are no sign of the end.
            for _ in range(captions.waiting(conn, queue) // captions.MOST + 2):
                if not captions.enqueue(conn, queue, wait=True):
                    break
                yield from runnable(conn, [queue])


def runnable(conn: Connection, queues: Sequence[Queue]) -> list[tuple[Queue, Model]]:
    """Those queues whose model can have the role that their stage needs, in the stages' order."""
    models = {model.model_id: model for model in registry.models(conn)}
    ordered = sorted(queues, key=lambda queue: (jobs.STAGES.index(queue.stage), queue.model_id))
    return [
        (queue, models[queue.model_id])
        for queue in ordered
        if not set(ROLES[queue.stage]).isdisjoint(models[queue.model_id].roles)
    ]
