"""Shared parts of all stages: reading a batch's images, and closing its jobs with their results.

Pixels that a caller has decoded already are used as they are. Any other image is read again, from
the database or from its file, and checked against its id.
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

from ..database import catalog, jobs, vectors
from ..database.arrays import Reals, RealsDumper
from ..database.jobs import Lease
from ..database.vectors import EncodedImage
from ..errors import ImageError
from ..images.decode import Decoded, Decoder
from ..model.runtime import Runtime
from ..model.writing import USUAL, Writing
from ..registry import Model
from ..sources import stored
from ..sources.captions import inside
from ..types import Connection

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Outcome:
    """Numbers of jobs that were done, that failed, and that were lost.

    Failed ones are tried again, or parked; lost ones were taken over by another worker.
    """

    done: int = 0
    failed: int = 0
    lost: int = 0

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(self.done + other.done, self.failed + other.failed, self.lost + other.lost)


class FailedImage(NamedTuple):
    """The reason why an image has no result; ``for_good`` if another attempt can't help."""

    reason: str
    for_good: bool


@dataclass
class DecodedBatch:
    """Decoded pixels, errors and metadata of a batch."""

    pixels: dict[UUID, Pixels] = field(default_factory=dict)
    failed: dict[UUID, FailedImage] = field(default_factory=dict)
    decoded: dict[UUID, Decoded] = field(default_factory=dict)

    @property
    def array(self) -> Pixels:
        """Pixels as uint8 [B, S, S, 3], in the order of ``pixels``."""
        return np.stack(list(self.pixels.values()))


class StageContext:
    """One worker's resources to run batches with: a connection of its own, and a model.

    One caller at a time.
    """

    def __init__(
        self,
        conn: Connection,
        model: Model,
        runtime: Runtime,
        decoder: Decoder,
        writing: Writing = USUAL,
        *,
        token: UUID | None = None,
        slots: Semaphore | None = None,
        scores: bool = True,
    ) -> None:
        """Prepare the connection.

        Args:
            conn: in autocommit.
            model: the model of the queues whose jobs are run.
            runtime: the model, loaded with the graphs of their stages.
            decoder: decodes images that are read.
            writing: how captions are written.
            token: the one under which the connection leases jobs, if it has one.
            slots: limits how many workers use the model at a time.
            scores: score the captions that are written, if the model is the active filter.
        """
        conn.adapters.register_dumper(Reals, RealsDumper)
        # No batch waits for the disk. A server that crashes forgets the last ones whole, results
        # and closed jobs alike, and they are run again; see `jobs.flush`.
        conn.execute("SET synchronous_commit TO off")
        self.conn = conn
        self.model = model
        self.runtime = runtime
        self.decoder = decoder
        self.writing = writing
        self.token = token or jobs.hold(conn)
        self.slots = slots or Semaphore()
        self.scores = scores

    def decode(self, ids: Sequence[UUID], pixels: Mapping[UUID, Pixels]) -> DecodedBatch:
        """Return the images' pixels, as given, or else read and decoded now."""
        batch = DecodedBatch({id: pixels[id] for id in ids if id in pixels})
        missing = [id for id in ids if id not in pixels]
        read = self._read(missing, batch.failed)
        for id, decoded in self.decoder.decode_ahead(read, self.model.image_size):
            if isinstance(decoded, ImageError):
                batch.failed[id] = FailedImage(decoded.reason, for_good=True)
            else:
                batch.pixels[id] = decoded.pixels
                batch.decoded[id] = decoded
        return batch

    def _read(
        self, ids: Sequence[UUID], failed: dict[UUID, FailedImage]
    ) -> Iterator[tuple[UUID, bytes]]:
        """Yield each image's bytes; those that can't be read go to ``failed``."""
        for id, content in stored.read(self.conn, ids, self.decoder.limits.bytes):
            if isinstance(content, ImageError):
                failed[id] = FailedImage(content.reason, content.for_good)
            else:
                yield id, content

    def encode(
        self, ids: Sequence[UUID], pixels: Mapping[UUID, Pixels], *, with_vectors: bool
    ) -> tuple[dict[UUID, EncodedImage], DecodedBatch]:
        """Return images as the model has encoded them: as stored, or else encoded now.

        Without ``with_vectors`` their ITC vectors are empty.
        """
        encoded = vectors.stored(
            self.conn, self.model.model_id, self.model.record, ids, vectors=with_vectors
        )
        batch = self.decode([id for id in ids if id not in encoded], pixels)
        if batch.pixels:
            with self.slots:
                new = self.runtime.encode_images(batch.array)
            if not with_vectors:  # as stored ones come without, and all are of one shape
                new = new._replace(itc=new.itc[:, :0])
            rows = map(EncodedImage._make, zip(*new, strict=True))
            encoded |= dict(zip(batch.pixels, rows, strict=True))
        return encoded, batch

    def close(
        self,
        lease: Lease,
        ids: Sequence[UUID],
        write: Callable[[Sequence[UUID]], None],
        batch: DecodedBatch,
    ) -> Outcome:
        """Complete the jobs of ``ids``, and fail those of ``batch.failed``.

        ``write`` is called with the images whose jobs were still ours, within the transaction that
        closes them.

        A transaction that holds locks waits for none: an app that deletes images in an order of its
        own could be the one that PostgreSQL chooses to end the deadlock. So locked images come
        afterwards, one at a time.
        """
        with self.conn.transaction():
            done = jobs.complete(self.conn, lease, ids, wait=False)
            self._store_metadata(done, batch.decoded)
            write(done)
        for id, why in batch.failed.items():
            jobs.fail(self.conn, lease, id, why.reason, for_good=why.for_good)
        for id in sorted(set(ids) - set(done)):
            with self.conn.transaction():
                late = jobs.complete(self.conn, lease, [id])
                self._store_metadata(late, batch.decoded)
                write(late)
            done += late
        return Outcome(len(done), len(batch.failed), len(ids) - len(done))

    def _store_metadata(self, done: Iterable[UUID], decoded: Mapping[UUID, Decoded]) -> None:
        """Store the sizes of images that came undecoded, and the captions inside them."""
        if images := {id: decoded[id] for id in done if id in decoded}:
            new = catalog.store_sizes(self.conn, images)
            catalog.add_captions(self.conn, {id: inside(decoded[id]) for id in new})

    def give_back(self, lease: Lease) -> None:
        """Release a lease. Where the connection is gone, so is its lock, and with it the lease."""
        with suppress(psycopg.Error), self.conn.transaction():
            jobs.release(self.conn, lease)
