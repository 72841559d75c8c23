"""From changed files to stored and encoded images, every core at work.

The caller's thread reads and hashes, the decoder's children decode ahead, and a crew's workers
each take a batch: they store its images with files, captions and jobs in one transaction, and
run those jobs, on the pixels at hand, in a second. Whatever ends the process in between, the
next ingest finishes: stored images have their jobs, and files that were not stored are new again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from . import catalog, jobs, sources
from .catalog import New, Seen
from .encode import Crew
from .errors import ImageError
from .identity import image_id
from .images.decode import Decoded, Decoder
from .jobs import Connection, Queue
from .sidecars import Caption, Captions, clean
from .sources import Failure, SourceFile
from .worker import Outcome, Worker, batch_size

READ_FILES = 64  # before the database is asked which of them it has
READ_BYTES = 32 << 20
STORE_BYTES = 32 << 20  # of content in one transaction
AGAIN = 1_000  # files with known content in one transaction


class _Read(NamedTuple):
    seen: Seen
    data: bytes


@dataclass(frozen=True)
class Step:
    """What became of some files."""

    added: int = 0
    duplicates: int = 0
    captions: int = 0
    failed: tuple[Failure, ...] = ()
    jobs: Outcome = field(default_factory=Outcome)


class Pipeline:
    """Takes files into one space. ``conn`` (autocommit) is the caller's thread's."""

    def __init__(
        self,
        conn: Connection,
        space: str,
        captions: Captions,
        *,
        store_content: bool,
        decoder: Decoder,
        crew: Crew,
        others: Sequence[Queue] = (),
    ) -> None:
        """``crew`` encodes what comes in; ``others`` are queues that have it encoded later."""
        self._conn = conn
        self._space = space
        self._captions = captions
        self._store_content = store_content
        self._decoder = decoder
        self._crew = crew
        self._others = others
        self._first: set[UUID] = set()  # content that this run has met
        self._again: list[Seen] = []  # files with content met before, by this run or another
        self._failed: list[Failure] = []
        self._refused: dict[UUID, str] = {}

    def run(self, files: Sequence[SourceFile]) -> Iterator[Step]:
        """Take the files in; a step for every batch."""
        size = self._crew.model.image_size
        decoded = self._decoder.decode_ahead(self._unknown(files), size)
        for step in self._crew.map(self._store, self._batches(decoded)):
            yield step
            yield self._store_failures()
            if len(self._again) >= AGAIN:
                yield self._store_again()
        yield self._store_again()
        self._fail_again()
        yield self._store_failures()

    def _unknown(self, files: Sequence[SourceFile]) -> Iterator[tuple[_Read, bytes]]:
        """The files whose content nobody has met, read; the others are noted in passing."""
        for reads in self._read(files):
            ids = {read.seen.image_id for read in reads}
            known = catalog.stored(self._conn, ids - self._first) | self._first
            for read in reads:
                if read.seen.image_id in known:
                    self._again.append(read.seen)
                else:
                    known.add(read.seen.image_id)
                    yield read, read.data
            self._first |= ids

    def _read(self, files: Sequence[SourceFile]) -> Iterator[list[_Read]]:
        """The files' contents, as many at a time as one look-up is good for."""
        reads: list[_Read] = []
        waiting = 0
        for file in files:
            try:
                content = sources.read(file.uri, self._decoder.limits.bytes)
            except ImageError as error:
                # No stat: what is wrong may change without it, as permissions do.
                self._failed.append(Failure(file.uri, error.reason))
                continue
            seen = SourceFile(file.uri, content.size, content.mtime)
            id = image_id(self._space, content.data)
            reads.append(_Read(Seen(seen, id), content.data))
            waiting += content.size
            if len(reads) == READ_FILES or waiting >= READ_BYTES:
                yield reads
                reads, waiting = [], 0
        yield reads

    def _batches(
        self, decoded: Iterable[tuple[_Read, Decoded | ImageError]]
    ) -> Iterator[list[New]]:
        """Decoded images in batches of one transaction; refused ones are noted in passing."""
        full = batch_size(self._crew.model)
        batch: list[New] = []
        waiting = 0
        for read, picture in decoded:
            if isinstance(picture, ImageError):
                self._refused[read.seen.image_id] = picture.reason
                self._failed.append(
                    Failure(read.seen.file.uri, picture.reason, *read.seen.file[1:])
                )
                continue
            content = read.data if self._store_content else None
            batch.append(New(read.seen, sha256(read.data).digest(), picture, content))
            waiting += len(content or b"")
            if len(batch) == full or waiting >= STORE_BYTES:
                yield batch
                batch, waiting = [], 0
        if batch:
            yield batch

    def _store(self, worker: Worker, batch: Sequence[New]) -> Step:
        """In a worker's thread: store a batch, then run its jobs."""
        conn = worker.conn
        captions = {new.seen.image_id: self._texts(new) for new in batch}
        with conn.transaction():
            added = catalog.add_images(conn, self._space, batch)
            catalog.add_files(conn, self._space, [new.seen for new in batch])
            texts = catalog.add_captions(conn, captions)
            lease = jobs.enqueue(conn, self._crew.queue, captions, token=worker.token)
            for queue in self._others:
                jobs.enqueue(conn, queue, captions)
        pixels = {new.seen.image_id: new.decoded.pixels for new in batch}
        outcome = worker.run(lease, pixels) if lease else Outcome()
        return Step(added, len(batch) - added, texts, jobs=outcome)

    def _texts(self, new: New) -> list[Caption]:
        beside = self._captions.by_uri.get(new.seen.file.uri, [])
        inside = (clean(text) for text in new.decoded.descriptions)
        return [*beside, *(Caption(text) for text in inside if text)]

    def _store_again(self) -> Step:
        """Note further places of images that are stored by now; the others keep waiting."""
        stored = catalog.stored(self._conn, {seen.image_id for seen in self._again})
        ready = [seen for seen in self._again if seen.image_id in stored]
        self._again = [seen for seen in self._again if seen.image_id not in stored]
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
            for queue in (self._crew.queue, *self._others):
                jobs.enqueue(self._conn, queue, captions)
        return Step(duplicates=len(ready), captions=texts)

    def _fail_again(self) -> None:
        """What still waits has the content of a file that was refused."""
        for seen in self._again:
            reason = self._refused.get(seen.image_id, "deleted while it was taken in")
            self._failed.append(Failure(seen.file.uri, reason, *seen.file[1:]))
        self._again = []

    def _store_failures(self) -> Step:
        failed, self._failed = tuple(self._failed), []
        if failed:
            catalog.add_failures(self._conn, self._space, failed)
        return Step(failed=failed)
