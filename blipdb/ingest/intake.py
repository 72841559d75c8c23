"""Intake of changed files: they become stored and encoded images.

In this process (`Encoding`) the caller's thread reads and hashes, the decoder's children decode
ahead, and a pool's workers each take a batch: they store its images with files, captions and jobs
in one transaction, and run those jobs on the decoded pixels in a second one. If the process ends in
between, the next ingest finishes the work: stored images have their jobs, and files that were not
stored are still new. With workers elsewhere (`Enqueueing`) the second transaction is theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from ..database import catalog, jobs
from ..database.catalog import New, Seen
from ..database.jobs import Queue
from ..errors import ImageError
from ..identity import image_id
from ..images import formats
from ..images.decode import Decoded
from ..sources import files as sources
from ..sources.captions import Captions, inside
from ..sources.records import Caption, Failure, SourceFile
from ..types import Connection
from ..work import stages
from ..work.context import Outcome, StageContext
from ..work.pool import WorkerPool
from ..work.stages.base import batch_size

READ_FILES = 64  # before the database is asked which of them it has
READ_BYTES = 32 << 20
STORE_BYTES = 32 << 20  # of content in one transaction
DUPLICATES = 1_000  # files with known content in one transaction
ENQUEUED = 256  # images in one transaction of `Enqueueing`


class _Read(NamedTuple):
    seen: Seen
    data: bytes


@dataclass(frozen=True)
class Step:
    """Result of taking in some files."""

    added: int = 0
    duplicates: int = 0
    captions: int = 0
    failed: tuple[Failure, ...] = ()
    jobs: Outcome = field(default_factory=Outcome)


@dataclass(frozen=True)
class Place:
    """Destination of files."""

    conn: Connection
    """In autocommit, of the caller's thread."""

    space: str
    captions: Captions
    store_content: bool

    queues: Sequence[Queue]
    """All queues that encode images."""


class Intake:
    """Takes files in. Subclasses store the images that are new."""

    def __init__(self, place: Place, limit: int) -> None:
        """``limit`` is the size of the largest file that is read, in bytes."""
        self._conn = place.conn
        self._space = place.space
        self._captions = place.captions
        self._store_content = place.store_content
        self._queues = place.queues
        self._limit = limit
        self._first: set[UUID] = set()  # ids of content that this run has read
        self._duplicates: list[Seen] = []  # files with content that is known from another file
        self._failed: list[Failure] = []
        self._refused: dict[UUID, str] = {}

    def run(self, files: Sequence[SourceFile]) -> Iterator[Step]:
        """Take the files in, and yield a step for every batch."""
        for step in self._take_in(self._unknown(files)):
            yield step
            yield self._store_failures()
            if len(self._duplicates) >= DUPLICATES:
                yield self._store_duplicates()
        yield self._store_duplicates()
        self._fail_duplicates()
        yield self._store_failures()

    def _take_in(self, unknown: Iterator[tuple[_Read, bytes]]) -> Iterator[Step]:
        """Store images, or refuse them."""
        raise NotImplementedError

    def _refuse(self, read: _Read, reason: str) -> None:
        self._refused[read.seen.image_id] = reason
        self._failed.append(Failure(read.seen.file.uri, reason, *read.seen.file[1:]))

    def _new(self, read: _Read, decoded: Decoded | None, mime: str) -> New:
        content = read.data if self._store_content else None
        return New(read.seen, sha256(read.data).digest(), decoded, mime, content)

    def _add(self, conn: Connection, batch: Sequence[New]) -> Step:
        """Store images with their files and captions; called within a transaction."""
        added = catalog.add_images(conn, self._space, batch)
        catalog.add_files(conn, self._space, [new.seen for new in batch])
        texts = catalog.add_captions(conn, {new.seen.image_id: self._texts(new) for new in batch})
        return Step(added, len(batch) - added, texts)

    def _texts(self, new: New) -> list[Caption]:
        beside = self._captions.by_uri.get(new.seen.file.uri, [])
        return [*beside, *(inside(new.decoded) if new.decoded else ())]

    def _unknown(self, files: Sequence[SourceFile]) -> Iterator[tuple[_Read, bytes]]:
        """Read the files, and yield those with new content. The others become duplicates."""
        for reads in self._read(files):
            ids = {read.seen.image_id for read in reads}
            known = catalog.stored_images(self._conn, ids - self._first) | self._first
            for read in reads:
                if read.seen.image_id in known:
                    self._duplicates.append(read.seen)
                else:
                    known.add(read.seen.image_id)
                    yield read, read.data
            self._first |= ids

    def _read(self, files: Sequence[SourceFile]) -> Iterator[list[_Read]]:
        """Read the files, in batches of one look-up."""
        reads: list[_Read] = []
        waiting = 0
        for file, content in sources.read_all(files, self._limit):
            if isinstance(content, ImageError):
                # No stat: what is wrong may change without it, as permissions do.
                self._failed.append(Failure(file.uri, content.reason))
                continue
            seen = SourceFile(file.uri, content.size, content.mtime)
            id = image_id(self._space, content.data)
            reads.append(_Read(Seen(seen, id), content.data))
            waiting += content.size
            if len(reads) == READ_FILES or waiting >= READ_BYTES:
                yield reads
                reads, waiting = [], 0
        yield reads

    def _store_duplicates(self) -> Step:
        """Store duplicates of images that are stored by now. The others keep waiting."""
        stored = catalog.stored_images(self._conn, {seen.image_id for seen in self._duplicates})
        ready = [seen for seen in self._duplicates if seen.image_id in stored]
        self._duplicates = [seen for seen in self._duplicates if seen.image_id not in stored]
        if not ready:
            return Step()
        captions: dict[UUID, list[Caption]] = {}
        for seen in ready:
            captions.setdefault(seen.image_id, []).extend(
                self._captions.by_uri.get(seen.file.uri, [])
            )
        with self._conn.transaction():
            catalog.add_files(self._conn, self._space, ready)
            texts = catalog.add_captions(self._conn, captions)
            for queue in self._queues:
                jobs.enqueue(self._conn, queue, captions)
        return Step(duplicates=len(ready), captions=texts)

    def _fail_duplicates(self) -> None:
        """Refuse the duplicates that still wait: they have the content of a refused file."""
        for seen in self._duplicates:
            reason = self._refused.get(seen.image_id, "deleted while it was taken in")
            self._failed.append(Failure(seen.file.uri, reason, *seen.file[1:]))
        self._duplicates = []

    def _store_failures(self) -> Step:
        failed, self._failed = tuple(self._failed), []
        if failed:
            catalog.add_failures(self._conn, self._space, failed)
        return Step(failed=failed)


