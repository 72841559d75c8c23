"""Running jobs: the one function that does is `Worker.run`, whoever leased them.

``blipdb ingest`` calls it with the pixels that it has decoded already; for any other job the
image is read again, from the database or from its file, and checked against its id.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Semaphore
from typing import NamedTuple
from uuid import UUID

import numpy as np
import numpy.typing as npt
import psycopg
from psycopg import sql
from psycopg.rows import scalar_row
from psycopg.types.json import Jsonb

from . import catalog, contents, jobs, tokens
from .arrays import Reals, RealsDumper
from .errors import ImageError
from .identity import caption_id
from .images.decode import Decoded, Decoder
from .jobs import Connection, Lease, Queue
from .registry import Model
from .runtime import Encoded, Runtime
from .scoring import Score, Vectors, embed, score
from .sidecars import inside
from .writing import USUAL, Writing

Pixels = npt.NDArray[np.uint8]

BATCH_BYTES = 4 << 20  # of pixels in one batch, and so in one transaction
MAX_BATCH = (
    32  # more saves little, leaves a core idle at the end, and is retried one by one after a kill
)
CAPTION_BATCH = 16
SAMPLED_BATCH = 32  # a sampled caption is one text at a time, and not several beams


@dataclass(frozen=True)
class Outcome:
    """Jobs that were done, failed (to be tried again, or parked), or no longer ours to close."""

    done: int = 0
    failed: int = 0
    lost: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(self.done + other.done, self.failed + other.failed, self.lost + other.lost)


class _Text(NamedTuple):
    image_id: UUID
    caption_id: UUID
    text: str


class _Failed(NamedTuple):
    reason: str
    for_good: bool


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
    ) -> None:
        """``writing`` is how captions are written, where that is the job. ``token`` is the
        connection's, if it has one; ``turns`` are for the model, where workers share few."""
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
            n = CAPTION_BATCH if self._writing.nucleus is None else SAMPLED_BATCH
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
        captions = self._lacking(lease.image_ids, "encoder_id")
        with self._turns:
            vectors, unread = embed(self._runtime, [row.text for row in captions])

        def write(done: Sequence[UUID]) -> None:
            kept = set(done)
            rows = [n for n, row in enumerate(captions) if row.image_id in kept]
            self._write_texts([captions[n] for n in rows], vectors[rows], unread)

        return self._close(lease, lease.image_ids, write, _Pictures())

    def _caption(self, lease: Lease, given: Mapping[UUID, Pixels]) -> Outcome:
        stored = self._stored_tokens(lease.image_ids)
        missing = [id for id in lease.image_ids if id not in stored]
        pictures = self._pictures(missing, given)
        with self._turns:
            if pictures.pixels:
                encoded = self._runtime.encode_images(pictures.batch)
                stored |= dict(zip(pictures.pixels, _pairs(encoded), strict=True))
            texts = self._captions(stored)
        pictures.failed |= {id: _Failed("the model wrote an empty caption", True)
                            for id, text in texts.items() if not text}  # fmt: skip

        def write(done: Sequence[UUID]) -> None:
            self._write_captions([(id, texts[id]) for id in done])

        return self._close(lease, [id for id in texts if texts[id]], write, pictures)

    def _captions(
        self, images: Mapping[UUID, tuple[tokens.Tokens, tokens.Scales]]
    ) -> dict[UUID, str]:
        if not images:
            return {}
        values, scales = (np.stack(part) for part in zip(*images.values(), strict=True))
        written = self._runtime.caption(values, scales, **self._writing.options(list(images)))
        return dict(zip(images, written, strict=True))

    def _score(self, lease: Lease, given: Mapping[UUID, Pixels]) -> Outcome:
        captions = self._lacking(lease.image_ids, "filter_id")
        pictures = self._pictures(sorted({row.image_id for row in captions}), given)
        places = {id: place for place, id in enumerate(pictures.pixels)}
        captions = [row for row in captions if row.image_id in places]
        scores: list[Score] = []
        if captions:
            rows = [places[row.image_id] for row in captions]
            with self._turns:
                encoded = self._runtime.encode_images(pictures.batch)
                images = Encoded(encoded.itc[rows], encoded.tokens[rows], encoded.scales[rows])
                scores = score(self._runtime, [row.text for row in captions], images)

        def write(done: Sequence[UUID]) -> None:
            kept = set(done)
            self._write_scores(
                [pair for pair in zip(captions, scores, strict=True) if pair[0].image_id in kept]
            )

        done = [id for id in lease.image_ids if id not in pictures.failed]
        return self._close(lease, done, write, pictures)

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
        for id, content in contents.read(self.conn, ids, self._decoder.limits.bytes):
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

    def _stored_tokens(
        self, ids: Sequence[UUID]
    ) -> dict[UUID, tuple[tokens.Tokens, tokens.Scales]]:
        rows = self.conn.execute(
            "SELECT image_id, tokens FROM blip.image_tokens"
            " WHERE image_id = ANY(%b) AND model_id = %s",
            [list(ids), self.model.model_id],
            binary=True,
        )
        return {id: tokens.unpack(record, *self.model.record) for id, record in rows}

    def _lacking(self, ids: Sequence[UUID], column: str) -> list[_Text]:
        """The captions of images of which this model has not given what ``column`` vouches for."""
        rows = self.conn.execute(
            sql.SQL(
                "SELECT image_id, caption_id, text FROM blip.captions"
                " WHERE image_id = ANY(%b) AND {} IS DISTINCT FROM %s"
                " ORDER BY image_id, caption_id"
            ).format(sql.Identifier(column)),
            [list(ids), self.model.model_id],
            binary=True,
        )
        return [_Text(*row) for row in rows]

    def _write_texts(
        self, texts: Sequence[_Text], vectors: Vectors, unread: Mapping[str, str]
    ) -> None:
        """A text of which the model reads no word is done, too, and has no vector."""
        dims = self.model.itc_dims
        self.conn.execute(
            """
            UPDATE blip.captions c
            SET encoder_id = %(model)s, text_vector = CASE WHEN u.is_read
                THEN ((%(itc)s)[(n - 1) * %(dims)s + 1 : n * %(dims)s]) END
            FROM unnest(%(images)b::uuid[], %(captions)b::uuid[], %(read)b::boolean[])
                WITH ORDINALITY AS u (image_id, caption_id, is_read, n)
            WHERE (c.image_id, c.caption_id) = (u.image_id, u.caption_id)
            """,
            {
                "model": self.model.model_id,
                "itc": Reals(vectors),
                "dims": dims,
                "images": [text.image_id for text in texts],
                "captions": [text.caption_id for text in texts],
                "read": [text.text not in unread for text in texts],
            },
        )

    def _write_scores(self, scores: Sequence[tuple[_Text, Score]]) -> None:
        self.conn.execute(
            """
            UPDATE blip.captions c SET itc = u.itc, itm = u.itm, unread = u.unread, filter_id = %s
            FROM unnest(%b::uuid[], %b::uuid[], %b::real[], %b::real[], %b::text[])
                AS u (image_id, caption_id, itc, itm, unread)
            WHERE (c.image_id, c.caption_id) = (u.image_id, u.caption_id)
            """,
            [
                self.model.model_id,
                [text.image_id for text, _ in scores],
                [text.caption_id for text, _ in scores],
                [found.itc for _, found in scores],
                [found.itm for _, found in scores],
                [found.unread for _, found in scores],
            ],
        )

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

    def _write_captions(self, texts: Sequence[tuple[UUID, str]]) -> None:
        self.conn.execute(
            """
            INSERT INTO blip.captions (image_id, caption_id, text, origin, model_id, decoding)
            SELECT *, 'synthetic', %s, %s FROM unnest(%b::uuid[], %b::uuid[], %b::text[])
            ON CONFLICT DO NOTHING
            """,
            [
                self.model.model_id,
                Jsonb(self._writing.to_dict()),
                [id for id, _ in texts],
                [caption_id("synthetic", text) for _, text in texts],
                [text for _, text in texts],
            ],
        )


def batch_size(model: Model) -> int:
    """How many images one transaction holds: many where they are small, for each is a flush."""
    return max(1, min(MAX_BATCH, BATCH_BYTES // (3 * model.image_size**2)))


def _pairs(encoded: Encoded) -> Iterator[tuple[tokens.Tokens, tokens.Scales]]:
    return zip(encoded.tokens, encoded.scales, strict=True)
