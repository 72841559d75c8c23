"""Workers of one process that share a queue, one for each core."""

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
from ..database.jobs import Queue
from ..images.decode import Decoder
from ..model.runtime import Runtime
from ..model.writing import USUAL, Writing
from ..registry import Model
from ..settings import Settings
from ..types import Connection
from . import stages
from .context import Outcome, StageContext

T = TypeVar("T")
R = TypeVar("R")

SWITCH_SECONDS = 5e-4


class WorkerSession(NamedTuple):
    """A connection (autocommit) and the token under which its user leases jobs."""

    conn: Connection
    token: UUID


def open_session(settings: Settings, stack: ExitStack) -> WorkerSession:
    """Open a worker's own connection, which ``stack`` closes."""
    conn = stack.enter_context(connection.connect_pinned(settings.database_url(), autocommit=True))
    return WorkerSession(conn, jobs.hold(conn))


class WorkerPool:
    """Workers at one queue, each in a session of its own."""

    def __init__(
        self,
        sessions: Sequence[WorkerSession],
        queue: Queue,
        model: Model,
        runtime: Runtime,
        decoder: Decoder,
        *,
        writing: Writing = USUAL,
        at_once: int | None = None,
        scores: bool = True,
    ) -> None:
        """Make a worker for each session.

        Args:
            sessions: not used by others meanwhile.
            queue: whose jobs are run.
            model: the queue's.
            runtime: the model, loaded with the graphs of the queue's stage.
            decoder: shared by the workers.
            writing: how captions are written.
            at_once: how many workers may use the model at a time; all by default.
            scores: score the captions that are written, if the model is the active filter.
        """
        self.queue = queue
        self.model = model
        self.decoder = decoder
        self._count = len(sessions)
        self._workers: SimpleQueue[StageContext] = SimpleQueue()
        slots = Semaphore(at_once or self._count)
        for session in sessions:
            self._workers.put(
                StageContext(
                    session.conn,
                    model,
                    runtime,
                    decoder,
                    writing,
                    token=session.token,
                    slots=slots,
                    scores=scores,
                )
            )

    def map(self, task: Callable[[StageContext, T], R], items: Iterable[T]) -> Iterator[R]:
        """Yield ``task`` of each item, in order, as run by whichever worker is free.

        ``items`` is read by the caller's thread, two ahead for each worker. An error of a task is
        raised here, after the tasks that run have ended.
        """
        window: deque[Future[R]] = deque()
        with ThreadPoolExecutor(self._count, "worker") as threads, _short_switch_interval():
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
        """Run due jobs of the queue until none are left, or until ``stop``, which is asked before
        each batch.

        A worker that finds nothing ends a round. Jobs that others have reopened by then are for the
        next round.
        """
        is_over = False

        def tickets() -> Iterator[None]:
            while not is_over:
                yield None

        def run(context: StageContext, _: None) -> Outcome | None:
            return None if stop() else stages.run_due(context, self.queue)

        has_work = True
        while has_work:
            has_work = is_over = False
            for outcome in self.map(run, tickets()):
                if outcome is None:
                    is_over = True
                else:
                    has_work = True
                    yield outcome

    def _lend(self, task: Callable[[StageContext, T], R], item: T) -> R:
        worker = self._workers.get()
        try:
            return task(worker, item)
        finally:
            self._workers.put(worker)


@contextmanager
def _short_switch_interval() -> Iterator[None]:
    """Have threads that come back from the model wait less than 5 ms for one that runs Python."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def waiting(conn: Connection, stage: str, *, lacking: bool = True) -> Iterator[tuple[Queue, Model]]:
    """Yield a stage's queues with open jobs; the caller drains each before the next.

    With ``lacking``, captions without the stage's result are enqueued on the way.
    """
    yield from runnable(conn, jobs.queues(conn, [stage]))
    for queue in captions.active(conn).queues():
        if queue.stage == stage and lacking:
            # A look leaves out what is locked, so that few added are no sign of the end.
            for _ in range(captions.waiting(conn, queue) // captions.MAX_ENQUEUED + 2):
                if not captions.enqueue(conn, queue, wait=True):
                    break
                yield from runnable(conn, [queue])


def runnable(conn: Connection, queues: Sequence[Queue]) -> list[tuple[Queue, Model]]:
    """List those queues whose model can have a role of their stage, in the stages' order."""
    models = {model.model_id: model for model in registry.models(conn)}
    ordered = sorted(queues, key=lambda queue: (stages.NAMES.index(queue.stage), queue.model_id))
    return [
        (queue, models[queue.model_id])
        for queue in ordered
        if not set(stages.get(queue.stage).roles).isdisjoint(models[queue.model_id].roles)
    ]
