"""Executors of a command's work: this process with all its cores, or workers elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from functools import cached_property
from typing import NamedTuple, Protocol

from .. import registry
from ..database import connection, jobs
from ..database.failures import translate
from ..database.jobs import Counts, Queue
from ..images.decode import Decoder
from ..model.runtime import Runtime
from ..model.writing import USUAL, Writing
from ..registry import Model
from ..settings import Settings
from ..types import Connection
from . import attachments, pool
from .context import Outcome
from .pool import WorkerPool, WorkerSession, open_session
from .stages import ORDER, WORK
from .stages import get as stage_named

POLL_SECONDS = 0.5  # between looks at jobs that others run
PATIENCE_SECONDS = 60.0  # with results of captions: workers need not serve these stages

Notify = Callable[[str], None]
"""Notifies workers elsewhere that a stage has work."""


class Progress(NamedTuple):
    """``done`` of ``total`` in a stage: files (``ingest``), or jobs (any other)."""

    stage: str
    done: int
    total: int
    failed: int


Show = Callable[[Progress], None]


class Executor(Protocol):
    """Runs queues of jobs."""

    def open_pool(self, queue: Queue, model: Model) -> WorkerPool | None:
        """Return this process's workers at a queue, for the caller to feed. None if workers
        elsewhere have been notified of it."""

    def drain(self, queue: Queue, model: Model, before: Counts) -> Outcome:
        """Run a queue's jobs. Return their outcome since the queue had the counts
        ``before``."""

    def attach(self) -> int:
        """Link rows of attached tables, and return their number."""


def choose(
    settings: Settings,
    conn: Connection,
    stack: ExitStack,
    notify: Notify | None,
    show: Show,
    *,
    wait: bool,
    scores: bool = True,
) -> Executor:
    """Return a CeleryExecutor if ``notify`` is given, else a LocalExecutor.

    Args:
        settings: where the database and the models are.
        conn: in autocommit, for the executor to look at queues with.
        stack: closes the executor's resources.
        notify: notifies workers elsewhere.
        show: called as work proceeds.
        wait: until workers elsewhere are done.
        scores: score captions as they are written here.
    """
    if notify is None:
        return LocalExecutor(settings, conn, stack, show, scores=scores)
    return CeleryExecutor(conn, notify, show, wait=wait)


def drain_stage(
    conn: Connection,
    executor: Executor,
    stage: str,
    before: Mapping[Queue, Counts],
    *,
    lacking: bool = True,
) -> dict[Queue, Outcome]:
    """Run all of a stage's queues, and with ``lacking`` captions that lack its result.

    Return the outcome of each queue since it had the counts ``before``.
    """
    outcomes: dict[Queue, Outcome] = {}
    for queue, model in pool.waiting(conn, stage, lacking=lacking):
        begun = before.get(queue, Counts())
        if stage_named(stage).caption_column:  # jobs that are reopened were done before
            begun = jobs.counts(conn, queue)
        outcome = executor.drain(queue, model, begun)
        outcomes[queue] = outcomes.get(queue, Outcome()) + outcome
    return outcomes


def run_jobs(settings: Settings, *, stages: Collection[str] = WORK) -> Outcome:
    """Run every job that is due, in this process, until none are left.

    Raises:
        ModelError: a model's files are missing or altered.
        DatabaseError: the database is gone or full; jobs that were done stay done.
    """
    outcome = Outcome()
    with translate(), ExitStack() as stack:
        url = settings.database_url()
        conn = stack.enter_context(connection.connect_pinned(url, autocommit=True))
        executor = LocalExecutor(settings, conn, stack)
        if jobs.ATTACH in stages:
            executor.attach()
        for stage in ORDER:
            if stage in stages:
                outcome = sum(drain_stage(conn, executor, stage, {}).values(), outcome)
        jobs.flush(conn)
    return outcome


class LocalExecutor:
    """This process, with a worker for each core. ``stack`` closes its resources."""

    def __init__(
        self,
        settings: Settings,
        conn: Connection,
        stack: ExitStack,
        show: Show = lambda _: None,
        *,
        writing: Writing = USUAL,
        scores: bool = True,
    ) -> None:
        self._settings = settings
        self._conn = conn
        self._stack = stack
        self._show = show
        self._writing = writing
        self._scores = scores
        self._pools: dict[Queue, WorkerPool] = {}
        self._runtimes: dict[int, Runtime] = {}

    def drain(self, queue: Queue, model: Model, before: Counts) -> Outcome:
        outcome = Outcome()
        if total := jobs.counts(self._conn, queue).left:
            for part in self.open_pool(queue, model).drain():
                outcome += part
                ended = outcome.done + outcome.failed
                total = max(total, ended)
                self._show(Progress(queue.stage, ended, total, outcome.failed))
        return outcome

    def attach(self) -> int:
        done = 0
        for step in attachments.work(self._conn):
            done += step.linked
            self._show(Progress(jobs.ATTACH, done, done + attachments.counts(self._conn).left, 0))
        return done

    @cached_property
    def _decoder(self) -> Decoder:
        return self._stack.enter_context(Decoder())

    @cached_property
    def _sessions(self) -> list[WorkerSession]:
        return [open_session(self._settings, self._stack) for _ in range(self._decoder.children)]

    def open_pool(self, queue: Queue, model: Model) -> WorkerPool:
        """Return the workers at a queue. Pools are used one after the other, and share sessions and
        models."""
        if queue not in self._pools:
            graphs = stage_named(queue.stage).graphs
            runtime = self._runtimes.get(model.model_id)
            if runtime is None:
                runtime = registry.load(self._settings, model, *graphs)
                self._runtimes[model.model_id] = runtime
            else:
                runtime.open(*graphs)
            self._pools[queue] = WorkerPool(
                self._sessions,
                queue,
                model,
                runtime,
                self._decoder,
                writing=self._writing,
                scores=self._scores,
            )
        return self._pools[queue]


class CeleryExecutor:
    """Workers elsewhere, which are notified; with ``wait`` they are watched until all is done.

    Captions that lack results are left to them if none has begun with these for a minute.
    """

    def __init__(self, conn: Connection, notify: Notify, show: Show, *, wait: bool = True) -> None:
        self._conn = conn
        self._notify = notify
        self._show = show
        self._wait = wait

    def open_pool(self, queue: Queue, model: Model) -> None:
        self._notify(queue.stage)  # so that an idle worker begins with the first batch

    def drain(self, queue: Queue, model: Model, before: Counts) -> Outcome:
        jobs.flush(self._conn)
        is_for_captions = stage_named(queue.stage).caption_column is not None
        is_notified, least, since = False, None, time.monotonic()
        while True:
            now = jobs.counts(self._conn, queue)
            if least is None or now.left < least or now.running:
                least, since = now.left, time.monotonic()
            done, failed = now.done - before.done, max(0, now.parked - before.parked)
            self._show(Progress(queue.stage, done + failed, done + failed + now.left, failed))
            if now.left and not is_notified:
                self._notify(queue.stage)
                is_notified = True
            stalls = is_for_captions and time.monotonic() - since > PATIENCE_SECONDS
            if not now.left or not self._wait or stalls:
                return Outcome(max(0, done), failed)
            time.sleep(POLL_SECONDS)

    def attach(self) -> int:
        first = unfinished = attachments.counts(self._conn).left
        if attachments.is_due(self._conn):
            self._notify(jobs.ATTACH)
            while self._wait and attachments.is_due(self._conn, troubled=False):
                unfinished = attachments.counts(self._conn).left
                first = max(first, unfinished)
                self._show(Progress(jobs.ATTACH, first - unfinished, first, 0))
                time.sleep(POLL_SECONDS)
            unfinished = attachments.counts(self._conn).left
        return first - unfinished
