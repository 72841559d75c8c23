"""Captions that wait for a vector or for scores of the active models, and their way to the queues.

A caption's row names the models that gave its vector and its scores. Where these are not the active
ones, or none, the caption lacks a result, however it came in. So nothing needs to be enqueued where
captions are written, in an app's transaction for instance: workers look for such rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import errors, sql
from psycopg.types.json import Jsonb

from ..types import Connection
from . import jobs
from .arrays import Reals
from .jobs import Queue

if TYPE_CHECKING:
    from ..model.scoring import Embedded, Score

MAX_ENQUEUED = 10_000  # images of one call
MIN_KEPT_ITM = 0.5  # the least match probability of a caption that the filter keeps
_LOOKUP_LOCK = 0x626C6971  # beside jobs._RETRY_LOCK, of pg_try_advisory_xact_lock
MODEL_COLUMNS: dict[str, LiteralString] = {jobs.TEXT: "encoder_id", jobs.SCORE: "filter_id"}


class Active(NamedTuple):
    """The models whose results captions are to have; filter is None where scores are left out."""

    encoder: int | None
    filter: int | None

    def queues(self, *, scores: bool = True) -> list[Queue]:
        """List the queues of both models; without ``scores`` the encoder's alone."""
        pairs = ((jobs.TEXT, self.encoder), (jobs.SCORE, self.filter if scores else None))
        return [Queue(stage, model) for stage, model in pairs if model is not None]


def active(conn: Connection) -> Active:
    """Look up the active models; there is no filter where the setting ``scores`` in blip.settings
    is off. Roles that may not read it take it for on."""
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
    """Count the captions written since then that a filter has scored, and those of them that it
    would keep."""
    row = conn.execute(
        """
        SELECT count(*), count(*) FILTER (WHERE c.itm >= %(kept)s)
        FROM blip.jobs j
        JOIN blip.captions c ON (c.image_id, c.model_id) = (j.image_id, j.model_id)
        WHERE j.stage = 'caption' AND j.state = 'd' AND j.updated_at >= %(since)s
            AND c.filter_id = %(filter)s
        """,
        {"kept": MIN_KEPT_ITM, "since": since, "filter": filter_id},
    ).fetchone()
    return (row[0], row[1]) if row else (0, 0)


def enqueue(conn: Connection, queue: Queue, *, wait: bool = False) -> int:
    """Enqueue at most 10,000 images whose captions lack a queue's result; return their number.

    One session does so at a time: a second one returns 0, or with ``wait`` takes its turn. Jobs for
    scores are only for images that were encoded, as others may not be decodable. Images that an app
    is deleting just now are skipped until the next call, so that nothing waits for its transaction.
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
    values = {"stage": queue.stage, "model": queue.model_id, "most": MAX_ENQUEUED}
    with conn.transaction():
        keys = [_LOOKUP_LOCK, f"{queue.stage} {queue.model_id}"]
        if wait:
            _take_turn(conn, keys)
        elif conn.execute(
            "SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", keys
        ).fetchone() != (True,):
            return 0
        return conn.execute(statement, values).rowcount


def _take_turn(conn: Connection, keys: list[object]) -> None:
    """Wait some seconds for another worker that looks now. Two at once do no harm, and any
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
    """Build the condition that a caption lacks a stage's result, as three ranges of an index."""
    column = sql.Identifier("c", MODEL_COLUMNS[stage])
    return sql.SQL("({0} IS NULL OR {0} < %(model)s OR {0} > %(model)s)").format(column)


# Captions with what was computed of them, in the order of their vectors: slices of one parameter.
_UNNESTED: LiteralString = """
    unnest(%(images)b::uuid[], %(captions)b::uuid[], %(texts)b::text[], %(read)b::boolean[],
           %(itc)b::real[], %(itm)b::real[], %(unread)b::text[])
        WITH ORDINALITY AS u (image_id, caption_id, text, is_read, itc, itm, unread, n)
    """
# A text of which the model reads no word is done, too, and has no vector.
_SLICE: LiteralString = (
    "CASE WHEN u.is_read THEN (%(vectors)s::real[])[(n - 1) * %(dims)s + 1 : n * %(dims)s] END"
)
_VECTOR: LiteralString = f"encoder_id = %(model)s, text_vector = {_SLICE}"
_SCORES: LiteralString = "filter_id = %(model)s, itc = u.itc, itm = u.itm, unread = u.unread"


class CaptionText(NamedTuple):
    """A caption; ``vector`` is the model's own, where it has given one."""

    image_id: UUID
    caption_id: UUID
    text: str
    vector: list[float] | None = None

    @property
    def key(self) -> tuple[UUID, UUID]:
        """The key of its row."""
        return self.image_id, self.caption_id


