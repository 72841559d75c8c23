"""The durable queue: `blip.jobs`, one row per image, stage and model.

A job is leased under a token and a deadline. Its results and `complete` belong in one
transaction; a worker whose lease was taken over meanwhile completes nothing (fencing). Done rows
stay, so that enqueueing can be repeated and counts are exact.

A worker also holds an advisory lock for as long as its connection lives, and what a dead worker
had leased is free at once. The deadline is for those that hang. Session locks need a connection
of one's own: a pooler must not share it between transactions.

    pending (p) → running (r) → done (d)
        ↑_____________|_____→ parked (x), with its reason

Statements have these letters as literals, so that the planner can use the partial indexes on them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, LiteralString
from uuid import UUID, uuid4

from psycopg import sql
from psycopg.rows import scalar_row

from ..types import Connection

ENCODE = "encode"  # ITC vector and image tokens
TEXT = "text"  # ITC vectors of an image's captions
CAPTION = "caption"  # a synthetic caption
SCORE = "score"  # ITC and ITM of an image's captions, by a filter
WRITE = "write"  # as CAPTION, in the way that a CapFilt run has chosen: it runs these itself
ATTACH = "attach"  # rows of attached tables: no jobs of this queue, see `attaching`
PENDING, RUNNING, DONE, PARKED = "p", "r", "d", "x"  # states of a job
MAX_ATTEMPTS = 3
MAX_DEATHS = 5  # attempts, where no worker came back to say why: it may have been a bystander
DEADLINE = timedelta(minutes=10)
DELAY = timedelta(seconds=10)  # before the second attempt; six times that before the third
MAX_REASON = 500  # characters
_RETRY_LOCK = 0x626C6970  # "blip", of pg_advisory_xact_lock


@dataclass(frozen=True)
class Queue:
    """The jobs of one stage with one model."""

    stage: str
    model_id: int


@dataclass(frozen=True)
class Lease:
    """Jobs that ``token``'s holder runs now; ``image_ids`` in ascending order."""

    queue: Queue
    token: UUID
    image_ids: tuple[UUID, ...]


@dataclass(frozen=True)
class Counts:
    """Numbers of a queue's jobs, by state."""

    pending: int = 0
    running: int = 0
    done: int = 0
    parked: int = 0

    @property
    def left(self) -> int:
        """Number of jobs that are neither done nor parked."""
        return self.pending + self.running


def hold(conn: Connection) -> UUID:
    """Make a token for this connection's leases, valid while the connection lives."""
    token = uuid4()
    conn.execute("SELECT pg_advisory_lock(%s)", [_lock_key(token)])
    return token


def enqueue(
    conn: Connection, queue: Queue, image_ids: Collection[UUID], *, token: UUID | None = None
) -> Lease | None:
    """Add a job for each image that has none in this queue.

    With ``token`` they begin as leased by its holder, and the lease is returned (None if every
    job was there before).
    """
    with conn.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(
            """
            INSERT INTO blip.jobs (image_id, stage, model_id, state, attempts, run_after, lease)
            SELECT image_id, %(stage)s, %(model)s, %(state)s, %(attempts)s,
                   now() + %(wait)s, %(token)s
            FROM pg_catalog.unnest(%(ids)b::uuid[]) AS image_id
            ON CONFLICT DO NOTHING
            RETURNING image_id
            """,
            {
                **_named(queue),
                "ids": sorted(image_ids),
                "state": PENDING if token is None else RUNNING,
                "attempts": 0 if token is None else 1,
                "wait": timedelta(0) if token is None else DEADLINE,
                "token": token,
            },
        )
        added = cursor.fetchall()
    return Lease(queue, token, tuple(sorted(added))) if token and added else None


# A job that is done is opened again, as there is new work for it.
REOPEN: LiteralString = """
    ON CONFLICT (image_id, stage, model_id) DO UPDATE
    SET state = 'p', attempts = 0, run_after = now(), updated_at = now()
    WHERE j.state = 'd'
    """


