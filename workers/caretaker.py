"""The caretaker: a thread of each worker that looks into the database for work without a message.

Messages are lost when a broker dies, and nobody sends one for a job whose delay is over or whose
worker was killed. Every few seconds the caretaker frees the leases of dead workers, and notifies
stages that have due work and no message waiting. It also builds the index of a large model's
vectors once its queue is empty.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection

import psycopg

from blipdb import registry
from blipdb.database import captions, connection, jobs, requirements
from blipdb.database.failures import translate
from blipdb.errors import BlipdbError, BrokerError, DatabaseError
from blipdb.host.rate_limit import RateLimitedLog
from blipdb.settings import Settings
from blipdb.types import Connection
from blipdb.work import attachments, pool, stages

from .config import POLL_SECONDS, RETRY_SECONDS
from .notifier import notify

log = logging.getLogger(__name__)

RETRY_HINT = "the worker tries again until it is back."
INDEX_SECONDS = 60.0  # between looks for a missing index


class Caretaker(threading.Thread):
    """A thread that runs until `end`."""

    def __init__(self, settings: Settings, stages: Collection[str]) -> None:
        """Take care of ``stages``, which this worker serves."""
        super().__init__(name="caretaker", daemon=True)
        self._settings = settings
        self._stages = frozenset(stages)
        self._ended = threading.Event()
        self._conn: Connection | None = None
        self._indexed = 0.0
        self._next = 0.0
        self._warnings = RateLimitedLog(log, logging.WARNING)

    def run(self) -> None:
        while True:
            pause = POLL_SECONDS
            try:
                self._look()
            except (BrokerError, DatabaseError) as error:
                self._warnings.log(str(error))
                pause = RETRY_SECONDS
            except Exception:
                log.exception("the caretaker goes on after an error that it doesn't know")
            if self._ended.wait(pause):
                break
        self._close()

    def end(self) -> None:
        """End the thread, and wait for it."""
        self._ended.set()
        self.join(POLL_SECONDS)

    def _look(self) -> None:
        try:
            with translate(RETRY_HINT):
                conn = self._open()
                self._enqueue(conn)
                for queue in stages.open_queues(conn):
                    if queue.stage in self._stages:
                        jobs.free_abandoned(conn, queue)
                runnable = pool.runnable(conn, stages.open_queues(conn, due=True))
                due = {queue.stage for queue, _ in runnable}
                if attachments.is_due(conn):
                    due.add(jobs.ATTACH)
                due &= self._stages
                if not due:
                    self._index(conn)
        except BaseException:
            self._close()
            raise
        for stage in sorted(due):
            notify(stage)

    def _enqueue(self, conn: Connection) -> None:
        """Enqueue captions that lack a vector or scores.

        The more of them wait for something else, as for their images, the longer the look takes: so
        at most a tenth of the time is spent on it.
        """
        begin = time.monotonic()
        if begin < self._next:
            return
        for queue in captions.active(conn).queues():
            if queue.stage in self._stages and not jobs.due(conn, queue, 1):
                captions.enqueue(conn, queue)
        self._next = begin + 10 * (time.monotonic() - begin)

    def _open(self) -> Connection:
        if self._conn is None:
            self._conn = connection.connect_pinned(self._settings.database_url(), autocommit=True)
            requirements.check_worker(self._conn)
        return self._conn

    def _close(self) -> None:
        if self._conn is not None:
            self._conn.close()
            self._conn = None

    def _index(self, conn: Connection) -> None:
        now = time.monotonic()
        if now - self._indexed < INDEX_SECONDS:
            return
        self._indexed = now
        for model in registry.models(conn):
            if "retrieval" in model.active:
                try:
                    if registry.index_vectors(conn, model):
                        log.info("the vectors of %s have an index now", model.name)
                except psycopg.errors.InsufficientPrivilege:
                    error = BlipdbError(
                        f"Search would be quicker with an index on the vectors of {model.name};"
                        " this user may not build it.",
                        "The next ingest by their owner builds it.",
                    )
                    self._warnings.log(str(error))
