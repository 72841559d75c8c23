"""Captions that wait for a vector or for scores of the active models, and their way to the queues.

However a caption came in, it has what the active models gave of it, or its row says that it lacks
it: no other model's id stands there. So nothing needs to be enqueued where captions are written, in
an app's transaction as little as anywhere: workers look for what lacks something.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import LiteralString, NamedTuple

from psycopg import errors, sql

from ..types import Connection
from . import jobs
from .jobs import Queue

MOST = 10_000  # images that are enqueued at a time
KEPT = 0.5  # the least match probability of a caption that the filter keeps
_LOOKING = 0x626C6971  # beside jobs._RETRIES, of pg_try_advisory_xact_lock
COLUMNS: dict[str, LiteralString] = {jobs.TEXT: "encoder_id", jobs.SCORE: "filter_id"}


class Active(NamedTuple):
    """The models whose results captions are to have; filter is None where scores are left out."""

    encoder: int | None
    filter: int | None

    def queues(self, *, scores: bool = True) -> list[Queue]:
        """The queues of both; without ``scores`` of the encoder alone."""
        wanted = ((jobs.TEXT, self.encoder), (jobs.SCORE, self.filter if scores else None))
        return [Queue(stage, model) for stage, model in wanted if model is not None]


def active(conn: Connection) -> Active:
    """The active models, and whether the setting ``scores`` in blip.settings is off: for whoever
    may not read it, it is not."""
    row = conn.execute(
        """
        SELECT (SELECT model_id FROM blip.active_models WHERE role = 'retrieval'),
               (SELECT model_id FROM blip.active_models WHERE role = 'filter'),
               has_table_privilege('blip.settings', 'SELECT')
        """
    ).fetchone()
    assert row is not None
    encoder, judge, is_readable = row
    return Active(encoder, None if is_readable and _are_off(conn) else judge)


def waiting(conn: Connection, queue: Queue) -> int:
    """Count the captions that lack the result of a queue's model."""
    row = conn.execute(
        sql.SQL("SELECT count(*) FROM blip.captions c WHERE {}").format(_lacking(queue.stage)),
        {"model": queue.model_id},
    ).fetchone()
    return row[0] if row else 0


def judged(conn: Connection, filter_id: int, since: datetime) -> tuple[int, int]:
    """Of the captions that were written since then: how many a filter has scored, and how many of
    them it would keep."""
    row = conn.execute(
        """
        SELECT count(*), count(*) FILTER (WHERE c.itm >= %(kept)s)
        FROM blip.jobs j
        JOIN blip.captions c ON (c.image_id, c.model_id) = (j.image_id, j.model_id)
        WHERE j.stage = 'caption' AND j.state = 'd' AND j.updated_at >= %(since)s
            AND c.filter_id = %(filter)s
        """,
        {"kept": KEPT, "since": since, "filter": filter_id},
    ).fetchone()
    return (row[0], row[1]) if row else (0, 0)


def enqueue(conn: Connection, queue: Queue, *, wait: bool = False) -> int:
    """Give images whose captions lack a queue's result a job, 10,000 at most; how many got one.
    Only one looks at a time: another gives them none, or does after it with ``wait``.

    Only of images that were encoded, for scores: others may be no images. Who looks waits for
    nobody: what an app is just deleting is left for the next time.
    """
    encoded: LiteralString = """
        AND EXISTS (SELECT FROM blip.jobs e
                    WHERE e.image_id = c.image_id AND e.stage = 'encode' AND e.state = 'd')
        """
    statement = sql.SQL(
        """
        WITH lacking AS MATERIALIZED (
            SELECT DISTINCT c.image_id FROM blip.captions c
            WHERE {} {} AND NOT EXISTS (
                SELECT FROM blip.jobs j
                WHERE (j.image_id, j.stage, j.model_id) = (c.image_id, %(stage)s, %(model)s)
                    AND j.state <> 'd')
            LIMIT %(most)s),
        held AS MATERIALIZED (
            SELECT i.image_id FROM blip.images i
            WHERE i.image_id IN (SELECT image_id FROM lacking)
            ORDER BY i.image_id FOR KEY SHARE SKIP LOCKED)
        {} SELECT image_id, %(stage)s, %(model)s FROM held {}
        """
    ).format(
        _lacking(queue.stage),
        sql.SQL(encoded if queue.stage == jobs.SCORE else ""),
        sql.SQL("INSERT INTO blip.jobs AS j (image_id, stage, model_id)"),
        sql.SQL(jobs.REOPEN),
    )
    values = {"stage": queue.stage, "model": queue.model_id, "most": MOST}
    with conn.transaction():
        keys = [_LOOKING, f"{queue.stage} {queue.model_id}"]
        if wait:
            _take_turn(conn, keys)
        elif conn.execute(
            "SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", keys
        ).fetchone() != (True,):
            return 0
        return conn.execute(statement, values).rowcount


def _take_turn(conn: Connection, keys: list[object]) -> None:
    """Wait for whoever looks just now, for some seconds. Two that look at once do no harm, and any
    role of the database could hold this lock for ever."""
    conn.execute("SET LOCAL lock_timeout = '5s'")
    with suppress(errors.LockNotAvailable), conn.transaction():
        conn.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", keys)
    conn.execute("SET LOCAL lock_timeout TO DEFAULT")


def _are_off(conn: Connection) -> bool:
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM blip.settings"
        " WHERE name = 'scores' AND lower(value) IN ('off', 'no', 'false', '0'))"
    ).fetchone()
    return row == (True,)


def _lacking(stage: str) -> sql.Composed:
    """Three ranges of an index, and not a look at every caption."""
    column = sql.Identifier("c", COLUMNS[stage])
    return sql.SQL("({0} IS NULL OR {0} < %(model)s OR {0} > %(model)s)").format(column)