def reopen(conn: Connection, queue: Queue, image_ids: Collection[UUID]) -> None:
    """Ensure that each image has an open job in this queue, or a parked one."""
    conn.execute(
        sql.SQL(
            """
            INSERT INTO blip.jobs AS j (image_id, stage, model_id)
            SELECT image_id, %(stage)s, %(model)s
            FROM pg_catalog.unnest(%(ids)b::uuid[]) AS image_id
            {}
            """
        ).format(sql.SQL(REOPEN)),
        _named(queue) | {"ids": sorted(image_ids)},
    )


# Images without a job, whatever became of it: one per image and model is all there can be to do.
WITHOUT_JOB: sql.Composable = sql.SQL("""
    SELECT i.image_id FROM blip.images i
    WHERE (%(space)s::text IS NULL OR i.space = %(space)s) AND NOT EXISTS (
        SELECT FROM blip.jobs j
        WHERE (j.image_id, j.stage, j.model_id) = (i.image_id, %(stage)s, %(model)s))
    """)
# Images with a caption that the model has not looked at: it may have come after their job.
_SOME: LiteralString = """
    SELECT DISTINCT c.image_id FROM blip.captions c JOIN blip.images i USING (image_id)
    WHERE (%(space)s::text IS NULL OR i.space = %(space)s)
        AND c.{} IS DISTINCT FROM %(model)s
    """


def with_captions_lacking(column: LiteralString) -> sql.Composable:
    """Select images with a caption whose ``column`` names another model than the queue's, or none:
    the `missing` of a stage that computes results of captions."""
    return sql.SQL(_SOME).format(sql.Identifier(column))


def enqueue_missing(
    conn: Connection,
    queue: Queue,
    *,
    missing: sql.Composable = WITHOUT_JOB,
    space: str | None = None,
) -> int:
    """Enqueue a job for each image (of one space, or of all) that lacks the queue's result.

    Return how many were added or reopened. ``missing`` selects these images; stages have their own.
    """
    statement = sql.SQL(
        """
        INSERT INTO blip.jobs AS j (image_id, stage, model_id)
        SELECT image_id, %(stage)s, %(model)s::integer FROM ({}) AS missing ORDER BY image_id
        {}
        """
    ).format(missing, sql.SQL(REOPEN))
    return conn.execute(statement, _named(queue) | {"space": space}).rowcount


def drop_pending(conn: Connection, queue: Queue) -> int:
    """Delete the jobs that nobody has begun, as nobody wants their results. Return their number."""
    return conn.execute(
        """
        DELETE FROM blip.jobs
        WHERE stage = %(stage)s AND model_id = %(model)s AND state = 'p'
        """,
        _named(queue),
    ).rowcount


_LEASE: LiteralString = """
WITH ready AS MATERIALIZED (
    SELECT image_id FROM blip.jobs
    WHERE stage = %(stage)s AND model_id = %(model)s AND state IN ('p', 'r')
        AND run_after <= now() AND (attempts = 0) = %(fresh)s
    ORDER BY run_after LIMIT %(n)s
    FOR UPDATE SKIP LOCKED)
UPDATE blip.jobs j
SET state = 'r', attempts = attempts + 1, lease = %(token)s,
    run_after = now() + %(deadline)s, updated_at = now()
FROM ready
WHERE (j.image_id, j.stage, j.model_id) = (ready.image_id, %(stage)s, %(model)s)
RETURNING j.image_id
"""


def lease(
    conn: Connection, queue: Queue, token: UUID, n: int, *, deadline: timedelta = DEADLINE
) -> Lease | None:
    """Lease at most ``n`` jobs that are due, or return None if there are none.

    Those that were tried before come one at a time, and last: one that kills its worker then
    costs no other job an attempt.
    """
    with conn.transaction():
        image_ids = _take(conn, queue, token, n, deadline, fresh=True)
        if not image_ids:
            # One at a time, or a second worker would find all rows locked and the queue empty.
            conn.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_RETRY_LOCK, queue.model_id])
            free_abandoned(conn, queue)
            image_ids = _take(conn, queue, token, 1, deadline, fresh=False)
    return Lease(queue, token, tuple(sorted(image_ids))) if image_ids else None


def _take(
    conn: Connection, queue: Queue, token: UUID, n: int, deadline: timedelta, *, fresh: bool
) -> list[UUID]:
    values = {"n": n, "token": token, "deadline": deadline, "fresh": fresh}
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(_LEASE, _named(queue) | values).fetchall()


