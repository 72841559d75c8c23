"""Bringing corpora in: datasets of images with texts, web's or people's, into `blip.captions`.

What an app has in its tables already, by `blipdb ingest` or by SQL, needs none of this.
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
    """samples: texts that came in or were there; broken: what was left out, and how often."""

    samples: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

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
    """Bring a dataset's images and texts into the database. Safe to repeat: content and texts that
    are there stay as they are.

    An image in a file of its own is noted by its place, one from a shard is stored. Texts are kept
    as they came, on one line; what reads them cleans them as BLIP does. `conn` is autocommit.

    Raises:
        DataError: the dataset can't be used.
        DatabaseError: the database is gone or full; what was brought in stays.
    """
    dataset = open_dataset(spec)
    total = len(dataset) if isinstance(dataset, Sized) else 0
    found, seen = CollectResult(), 0
    looking = [model.encoding for model in registry.models(conn) if model.encodes]
    with Decoder() as decoder:
        for batch in _batches(dataset.once()):
            _store(conn, batch, origin, space, decoder, looking, found)
            seen += len(batch)
            show(f"reading {origin} texts", seen, max(total, seen))
    jobs.flush(conn)
    return found


def _batches(samples: Iterable[Sample | Broken]) -> Iterator[list[Sample | Broken]]:
    samples = iter(samples)
    while batch := list(itertools.islice(samples, BATCH_SAMPLES)):
        yield batch


def _store(
    conn: Connection,
    batch: Sequence[Sample | Broken],
    origin: str,
    space: str,
    decoder: Decoder,
    looking: Sequence[jobs.Queue],
    found: CollectResult,
) -> None:
    files: dict[str, bytes] = {}  # by the sample's key: an image's texts come one after another
    texts: dict[str, list[Caption]] = {}
    kept: dict[str, Sample] = {}
    for one in batch:
        if isinstance(one, Broken):
            found.leave_out(one.where, one.reason)
            continue
        text = clean(plain(one.text))[:MAX_TEXT]
        try:
            files.setdefault(one.key, b"") or files.update({one.key: read_bytes(one.images[0])})
        except ImageError as error:
            found.leave_out(one.key, error.reason)
            continue
        if not text:
            found.leave_out(one.key, "its text is empty")
            continue
        kept.setdefault(one.key, one)
        texts.setdefault(one.key, []).append(Caption(text, origin))
    unread = [(key, files[key]) for key in kept]
    new: dict[UUID, New] = {}
    captions: dict[UUID, list[Caption]] = {}
    for key, decoded in decoder.decode_ahead(unread, DECODED_SIDE):
        if isinstance(decoded, ImageError):
            found.leave_out(key, decoded.reason)
            continue
        data, source = files[key], kept[key].images[0]
        id = image_id(space, data)
        seen = Seen(_file(source, len(data)), id)
        content = None if isinstance(source, Path) else data
        new.setdefault(id, New(seen, sha256(data).digest(), decoded, decoded.mime, content))
        captions.setdefault(id, []).extend(texts[key])
        found.samples += len(texts[key])
    with conn.transaction():
        catalog.add_images(conn, space, list(new.values()))
        places = [one.seen for one in new.values() if one.content is None]
        catalog.add_files(conn, space, places)
        catalog.add_captions(conn, captions)
        for queue in looking:
            jobs.enqueue(conn, queue, list(new))


def _file(source: Path | bytes, size: int) -> SourceFile:
    if isinstance(source, bytes):
        return SourceFile("", size, 0)
    path = source.absolute()
    return SourceFile(str(path), size, path.stat().st_mtime_ns)
