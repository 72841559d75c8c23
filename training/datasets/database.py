"""blipdb's own tables as a dataset: `blip.capfilt`, the captions that CapFilt has kept."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from uuid import UUID

import psycopg

from blipdb.contents import content
from blipdb.database import connect, without_password
from blipdb.errors import DatabaseError, ImageError
from blipdb.jobs import Connection
from blipdb.requirements import check_revision

from .indexed import shuffled
from .sample import Broken, DataError, Sample
from .table import kept_table, unlisted_table
from .transforms import LIMITS

ROW = struct.Struct("16s16s")  # image_id, caption_id
ROWS = 10_000  # that come from the server at once
TEXTS = 64  # that are asked for at once

IDS = "SELECT image_id, caption_id FROM blip.capfilt ORDER BY image_id, caption_id"
READ = """
SELECT c.image_id, c.caption_id, c.text
FROM unnest(%s::uuid[], %s::uuid[]) AS wanted (image_id, caption_id)
JOIN blip.capfilt c USING (image_id, caption_id)
"""

Id = tuple[UUID, UUID]


class CapFilt:
    """The captions that the view held when it was indexed, as far as the user of the URL sees
    them. A caption that has gone since is a broken sample; new ones wait for the next index."""

    def __init__(self, url: str, index: str | Path | None = None) -> None:
        """`index`: where to keep the index. A run that goes on, and processes that train together,
        need the same; without it, each makes its own.

        Raises:
            DataError: the view is empty.
            DatabaseError: the database can't be reached, or is of another version.
        """
        self._url = url
        write = self._write_index
        self._ids = (
            unlisted_table(ROW, write) if index is None else kept_table(Path(index), ROW, write)
        )
        if len(self._ids) == 0:
            raise DataError(f"blip.capfilt holds no caption at {without_password(url)}")

    def __len__(self) -> int:
        return len(self._ids)

    def stream(self, seed: int, part: int, parts: int, start: int) -> Iterator[Sample | Broken]:
        """As `Indexed.stream`."""
        return self._samples(shuffled(len(self), seed, part, parts, start))

    def once(self) -> Iterator[Sample | Broken]:
        """As `Dataset.once`, in the order of the ids."""
        return self._samples(range(len(self)))

    def _write_index(self, out: IO[bytes]) -> None:
        with connect(self._url) as conn:
            check_revision(conn)
            with conn.cursor("ids") as cursor:  # on the server, so that few rows are here at once
                cursor.itersize = ROWS
                for image, caption in cursor.execute(IDS, binary=True):
                    out.write(ROW.pack(image.bytes, caption.bytes))

    def _samples(self, numbers: Iterable[int]) -> Iterator[Sample | Broken]:
        """Each caller has a connection of its own, which is made in its own process."""
        numbers = iter(numbers)
        with _explained(self._url), connect(self._url, autocommit=True) as conn:
            while chosen := [self._id(number) for number in itertools.islice(numbers, TEXTS)]:
                texts = _texts(conn, chosen)
                for id in chosen:
                    yield _sample(conn, id, texts.get(id))

    def _id(self, number: int) -> Id:
        image, caption = self._ids[number]
        return UUID(bytes=image), UUID(bytes=caption)


def database(url: str, index: str | Path | None = None) -> CapFilt:
    """The captions of a blipdb. url: a libpq URI, as BLIPDB_URL is. index: see `CapFilt`."""
    return CapFilt(url, index)


def _texts(conn: Connection, ids: list[Id]) -> dict[Id, str]:
    images, captions = ([id[n] for id in ids] for n in range(2))
    found = conn.execute(READ, [images, captions], binary=True).fetchall()
    return {(image, caption): text for image, caption, text in found}


def _sample(conn: Connection, id: Id, text: str | None) -> Sample | Broken:
    image, caption = map(str, id)
    where = f"caption {caption} of image {image}"
    if text is None:
        return Broken(where, "it has left blip.capfilt since it was indexed")
    if not text.strip():
        return Broken(where, "its text is empty")
    try:
        data = content(conn, id[0], LIMITS.bytes)
    except ImageError as error:
        return Broken(where, f"its content is nowhere: {error.reason}")
    if data is None:
        return Broken(where, "its image has been deleted since it was indexed")
    return Sample((data,), image, text, id=caption)


@contextmanager
def _explained(url: str) -> Iterator[None]:
    try:
        yield
    except psycopg.OperationalError as error:
        reason = " ".join(str(error).split())
        raise DatabaseError(
            f"PostgreSQL at {without_password(url)} has gone while training read it: {reason}",
            "Start the same command again: training goes on from its last checkpoint.",
        ) from error
