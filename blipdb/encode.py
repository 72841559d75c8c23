"""All cores at work on a queue, and every queue that is due: what runs without a broker."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from typing import Self, TypeVar

from . import database, jobs, registry
from .images.decode import Decoder
from .jobs import Connection, Queue
from .outages import explained
from .registry import Model
from .settings import Settings
from .worker import Outcome, Worker
from .writing import USUAL, Writing

T = TypeVar("T")
R = TypeVar("R")

TURN_SECONDS = 5e-4
GRAPHS = {
    jobs.ENCODE: ("image",),
    jobs.CAPTION: ("image", "caption"),
    jobs.SCORE: ("image", "text", "rerank"),
}
ROLES = {jobs.ENCODE: registry.LOOKING, jobs.CAPTION: ("captioner",), jobs.SCORE: ("filter",)}


class Crew:
    """A worker for each core. Closing it closes their connections."""

    def __init__(
        self,
        settings: Settings,
        queue: Queue,
        model: Model,
        decoder: Decoder,
        writing: Writing = USUAL,
    ) -> None:
        """``model`` is the queue's; a decoder has a child for each core; ``writing`` is how
        captions are written."""
        self.queue = queue
        self.model = model
        runtime = registry.load(settings, model, *GRAPHS[queue.stage])
        with ExitStack() as opened:
            self._workers: SimpleQueue[Worker] = SimpleQueue()
            for _ in range(decoder.children):
                conn = opened.enter_context(
                    database.connect(settings.database_url(), autocommit=True)
                )
                self._workers.put(Worker(conn, model, runtime, decoder, writing))
            self._opened = opened.pop_all()
        self._count = decoder.children

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

    def drain(self) -> Iterator[Outcome]:
        """Run what is due in the queue until there is no more."""
        rest = [None]

        def tickets() -> Iterator[None]:
            while rest:
                yield None

        for outcome in self.map(lambda worker, _: worker.run_due(self.queue), tickets()):
            if outcome is None:
                rest.clear()
            else:
                yield outcome

    def _lend(self, task: Callable[[Worker, T], R], item: T) -> R:
        worker = self._workers.get()
        try:
            return task(worker, item)
        finally:
            self._workers.put(worker)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()


@contextmanager
def _quick_turns() -> Iterator[None]:
    """Threads that come back from the model need not wait 5 ms for one that runs Python."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def run_jobs(settings: Settings, *, stages: Sequence[str] = tuple(GRAPHS)) -> Outcome:
    """Run every job that is due with the active models, in this process, until there is no more.

    What ``blipdb ingest`` does at its end, and a worker does forever.

    Raises:
        ModelError: a model's files are missing or altered.
        DatabaseError: the database is gone or full; what was done stays done.
    """
    outcome = Outcome()
    with explained(), database.connect(settings.database_url(), autocommit=True) as conn:
        queues = [
            (queue, model)
            for stage in stages
            for model in registry.models(conn)
            if not set(ROLES[stage]).isdisjoint(model.active)
            and due(conn, queue := Queue(stage, model.model_id))
        ]
        if queues:
            with Decoder() as decoder:
                for queue, model in queues:
                    with Crew(settings, queue, model, decoder) as crew:
                        outcome = sum(crew.drain(), outcome)
            jobs.flush(conn)
    return outcome


def due(conn: Connection, queue: Queue) -> int:
    """How many jobs a queue may have for us; those that run now may be a dead worker's."""
    counts = jobs.counts(conn, queue)
    return counts.pending + counts.running
