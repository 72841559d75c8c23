"""Import of corpora, datasets of images with texts from the web or people, into `blip.captions`.

Apps whose images and captions are in the database already, by `blipdb ingest` or SQL, need none of
this.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from blipdb import registry
from blipdb.database import catalog, jobs
from blipdb.database.catalog import New, Seen
from blipdb.errors import ImageError
from blipdb.identity import image_id
from blipdb.images.decode import Decoder
from blipdb.sources.captions import MAX_TEXT, clean
from blipdb.sources.records import Caption, SourceFile
from blipdb.types import Connection

from ..datasets.open import open_dataset
from ..datasets.sample import Broken, Sample
from ..datasets.transforms import plain, read_bytes
from ..evaluation.tasks.progress import Show, silent

BATCH_SAMPLES = 256  # in one transaction
DECODED_SIDE = 32  # pixels; small, as decoding only tells whether an image can be read


@dataclass
class CollectResult:
    """Number of texts that are in the database now, and of those that were left out, by reason."""

    samples: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)  # an example of each reason

    def leave_out(self, where: str, reason: str) -> None:
        kind = Broken(where, reason).kind
        self.broken[kind] += 1
        self.first.setdefault(kind, f"{where}: {reason}")


def collect(
    conn: Connection,
    spec: Mapping[str, Any],
    origin: str,
    *,
    space: str = "",
    show: Show = silent,
) -> CollectResult:
    """Add a dataset's images and texts to the database. Safe to repeat: content and texts that are
    there stay as they are.

    An image in a file of its own is noted by its path, one from a shard is stored. Texts are stored
    unchanged, on one line; readers clean them as BLIP does. `conn` is autocommit.

    Raises:
        DataError: the dataset can't be used.
        DatabaseError: the database is gone or full; earlier batches stay.
    """
    dataset = open_dataset(spec)
    total = len(dataset) if isinstance(dataset, Sized) else 0
    count = 0
    with Decoder() as decoder:
        collector = _Collector(conn, decoder, origin, space)
        for batch in _batches(dataset.once()):
            collector.add(batch)
            count += len(batch)
            show(f"reading {origin} texts", count, max(total, count))
    jobs.flush(conn)
    return collector.result


def _batches(samples: Iterable[Sample | Broken]) -> Iterator[list[Sample | Broken]]:
    samples = iter(samples)
    while batch := list(itertools.islice(samples, BATCH_SAMPLES)):
        yield batch


@dataclass
class _Image:
    """An image of a batch: its source, content, and the texts that came with it."""

    source: Path | bytes
    data: bytes
    captions: list[Caption] = field(default_factory=list)


class _Collector:
    """Stores batches of samples, and counts the texts.

    Ingest's own intake (blipdb/ingest/intake.py) is for files and URLs alone, with one policy for
    all of their contents; here content may come out of a shard, which no URI leads back to.
    """

    def __init__(self, conn: Connection, decoder: Decoder, origin: str, space: str) -> None:
        self.result = CollectResult()
        self._conn, self._decoder = conn, decoder
        self._origin, self._space = origin, space
        self._queues = [model.encoding for model in registry.models(conn) if model.encodes]

    def add(self, batch: Sequence[Sample | Broken]) -> None:
        """Store the images of a batch that can be decoded, with their texts, and enqueue them."""
        new: dict[UUID, New] = {}
        captions: dict[UUID, list[Caption]] = {}
        images = self._read(batch)
        contents = [(key, image.data) for key, image in images.items()]
        for key, decoded in self._decoder.decode_ahead(contents, DECODED_SIDE):
            if isinstance(decoded, ImageError):
                self.result.leave_out(key, decoded.reason)
                continue
            image = images[key]
            id = image_id(self._space, image.data)
            file = Seen(_file(image.source, len(image.data)), id)
            content = None if isinstance(image.source, Path) else image.data
            digest = sha256(image.data).digest()
            new.setdefault(id, New(file, digest, decoded, decoded.mime, content))
            captions.setdefault(id, []).extend(image.captions)
            self.result.samples += len(image.captions)
        self._store(list(new.values()), captions)

    def _read(self, batch: Sequence[Sample | Broken]) -> dict[str, _Image]:
        """Images by their samples' key, each read once; an image's texts come one after another."""
        images: dict[str, _Image] = {}
        for one in batch:
            if isinstance(one, Broken):
                self.result.leave_out(one.where, one.reason)
                continue
            try:
                if one.key not in images:
                    images[one.key] = _Image(one.images[0], read_bytes(one.images[0]))
            except ImageError as error:
                self.result.leave_out(one.key, error.reason)
                continue
            if text := clean(plain(one.text))[:MAX_TEXT]:
                images[one.key].captions.append(Caption(text, self._origin))
            else:
                self.result.leave_out(one.key, "its text is empty")
        return {key: image for key, image in images.items() if image.captions}

    def _store(self, new: Sequence[New], captions: Mapping[UUID, Sequence[Caption]]) -> None:
        with self._conn.transaction():
            catalog.add_images(self._conn, self._space, new)
            places = [one.seen for one in new if one.content is None]
            catalog.add_files(self._conn, self._space, places)
            catalog.add_captions(self._conn, captions)
            for queue in self._queues:
                jobs.enqueue(self._conn, queue, [one.seen.image_id for one in new])


def _file(source: Path | bytes, size: int) -> SourceFile:
    if isinstance(source, bytes):
        return SourceFile("", size, 0)
    path = source.absolute()
    return SourceFile(str(path), size, path.stat().st_mtime_ns)