class Encoding(Intake):
    """Intake whose images are encoded at once, by a pool of this process."""

    def __init__(self, place: Place, workers: WorkerPool) -> None:
        super().__init__(place, workers.decoder.limits.bytes)
        self._workers = workers

    def _take_in(self, unknown: Iterator[tuple[_Read, bytes]]) -> Iterator[Step]:
        decoded = self._workers.decoder.decode_ahead(unknown, self._workers.model.image_size)
        full = batch_size(self._workers.model)
        return self._workers.map(self._store, batches(self._good(decoded), full))

    def _good(self, decoded: Iterable[tuple[_Read, Decoded | ImageError]]) -> Iterator[New]:
        for read, picture in decoded:
            if isinstance(picture, ImageError):
                self._refuse(read, picture.reason)
            else:
                yield self._new(read, picture, picture.mime)

    def _store(self, context: StageContext, batch: Sequence[New]) -> Step:
        """Store a batch, then run its jobs; called in a worker's thread."""
        conn, queue = context.conn, self._workers.queue
        ids = [new.seen.image_id for new in batch]
        with conn.transaction():
            step = self._add(conn, batch)
            lease = jobs.enqueue(conn, queue, ids, token=context.token)
            for other in self._queues:
                if other != queue:
                    jobs.enqueue(conn, other, ids)
        pixels = {new.seen.image_id: new.decoded.pixels for new in batch if new.decoded}
        return replace(step, jobs=stages.run(context, lease, pixels)) if lease else step


class Enqueueing(Intake):
    """Intake whose images are left to workers elsewhere, which find out whether they decode."""

    def _take_in(self, unknown: Iterator[tuple[_Read, bytes]]) -> Iterator[Step]:
        for batch in batches(self._plausible(unknown), ENQUEUED):
            with self._conn.transaction():
                step = self._add(self._conn, batch)
                for queue in self._queues:
                    jobs.enqueue(self._conn, queue, [new.seen.image_id for new in batch])
            yield step

    def _plausible(self, unknown: Iterator[tuple[_Read, bytes]]) -> Iterator[New]:
        for read, data in unknown:
            try:
                yield self._new(read, None, formats.mime(data))
            except ImageError as error:
                self._refuse(read, error.reason)


def batches(images: Iterable[New], most: int) -> Iterator[list[New]]:
    """Split images into batches of one transaction, by number and by stored content."""
    batch: list[New] = []
    waiting = 0
    for new in images:
        batch.append(new)
        waiting += len(new.content or b"")
        if len(batch) == most or waiting >= STORE_BYTES:
            yield batch
            batch, waiting = [], 0
    if batch:
        yield batch
