"""Running jobs: the one function that does is `Worker.run`, whoever leased them.

``blipdb ingest`` calls it with the pixels that it has decoded already; for any other job the
image is read again, from the database or from its file, and checked against its id.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Semaphore
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg import sql
from psycopg.rows import scalar_row
from psycopg.types.json import Jsonb

from ..database import captions, catalog, jobs
from ..database.arrays import Reals, RealsDumper
from ..database.jobs import Lease, Queue
from ..errors import ImageError
from ..identity import caption_id
from ..images.decode import Decoded, Decoder
from ..model import tokens
from ..model.runtime import PAIRS, Encoded, Runtime
from ..model.scoring import Embedded, Score, embed, score
from ..model.tokens import Scales, Tokens
from ..model.writing import USUAL, Writing
from ..registry import Model
from ..sources import stored
from ..sources.captions import inside
from ..types import Connection

Pixels = npt.NDArray[np.uint8]

BATCH_BYTES = 4 << 20  # of pixels in one batch, and so in one transaction
MAX_BATCH = (
    32  # more saves little, leaves a core idle at the end, and is retried one by one after a kill
)
CAPTION_BATCH = 16  # at least, however large the images are
SCORED = 4  # times as many images in a batch of scores: the more texts of one length the better
SAMPLED_BATCH = 32  # a sampled caption is one text at a time, and not several beams
MOST_TEXTS = 512  # of one transaction: a large model reads so many before its lease runs out

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


@dataclass(frozen=True)
class Outcome:
    """Jobs that were done, failed (to be tried again, or parked), or no longer ours to close."""

    done: int = 0
    failed: int = 0
    lost: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(self.done + other.done, self.failed + other.failed, self.lost + other.lost)


class _Text(NamedTuple):
    """A caption; ``vector`` is the model's own, where it has given one."""

    image_id: UUID
    caption_id: UUID
    text: str
    vector: list[float] | None = None

    @property
    def caption(self) -> tuple[UUID, UUID]:
        """The key of its row."""
        return self.image_id, self.caption_id


class _Results(NamedTuple):
    """Of captions: vectors, where they are to be stored, and scores, where there are some."""

    embedded: Embedded | None
    scores: Sequence[Score] | None

    def of(self, rows: Sequence[int]) -> _Results:
        """Select the results of some captions, by their positions."""
        embedded, scores = self
        if embedded is not None:
            embedded = Embedded(
                embedded.vectors[list(rows)],
                [embedded.ids[row] for row in rows],
                [embedded.unread[row] for row in rows],
            )
        return _Results(embedded, None if scores is None else [scores[row] for row in rows])


class _Failed(NamedTuple):
    reason: str
    for_good: bool


class _Seen(NamedTuple):
    """An image as a model sees it: a row of `Encoded`; ``itc`` is empty where nobody asked."""

    itc: npt.NDArray[np.float32]
    tokens: Tokens
    scales: Scales


@dataclass
class _Pictures:
    """Of a batch's images: pixels, why some have none, and what decoding told of them."""

    pixels: dict[UUID, Pixels] = field(default_factory=dict)
    failed: dict[UUID, _Failed] = field(default_factory=dict)
    decoded: dict[UUID, Decoded] = field(default_factory=dict)

    @property
    def batch(self) -> Pixels:
        """uint8 [B, S, S, 3], in the order of ``pixels``."""
        return np.stack(list(self.pixels.values()))