def free_abandoned(conn: Connection, queue: Queue) -> None:
    """Make the leases of dead workers due, and park jobs that have used up their attempts so."""
    conn.execute(
        """
        UPDATE blip.jobs SET run_after = now() FROM (
            SELECT image_id AS id FROM blip.jobs
            WHERE stage = %(stage)s AND model_id = %(model)s AND state = 'r'
                AND run_after > now() AND NOT EXISTS (
                    SELECT FROM pg_locks l
                    WHERE l.locktype = 'advisory' AND l.objsubid = 1
                        AND l.database = (SELECT oid FROM pg_database
                                          WHERE datname = current_database())
                        AND (l.classid::bigint << 32 | l.objid::bigint)
                            = ('x' || left(replace(lease::text, '-', ''), 16))::bit(64)::bigint)
            FOR UPDATE SKIP LOCKED) AS dead
        WHERE (image_id, stage, model_id) = (dead.id, %(stage)s, %(model)s)
        """,
        _named(queue),
    )
    conn.execute(
        """
        UPDATE blip.jobs SET state = 'x', lease = NULL, updated_at = now(), error = %(error)s
        FROM (
            SELECT image_id AS id FROM blip.jobs
            WHERE stage = %(stage)s AND model_id = %(model)s AND state = 'r'
                AND run_after <= now() AND attempts >= %(most)s
            FOR UPDATE SKIP LOCKED) AS spent
        WHERE (image_id, stage, model_id) = (spent.id, %(stage)s, %(model)s)
        """,
        _named(queue)
        | {"most": MAX_DEATHS, "error": f"its worker died or hung in {MAX_DEATHS} attempts"},
    )


def complete(
    conn: Connection, lease: Lease, image_ids: Collection[UUID], *, wait: bool = True
) -> list[UUID]:
    """Mark jobs of a lease as done; the caller writes their results in the same transaction.

    Returns:
        The images whose jobs were marked, which can't be deleted until the transaction ends. Not
        among them are images that were deleted meanwhile, and jobs that another worker took over;
        without ``wait`` also images that somebody is deleting now.
    """
    with conn.cursor(row_factory=scalar_row) as cursor:
        hold: LiteralString = "FOR KEY SHARE" if wait else "FOR KEY SHARE SKIP LOCKED"
        cursor.execute(
            sql.SQL(
                "SELECT image_id FROM blip.images WHERE image_id = ANY(%b) ORDER BY image_id {}"
            ).format(sql.SQL(hold)),
            [sorted(image_ids)],
        )
        alive = cursor.fetchall()
        cursor.execute(
            """
            UPDATE blip.jobs SET state = 'd', lease = NULL, error = NULL, updated_at = now()
            FROM (
                SELECT image_id AS id FROM blip.jobs
                WHERE image_id = ANY(%(ids)b) AND stage = %(stage)s AND model_id = %(model)s
                    AND state = 'r' AND lease = %(token)s
                ORDER BY image_id FOR NO KEY UPDATE) AS held -- in the order of `reopen`
            WHERE (image_id, stage, model_id) = (held.id, %(stage)s, %(model)s)
            RETURNING image_id
            """,
            _leased(lease) | {"ids": alive},
        )
        return sorted(cursor.fetchall())


def fail(
    conn: Connection, lease: Lease, image_id: UUID, reason: str, *, for_good: bool = False
) -> None:
    """Record a failed attempt: retry later, or park the job after the last or if ``for_good``."""
    conn.execute(
        """
        UPDATE blip.jobs
        SET state = CASE WHEN %(for_good)s OR attempts >= %(most)s THEN 'x' ELSE 'p' END,
            run_after = now() + %(delay)s * 6 ^ (attempts - 1),
            lease = NULL, error = %(reason)s, updated_at = now()
        WHERE image_id = %(id)s AND stage = %(stage)s AND model_id = %(model)s
            AND state = 'r' AND lease = %(token)s
        """,
        _leased(lease)
        | {
            "id": image_id,
            "for_good": for_good,
            "most": MAX_ATTEMPTS,
            "delay": DELAY,
            "reason": reason.replace("\0", "")[:MAX_REASON],
        },
    )