class CaptionResults(NamedTuple):
    """Results of a model for some captions: vectors to store and scores, None where it gives none.

    ``dims`` is the length of the model's vectors.
    """

    model_id: int
    dims: int
    embedded: Embedded | None
    scores: Sequence[Score] | None

    def select(self, rows: Sequence[int]) -> CaptionResults:
        """Return the results of some of the captions, by their positions."""
        embedded, scores = self.embedded, self.scores
        if embedded is not None:
            embedded = embedded._replace(
                vectors=embedded.vectors[list(rows)],
                ids=[embedded.ids[row] for row in rows],
                unread=[embedded.unread[row] for row in rows],
            )
        if scores is not None:
            scores = [scores[row] for row in rows]
        return self._replace(embedded=embedded, scores=scores)


def without_result(
    conn: Connection, queue: Queue, image_ids: Collection[UUID], limit: int
) -> list[CaptionText]:
    """Read captions of these images that lack the result of a queue's model, in the order of their
    keys."""
    rows = conn.execute(
        sql.SQL(
            "SELECT image_id, caption_id, text,"
            " CASE WHEN encoder_id = %(model)s THEN text_vector::real[] END"
            " FROM blip.captions"
            " WHERE image_id = ANY(%(ids)b) AND {} IS DISTINCT FROM %(model)s"
            " ORDER BY image_id, caption_id LIMIT %(most)s"
        ).format(sql.Identifier(MODEL_COLUMNS[queue.stage])),
        {"ids": list(image_ids), "model": queue.model_id, "most": limit},
        binary=True,
    )
    return [CaptionText(*row) for row in rows]


def store_results(
    conn: Connection, texts: Sequence[CaptionText], results: CaptionResults, *, wait: bool = False
) -> set[tuple[UUID, UUID]]:
    """Store results of captions, and return the keys of those that have them now.

    A caption that was edited meanwhile is left out, as its result is of another text; without
    ``wait`` also one that is locked. ``conn`` has `RealsDumper` registered.
    """
    columns = [
        *(() if results.embedded is None else (_VECTOR,)),
        *(() if results.scores is None else (_SCORES,)),
    ]
    if not texts or not columns:
        return set()
    hold: LiteralString = "" if wait else "SKIP LOCKED"
    rows = conn.execute(
        sql.SQL(
            """
            WITH held AS MATERIALIZED (
                SELECT image_id, caption_id FROM blip.captions
                WHERE (image_id, caption_id) IN (
                    SELECT * FROM unnest(%(images)b::uuid[], %(captions)b::uuid[]))
                FOR NO KEY UPDATE {})
            UPDATE blip.captions c SET {} FROM {}
            WHERE (c.image_id, c.caption_id) = (u.image_id, u.caption_id) AND c.text = u.text
                AND (c.image_id, c.caption_id) IN (SELECT image_id, caption_id FROM held)
            RETURNING c.image_id, c.caption_id
            """
        ).format(sql.SQL(hold), sql.SQL(", ").join(map(sql.SQL, columns)), sql.SQL(_UNNESTED)),
        _result_values(texts, results),
        binary=True,
    )
    return {(image, caption) for image, caption in rows}


def add_synthetic(
    conn: Connection,
    texts: Sequence[CaptionText],
    results: CaptionResults,
    decoding: Mapping[str, Any],
) -> None:
    """Store captions that a model wrote, with its results for them. Those that exist are kept.

    ``decoding`` says how they were written. ``conn`` has `RealsDumper` registered.
    """
    conn.execute(
        sql.SQL(
            """
            INSERT INTO blip.captions (image_id, caption_id, text, origin, model_id, decoding,
                                       text_vector, encoder_id, itc, itm, unread, filter_id)
            SELECT u.image_id, u.caption_id, u.text, 'synthetic', %(model)s, %(decoding)s,
                   {}, %(encoder)s::integer, u.itc, u.itm, u.unread, %(filter)s::integer
            FROM {}
            ON CONFLICT DO NOTHING
            """
        ).format(sql.SQL(_SLICE), sql.SQL(_UNNESTED)),
        _result_values(texts, results)
        | {
            "decoding": Jsonb(dict(decoding)),
            "encoder": None if results.embedded is None else results.model_id,
            "filter": None if results.scores is None else results.model_id,
        },
    )


def _result_values(texts: Sequence[CaptionText], results: CaptionResults) -> dict[str, Any]:
    """Make the parameters of `_UNNESTED` and of the statements around it."""
    _, _, embedded, scores = results
    return {
        "model": results.model_id,
        "dims": results.dims,
        "vectors": None if embedded is None else Reals(embedded.vectors),
        "images": [text.image_id for text in texts],
        "captions": [text.caption_id for text in texts],
        "texts": [text.text for text in texts],
        "read": [embedded is not None and reason is None
                 for reason in (embedded.unread if embedded else texts)],
        "itc": [score.itc for score in scores] if scores else [None] * len(texts),
        "itm": [score.itm for score in scores] if scores else [None] * len(texts),
        "unread": [score.unread for score in scores] if scores else [None] * len(texts),
    }  # fmt: skip