class Worker:
    """Runs jobs of one model over a connection of its own (autocommit); one caller at a time."""

    def __init__(
        self,
        conn: Connection,
        model: Model,
        runtime: Runtime,
        decoder: Decoder,
        writing: Writing = USUAL,
        *,
        token: UUID | None = None,
        turns: Semaphore | None = None,
        scores: bool = True,
    ) -> None:
        """``writing`` is how captions are written, where that is the job. ``token`` is the
        connection's, if it has one; ``turns`` are for the model, where workers share few. Without
        ``scores`` the captions that are written get none here."""
        conn.adapters.register_dumper(Reals, RealsDumper)
        # Nobody waits for the disk at each batch. A server that crashes forgets the last ones
        # whole, results and closed jobs alike, and they are run again; see `jobs.flush`.
        conn.execute("SET synchronous_commit TO off")
        self.conn = conn
        self.model = model
        self.token = token or jobs.hold(conn)
        self._runtime = runtime
        self._decoder = decoder
        self._writing = writing
        self._turns = turns or Semaphore()
        self._scores = scores

    def run(self, lease: Lease, pixels: Mapping[UUID, Pixels] | None = None) -> Outcome:
        """Run leased jobs and close them, their results in the same transaction.

        ``pixels`` (uint8 [S, S, 3]) of images that are decoded already spare reading them again.

        Raises:
            BlipdbError, psycopg.Error: what no other job would survive either; the lease was
                given back.
        """
        stages = {
            jobs.ENCODE: self._encode,
            jobs.TEXT: self._embed,
            jobs.CAPTION: self._caption,
            jobs.WRITE: self._caption,
            jobs.SCORE: self._score,
        }
        try:
            return stages[lease.queue.stage](lease, pixels or {})
        except BaseException:
            self._give_back(lease)
            raise

    def run_due(self, queue: Queue) -> Outcome | None:
        """Lease as many jobs as one transaction should hold, and run them; None if none is due."""
        n = batch_size(self.model)
        if queue.stage in (jobs.CAPTION, jobs.WRITE):
            least = CAPTION_BATCH if self._writing.nucleus is None else SAMPLED_BATCH
            n = max(n, least)
        elif queue.stage == jobs.SCORE:
            n *= SCORED
        lease = jobs.lease(self.conn, queue, self.token, n)
        return self.run(lease) if lease else None

    def _encode(self, lease: Lease, given: Mapping[UUID, Pixels]) -> Outcome:
        pictures = self._pictures(lease.image_ids, given)
        if not pictures.pixels:
            return self._close(lease, [], lambda done: None, pictures)
        with self._turns:
            encoded = self._runtime.encode_images(pictures.batch)
        ids = list(pictures.pixels)

        def write(done: Sequence[UUID]) -> None:
            kept = set(done)
            self._write_encoded(ids, encoded, [n for n, id in enumerate(ids) if id in kept])

        return self._close(lease, ids, write, pictures)

    def _embed(self, lease: Lease, given: Mapping[UUID, Pixels]) -> Outcome:
        texts, more = self._lacking(lease.image_ids, jobs.TEXT)
        with self._turns:
            results = _Results(embed(self._runtime, [row.text for row in texts]), None)
        return self._close_texts(lease, lease.image_ids, texts, results, more, _Pictures())

    def _caption(self, lease: Lease, given: Mapping[UUID, Pixels]) -> Outcome:
        active = captions.active(self.conn)
        is_filter = self._scores and active.filter == self.model.model_id
        is_encoder = active.encoder == self.model.model_id
        with self._turns:
            self._open_for(is_encoder=is_encoder, is_filter=is_filter)
        seen, pictures = self._look(lease.image_ids, given, vectors=is_filter)
        with self._turns:
            written = self._captions(seen)
            texts = [_Text(id, caption_id("synthetic", text), text)
                     for id, text in sorted(written.items()) if text]  # fmt: skip
            results = self._judge(texts, seen, is_encoder=is_encoder, is_filter=is_filter)
        pictures.failed |= {id: _Failed("the model wrote an empty caption", True)
                            for id, text in written.items() if not text}  # fmt: skip
        others = [
            queue
            for queue in active.queues(scores=self._scores)
            if queue.model_id != self.model.model_id and lease.queue.stage != jobs.WRITE
        ]

        def write(done: Sequence[UUID]) -> None:
            kept = set(done)
            rows = [row for row, text in enumerate(texts) if text.image_id in kept]
            self._write_captions([texts[row] for row in rows], results.of(rows))
            for queue in others:
                jobs.reopen(self.conn, queue, done)

        return self._close(lease, [text.image_id for text in texts], write, pictures)

    def _open_for(self, *, is_encoder: bool, is_filter: bool) -> None:
        """Have the graphs at hand with which the captions that are written here are judged."""
        if is_encoder or is_filter:
            self._runtime.open("text")
        if is_filter:
            self._runtime.open(PAIRS)

    def _captions(self, seen: Mapping[UUID, _Seen]) -> dict[UUID, str]:
        if not seen:
            return {}
        images = _stacked(seen.values())
        written = self._runtime.caption(
            images.tokens, images.scales, **self._writing.options(list(seen))
        )
        return dict(zip(seen, written, strict=True))

    def _judge(
        self,
        texts: Sequence[_Text],
        seen: Mapping[UUID, _Seen],
        *,
        is_encoder: bool,
        is_filter: bool,
    ) -> _Results:
        """Vectors that are to be stored, and scores, of captions of images in ``seen``."""
        if not texts or not (is_encoder or is_filter):
            return _Results(None, None)
        known = {row: text.vector for row, text in enumerate(texts) if text.vector is not None}
        embedded = embed(self._runtime, [text.text for text in texts], known)
        scores = None
        if is_filter:
            places = {id: place for place, id in enumerate(seen)}
            scores = score(
                self._runtime,
                embedded,
                _stacked(seen.values()),
                [places[row.image_id] for row in texts],
            )
        return _Results(embedded if is_encoder else None, scores)

    def _score(self, lease: Lease, given: Mapping[UUID, Pixels]) -> Outcome:
        texts, more = self._lacking(lease.image_ids, jobs.SCORE)
        is_encoder = captions.active(self.conn).encoder == self.model.model_id and any(
            text.vector is None for text in texts
        )
        ids = sorted({text.image_id for text in texts})
        seen, pictures = self._look(ids, given, vectors=True)
        texts = [text for text in texts if text.image_id in seen]
        with self._turns:
            results = self._judge(texts, seen, is_encoder=is_encoder, is_filter=True)
        done = [id for id in lease.image_ids if id not in pictures.failed]
        return self._close_texts(lease, done, texts, results, more, pictures)

    def _look(
        self, ids: Sequence[UUID], given: Mapping[UUID, Pixels], *, vectors: bool
    ) -> tuple[dict[UUID, _Seen], _Pictures]:
        """Images as the model sees them: stored tokens, else encoded now. ``vectors``: with their
        ITC vectors."""
        seen = self._stored(ids, vectors=vectors)
        pictures = self._pictures([id for id in ids if id not in seen], given)
        if pictures.pixels:
            with self._turns:
                encoded = self._runtime.encode_images(pictures.batch)
            if not vectors:  # as `_stored` leaves them out, so that all are of one shape
                encoded = encoded._replace(itc=encoded.itc[:, :0])
            rows = map(_Seen._make, zip(*encoded, strict=True))
            seen |= dict(zip(pictures.pixels, rows, strict=True))
        return seen, pictures

    def _close(
        self,
        lease: Lease,
        ids: Sequence[UUID],
        write: Callable[[Sequence[UUID]], None],
        pictures: _Pictures,
    ) -> Outcome:
        """Complete and fail jobs; ``write`` gets those that were ours, within the transaction that
        closes them.

        Who holds locks waits for none: an app that deletes images in an order of its own could be
        the one whom PostgreSQL chooses to end the deadlock. So what is locked comes afterwards, one
        at a time.
        """
        with self.conn.transaction():
            done = jobs.complete(self.conn, lease, ids, wait=False)
            self._note(done, pictures.decoded)
            write(done)
        for id, why in pictures.failed.items():
            jobs.fail(self.conn, lease, id, why.reason, for_good=why.for_good)
        for id in sorted(set(ids) - set(done)):
            with self.conn.transaction():
                late = jobs.complete(self.conn, lease, [id])
                self._note(late, pictures.decoded)
                write(late)
            done += late
        return Outcome(len(done), len(pictures.failed), len(ids) - len(done))

    def _close_texts(
        self,
        lease: Lease,
        ids: Sequence[UUID],
        texts: Sequence[_Text],
        results: _Results,
        more: Collection[UUID],
        pictures: _Pictures,
    ) -> Outcome:
        """Close jobs of images with the results of their captions; open those again whose images
        have ``more``. As with images, a caption that somebody is editing or deleting comes
        afterwards, alone."""
        left: list[int] = []

        def write(done: Sequence[UUID]) -> None:
            kept = set(done)
            rows = [row for row, text in enumerate(texts) if text.image_id in kept]
            written = self._write_of([texts[row] for row in rows], results.of(rows))
            left.extend(row for row in rows if texts[row].caption not in written)
            if written and (again := kept.intersection(more)):
                jobs.reopen(self.conn, lease.queue, again)

        outcome = self._close(lease, ids, write, pictures)
        for row in left:
            self._write_of([texts[row]], results.of([row]), wait=True)
        return outcome

    def _give_back(self, lease: Lease) -> None:
        # Where the connection is gone, so is its lock, and with that the lease.
        with suppress(psycopg.Error), self.conn.transaction():
            jobs.release(self.conn, lease)

    def _pictures(self, ids: Sequence[UUID], given: Mapping[UUID, Pixels]) -> _Pictures:
        """The images' pixels, given or read and decoded here."""
        found = _Pictures({id: given[id] for id in ids if id in given})
        missing = [id for id in ids if id not in given]
        read = self._read(missing, found.failed)
        for id, decoded in self._decoder.decode_ahead(read, self.model.image_size):
            if isinstance(decoded, ImageError):
                found.failed[id] = _Failed(decoded.reason, for_good=True)
            else:
                found.pixels[id] = decoded.pixels
                found.decoded[id] = decoded
        return found

    def _read(
        self, ids: Sequence[UUID], failed: dict[UUID, _Failed]
    ) -> Iterator[tuple[UUID, bytes]]:
        """Each image's bytes; those that can't be read go to ``failed``."""
        for id, content in stored.read(self.conn, ids, self._decoder.limits.bytes):
            if isinstance(content, ImageError):
                failed[id] = _Failed(content.reason, content.for_good)
            else:
                yield id, content

    def _note(self, done: Iterable[UUID], decoded: Mapping[UUID, Decoded]) -> None:
        """What only decoding tells of images that came undecoded: their sizes, and the captions
        inside them."""
        ids = [id for id in done if id in decoded]
        if not ids:
            return
        with self.conn.cursor(row_factory=scalar_row) as cursor:
            cursor.execute(
                """
                UPDATE blip.images i SET width = u.width, height = u.height, mime = u.mime
                FROM unnest(%b::uuid[], %b::int[], %b::int[], %b::text[])
                    AS u (image_id, width, height, mime)
                WHERE i.image_id = u.image_id AND i.width IS NULL
                RETURNING i.image_id
                """,
                [
                    ids,
                    [decoded[id].width for id in ids],
                    [decoded[id].height for id in ids],
                    [decoded[id].mime for id in ids],
                ],
            )
            new = cursor.fetchall()
        catalog.add_captions(self.conn, {id: inside(decoded[id]) for id in new})

    def _stored(self, ids: Sequence[UUID], *, vectors: bool) -> dict[UUID, _Seen]:
        """Read the tokens of images that are stored; with ``vectors`` their ITC vectors,
        too."""
        rows = self.conn.execute(
            """
            SELECT t.image_id, t.tokens, v.itc::real[]
            FROM blip.image_tokens t
            LEFT JOIN blip.image_vectors v
                ON v.image_id = t.image_id AND v.model_id = %(model)s AND %(vectors)s
            WHERE t.image_id = ANY(%(ids)b) AND t.model_id = %(model)s
            """,
            {"model": self.model.model_id, "ids": list(ids), "vectors": vectors},
            binary=True,
        )
        return {
            id: _Seen(np.array(itc or (), np.float32), *tokens.unpack(record, *self.model.record))
            for id, record, itc in rows
            if itc is not None or not vectors
        }

    def _lacking(self, ids: Sequence[UUID], stage: str) -> tuple[list[_Text], Collection[UUID]]:
        """The captions of images of which this model has not given what the stage is for, as many
        as one transaction should hold; and the images that may have more of them."""
        rows = self.conn.execute(
            sql.SQL(
                "SELECT image_id, caption_id, text,"
                " CASE WHEN encoder_id = %(model)s THEN text_vector::real[] END"
                " FROM blip.captions"
                " WHERE image_id = ANY(%(ids)b) AND {} IS DISTINCT FROM %(model)s"
                " ORDER BY image_id, caption_id LIMIT %(most)s"
            ).format(sql.Identifier(captions.COLUMNS[stage])),
            {"ids": list(ids), "model": self.model.model_id, "most": MOST_TEXTS + 1},
            binary=True,
        )
        texts = [_Text(*row) for row in rows]
        if len(texts) <= MOST_TEXTS:
            return texts, ()
        return texts[:-1], {id for id in ids if id >= texts[-1].image_id}

    def _write_of(
        self, texts: Sequence[_Text], results: _Results, *, wait: bool = False
    ) -> set[tuple[UUID, UUID]]:
        """Write the results of captions; of which. A caption that somebody edited meanwhile is
        left, as what was computed is of another text; without ``wait`` also one that is locked."""
        embedded, scores = results
        columns = [
            *(() if embedded is None else (_VECTOR,)),
            *(() if scores is None else (_SCORES,)),
        ]
        if not texts or not columns:
            return set()
        hold: LiteralString = "" if wait else "SKIP LOCKED"
        rows = self.conn.execute(
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
            self._values(texts, embedded, scores),
            binary=True,
        )
        return {(image, caption) for image, caption in rows}

    def _values(
        self,
        texts: Sequence[_Text],
        embedded: Embedded | None,
        scores: Sequence[Score] | None,
    ) -> dict[str, Any]:
        """Build the parameters of `_UNNESTED` and of the statements with it."""
        judged = scores or [Score()] * len(texts)
        return {
            "model": self.model.model_id,
            "dims": self.model.itc_dims,
            "vectors": None if embedded is None else Reals(embedded.vectors),
            "images": [text.image_id for text in texts],
            "captions": [text.caption_id for text in texts],
            "texts": [text.text for text in texts],
            "read": [embedded is not None and reason is None
                     for reason in (embedded.unread if embedded else texts)],
            "itc": [found.itc for found in judged],
            "itm": [found.itm for found in judged],
            "unread": [found.unread for found in judged],
        }  # fmt: skip

    def _write_encoded(self, ids: Sequence[UUID], encoded: Encoded, rows: Sequence[int]) -> None:
        records = b"".join(tokens.pack_batch(encoded.tokens[rows], encoded.scales[rows]))
        values = {
            "ids": [ids[n] for n in rows],
            "model": self.model.model_id,
            "itc": Reals(encoded.itc[rows]),
            "dims": self.model.itc_dims,
            "tokens": records,
            "size": tokens.record_size(*self.model.record),
        }
        # Slices of one parameter: an array with an element per image costs more on both sides.
        if encoded.itc.shape[1]:  # else the model only captions, or answers
            self.conn.execute(
                """
                INSERT INTO blip.image_vectors (image_id, model_id, itc)
                SELECT id, %(model)s, (%(itc)s)[(n - 1) * %(dims)s + 1 : n * %(dims)s]
                FROM pg_catalog.unnest(%(ids)b::uuid[]) WITH ORDINALITY AS u (id, n)
                ON CONFLICT (image_id, model_id) DO UPDATE SET itc = excluded.itc
                """,
                values,
            )
        self.conn.execute(
            """
            INSERT INTO blip.image_tokens (image_id, model_id, tokens)
            SELECT id, %(model)s,
                   substr(%(tokens)b, ((n - 1) * %(size)s + 1)::integer, %(size)s::integer)
            FROM pg_catalog.unnest(%(ids)b::uuid[]) WITH ORDINALITY AS u (id, n)
            ON CONFLICT (image_id, model_id) DO UPDATE SET tokens = excluded.tokens
            """,
            values,
        )

    def _write_captions(self, texts: Sequence[_Text], results: _Results) -> None:
        embedded, scores = results
        self.conn.execute(
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
            self._values(texts, embedded, scores)
            | {
                "decoding": Jsonb(self._writing.to_dict()),
                "encoder": None if embedded is None else self.model.model_id,
                "filter": None if scores is None else self.model.model_id,
            },
        )


def batch_size(model: Model) -> int:
    """How many images one transaction holds: many where they are small, for each is a flush."""
    return max(1, min(MAX_BATCH, BATCH_BYTES // (3 * model.image_size**2)))


def _stacked(seen: Iterable[_Seen]) -> Encoded:
    return Encoded(*(np.stack(part) for part in zip(*seen, strict=True)))
