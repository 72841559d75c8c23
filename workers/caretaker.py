"""The caretaker: a thread of each worker that looks into the database for what nobody rang for.

Messages are lost when a broker dies, and nobody rings for a job whose delay is over or whose worker
was killed. Every few seconds it frees what dead workers had leased, and rings where work is due and
no message waits. It also builds the index of vectors once a queue of a large model has run dry.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection

import psycopg

from blipdb import registry
from blipdb.database import captions, connection, jobs, requirements
from blipdb.database.failures import explained
from blipdb.errors import BlipdbError, BrokerError, DatabaseError
from blipdb.host.rate_limit import Telling
from blipdb.settings import Settings
from blipdb.types import Connection
from blipdb.work import attachments, pool

from .bell import ring
from .config import AGAIN_SECONDS, LOOK_SECONDS

log = logging.getLogger(__name__)

AGAIN = "the worker tries again until it is back."
INDEX_SECONDS = 60.0  # between looks for an index that is missing


class Caretaker(threading.Thread):
    """Runs until `end`. ``stages`` are those that this worker serves."""

    def __init__(self, settings: Settings, stages: Collection[str]) -> None:
        super().__init__(name="caretaker", daemon=True)
        self._settings = settings
        self._stages = frozenset(stages)
        self._ended = threading.Event()
        self._conn: Connection | None = None
        self._indexed = 0.0
        self._next = 0.0
        self._telling = Telling()

    def run(self) -> None:
        while True:
            pause = LOOK_SECONDS
            try:
                self._look()
            except (BrokerError, DatabaseError) as error:
                self._tell(error)
                pause = AGAIN_SECONDS
            except Exception:
                log.exception("the caretaker goes on after an error that it doesn't know")
            if self._ended.wait(pause):
                break
        self._close()

    def end(self) -> None:
        """Have it end, and wait for that."""
        self._ended.set()
        self.join(LOOK_SECONDS)

    def _look(self) -> None:
        try:
            with explained(AGAIN):
                conn = self._open()
                self._enqueue(conn)
                for queue in jobs.queues(conn):
                    if queue.stage in self._stages:
                        jobs.free_abandoned(conn, queue)
                found = pool.runnable(conn, jobs.queues(conn, due=True))
                due = {queue.stage for queue, _ in found}
                if attachments.is_due(conn):
                    due.add(jobs.ATTACH)
                due &= self._stages
                if not due:
                    self._index(conn)
        except BaseException:
            self._close()
            raise
        for stage in sorted(due):
            ring(stage)

    def _enqueue(self, conn: Connection) -> None:
        """Have captions that lack a vector or scores looked at. Looking for them costs the more
        the more wait for something else, as for their images: so it takes a tenth of the time."""
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
                    self._tell(
                        BlipdbError(
                            f"Search would be quicker with an index on the vectors of {model.name};"
                            " this user may not build it.",
                            "The next ingest by their owner builds it.",
                        )
                    )

    def _tell(self, trouble: BlipdbError) -> None:
        if self._telling.is_due(str(trouble)):
            log.warning("%s", trouble)
