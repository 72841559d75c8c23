"""Who does the work of a command: this process with all its cores, or workers elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import cached_property
from typing import NamedTuple, Protocol

from .. import registry
from ..database import captions, jobs
from ..database.jobs import Counts, Queue
from ..images.decode import Decoder
from ..model.runtime import Runtime
from ..registry import Model
from ..settings import Settings
from ..types import Connection
from . import attachments, pool
from .pool import Crew, Seat, take_seat

LOOK_SECONDS = 0.5  # between looks at jobs that others run
PATIENCE_SECONDS = 60.0  # with vectors and scores of captions: workers need not serve these stages

Ring = Callable[[str], None]
"""Tells workers elsewhere that a stage has work."""


class Progress(NamedTuple):
    """``done`` of ``total`` in a stage: files (``ingest``), or jobs (any other)."""

    stage: str
    done: int
    total: int
    failed: int


Show = Callable[[Progress], None]


class Hands(Protocol):
    """Has queues run."""

    def open_pool(self, queue: Queue, model: Model) -> Crew | None:
        """Return this process's workers at a queue, for the caller to feed. None if workers
        elsewhere have been notified of it."""

    def drain(self, queue: Queue, model: Model, before: Counts) -> int:
        """Have a queue's jobs run; how many were done since it had ``before``."""

    def attach(self) -> int:
        """Have rows of attached tables linked; how many."""


def choose(
    settings: Settings,
    conn: Connection,
    opened: ExitStack,
    ring: Ring | None,
    show: Show,
    *,
    wait: bool,
    scores: bool = True,
) -> Hands:
    """Choose the workers, where ``ring`` tells them of work; else this process itself, which gives
    the captions that it writes ``scores`` at once."""
    if ring is None:
        return Here(settings, conn, opened, show, scores=scores)
    return Elsewhere(conn, ring, show, wait=wait)


def drain(
    conn: Connection,
    hands: Hands,
    stage: str,
    before: Mapping[Queue, Counts],
    *,
    lacking: bool = True,
) -> dict[Queue, int]:
    """Have all of a stage's queues run, and with ``lacking`` what captions lack; how many jobs were
    done in each since it had ``before``."""
    done: dict[Queue, int] = {}
    for queue, model in pool.waiting(conn, stage, lacking=lacking):
        begun = before.get(queue, Counts())
        if stage in captions.COLUMNS:  # jobs that are opened again were done before
            begun = jobs.counts(conn, queue)
        done[queue] = done.get(queue, 0) + hands.drain(queue, model, begun)
    return done


class Here:
    """This process, a worker for each core. ``opened`` closes what it needs."""

    def __init__(
        self,
        settings: Settings,
        conn: Connection,
        opened: ExitStack,
        show: Show,
        *,
        scores: bool = True,
    ) -> None:
        self._scores = scores
        self._settings = settings
        self._conn = conn
        self._opened = opened
        self._show = show
        self._crews: dict[Queue, Crew] = {}
        self._runtimes: dict[int, Runtime] = {}

    def drain(self, queue: Queue, model: Model, before: Counts) -> int:
        total = jobs.counts(self._conn, queue).left
        done = failed = 0
        if total:
            for outcome in self.open_pool(queue, model).drain():
                done += outcome.done
                failed += outcome.failed
                total = max(total, done + failed)
                self._show(Progress(queue.stage, done + failed, total, failed))
        return done

    def attach(self) -> int:
        done = 0
        for step in attachments.work(self._conn):
            done += step.linked
            self._show(Progress(jobs.ATTACH, done, done + attachments.counts(self._conn).left, 0))
        return done

    @cached_property
    def _decoder(self) -> Decoder:
        return self._opened.enter_context(Decoder())

    @cached_property
    def _seats(self) -> list[Seat]:
        return [take_seat(self._settings, self._opened) for _ in range(self._decoder.children)]

    def open_pool(self, queue: Queue, model: Model) -> Crew:
        """Return the workers at a queue. They come one queue after the other, and share seats and
        models."""
        if queue not in self._crews:
            graphs = pool.GRAPHS[queue.stage]
            runtime = self._runtimes.get(model.model_id)
            if runtime is None:
                runtime = registry.load(self._settings, model, *graphs)
                self._runtimes[model.model_id] = runtime
            else:
                runtime.open(*graphs)
            self._crews[queue] = Crew(
                self._seats, queue, model, runtime, self._decoder, scores=self._scores
            )
        return self._crews[queue]


class Elsewhere:
    """Workers, who are told by ``ring``; with ``wait`` they are watched until all is done. What
    captions lack is left to them where nobody has begun with it for a minute."""

    def __init__(self, conn: Connection, ring: Ring, show: Show, *, wait: bool = True) -> None:
        self._conn = conn
        self._ring = ring
        self._show = show
        self._wait = wait

    def open_pool(self, queue: Queue, model: Model) -> None:
        self._ring(queue.stage)  # who has nothing to do may begin with the first batch

    def drain(self, queue: Queue, model: Model, before: Counts) -> int:
        jobs.flush(self._conn)
        rung, least, since = False, None, time.monotonic()
        while True:
            now = jobs.counts(self._conn, queue)
            if least is None or now.left < least or now.running:
                least, since = now.left, time.monotonic()
            done, failed = now.done - before.done, max(0, now.parked - before.parked)
            self._show(Progress(queue.stage, done + failed, done + failed + now.left, failed))
            if now.left and not rung:
                self._ring(queue.stage)
                rung = True
            stalls = queue.stage in captions.COLUMNS and time.monotonic() - since > PATIENCE_SECONDS
            if not now.left or not self._wait or stalls:
                return max(0, done)
            time.sleep(LOOK_SECONDS)

    def attach(self) -> int:
        first = left = attachments.counts(self._conn).left
        if attachments.is_due(self._conn):
            self._ring(jobs.ATTACH)
            while self._wait and attachments.is_due(self._conn, troubled=False):
                left = attachments.counts(self._conn).left
                first = max(first, left)
                self._show(Progress(jobs.ATTACH, first - left, first, 0))
                time.sleep(LOOK_SECONDS)
            left = attachments.counts(self._conn).left
        return first - left