def release(conn: Connection, lease: Lease) -> None:
    """Return leased jobs that were not run to the queue, without counting an attempt."""
    conn.execute(
        """
        UPDATE blip.jobs
        SET state = 'p', attempts = attempts - 1, run_after = now(), lease = NULL,
            updated_at = now()
        WHERE image_id = ANY(%(ids)b) AND stage = %(stage)s AND model_id = %(model)s
            AND state = 'r' AND lease = %(token)s
        """,
        _leased(lease) | {"ids": list(lease.image_ids)},
    )


def retry_parked(conn: Connection, queue: Queue) -> int:
    """Requeue parked and delayed jobs. Return their number."""
    return conn.execute(
        """
        UPDATE blip.jobs SET state = 'p', attempts = 0, run_after = now(), updated_at = now()
        WHERE stage = %(stage)s AND model_id = %(model)s
            AND (state = 'x' OR (state = 'p' AND attempts > 0))
        """,
        _named(queue),
    ).rowcount


def counts(conn: Connection, queue: Queue) -> Counts:
    """Count a queue's jobs exactly; a lease past its deadline counts as pending."""
    return all_counts(conn).get(queue, Counts())


def all_counts(conn: Connection) -> dict[Queue, Counts]:
    """Count the jobs of every queue that ever had one, as `counts` does, in one snapshot."""
    rows = conn.execute(
        """
        SELECT stage, model_id,
               count(*) FILTER (WHERE state = 'p' OR (state = 'r' AND run_after <= now())),
               count(*) FILTER (WHERE state = 'r' AND run_after > now()),
               count(*) FILTER (WHERE state = 'd'),
               count(*) FILTER (WHERE state = 'x')
        FROM blip.jobs GROUP BY stage, model_id ORDER BY stage, model_id
        """
    )
    return {Queue(stage, model): Counts(*numbers) for stage, model, *numbers in rows}


def queues(conn: Connection, stages: Collection[str], *, due: bool = False) -> list[Queue]:
    """List the queues of these stages that have open jobs, or with ``due`` only those with one that
    could be leased now. Quick, however long they are."""
    rows = conn.execute(
        """
        SELECT stage, model_id
        FROM pg_catalog.unnest(%(stages)s::text[]) AS stage CROSS JOIN blip.models m
        WHERE EXISTS (
            SELECT FROM blip.jobs j
            WHERE j.stage = stage.stage AND j.model_id = m.model_id AND j.state IN ('p', 'r')
                AND j.run_after <= CASE WHEN %(due)s THEN now() ELSE 'infinity' END)
        ORDER BY 1, 2
        """,
        {"stages": list(stages), "due": due},
    )
    return [Queue(*row) for row in rows]


def due(conn: Connection, queue: Queue, limit: int) -> int:
    """Count the jobs that could be leased now, up to ``limit``."""
    row = conn.execute(
        """
        SELECT count(*) FROM (
            SELECT FROM blip.jobs
            WHERE stage = %(stage)s AND model_id = %(model)s AND state IN ('p', 'r')
                AND run_after <= now()
            LIMIT %(limit)s) AS found
        """,
        _named(queue) | {"limit": limit},
    ).fetchone()
    return row[0] if row else 0


def flush(conn: Connection) -> None:
    """Wait until all committed transactions, of any connection, are on disk.

    A commit that waits makes everything before it durable too, but only if it has something to
    write: hence the message, which nobody reads.
    """
    with conn.transaction():
        conn.execute("SET LOCAL synchronous_commit TO on")
        conn.execute("SELECT pg_logical_emit_message(true, 'blipdb', '')")


def _named(queue: Queue) -> dict[str, Any]:
    return {"stage": queue.stage, "model": queue.model_id}


def _leased(lease: Lease) -> dict[str, Any]:
    return {**_named(lease.queue), "token": lease.token}


def _lock_key(token: UUID) -> int:
    """Return the token's first 64 bits, as `free_abandoned` reads them from a lease."""
    return int.from_bytes(token.bytes[:8], "big", signed=True)
