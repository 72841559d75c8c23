"""Captions of blipdb's own tables as a dataset: `blip.capfilt`, or all captions."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, LiteralString
from uuid import UUID

import psycopg

from blipdb.database.connection import connect, without_password
from blipdb.database.requirements import check_revision
from blipdb.errors import DatabaseError, ImageError
from blipdb.sources.stored import content
from blipdb.types import Connection

from .indexed import shuffled
from .sample import Broken, DataError, Sample
from .table import kept_table, unlisted_table
from .transforms import LIMITS

ROW = struct.Struct("16s16s")  # image_id, caption_id
FETCHED_ROWS = 10_000  # at a time, of a server-side cursor
TEXTS_PER_QUERY = 64

SOURCES: dict[str, LiteralString] = {
    "kept": "blip.capfilt",
    "all": "blip.captions",
    "human": "(SELECT * FROM blip.captions WHERE origin = 'human')",
}
"""Relations to read: captions that CapFilt kept, and people's; all captions; people's alone."""
SELECT_IDS: LiteralString = """
SELECT image_id, caption_id FROM {} c
WHERE %(space)s::text IS NULL
    OR EXISTS (SELECT FROM blip.images i WHERE (i.image_id, i.space) = (c.image_id, %(space)s))
ORDER BY image_id, caption_id
"""
SELECT_TEXTS: LiteralString = """
SELECT c.image_id, c.caption_id, c.text
FROM unnest(%s::uuid[], %s::uuid[]) AS wanted (image_id, caption_id)
JOIN {} c USING (image_id, caption_id)
"""

Id = tuple[UUID, UUID]


class CapFilt:
    """Captions in the database at the time of indexing, as far as the user of the URL sees them. A
    caption that was deleted since is a broken sample; new ones are in the next index only."""

    def __init__(
        self,
        url: str,
        index: str | Path | None = None,
        captions: str = "kept",
        space: str | None = None,
    ) -> None:
        """`index`: where to keep the index. A run that goes on, and processes that train together,
        need the same; without it, each makes its own. `captions`: one of `SOURCES`. `space`: whose
        images; None: everybody's.

        Raises:
            DataError: there are none.
            DatabaseError: the database can't be reached, or is of another version.
        """
        if captions not in SOURCES:
            raise DataError(f"captions is {captions!r}; it can be {', '.join(SOURCES)}")
        self._url, self._captions, self._space = url, captions, space
        write = self._write_index
        self._ids = (
            unlisted_table(ROW, write) if index is None else kept_table(Path(index), ROW, write)
        )
        if len(self._ids) == 0:
            where = "blip.capfilt" if captions == "kept" else "blip.captions"
            whose = " of people" if captions == "human" else ""
            raise DataError(f"{where} holds no caption{whose} at {without_password(url)}")

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
                cursor.itersize = FETCHED_ROWS
                query = self._from(SELECT_IDS)
                for image, caption in cursor.execute(query, {"space": self._space}, binary=True):
                    out.write(ROW.pack(image.bytes, caption.bytes))

    def _from(self, query: LiteralString) -> LiteralString:
        return query.format(SOURCES[self._captions])

    def _samples(self, numbers: Iterable[int]) -> Iterator[Sample | Broken]:
        """Read samples by id. Each caller has a connection of its own, made in its own process."""
        numbers = iter(numbers)
        with _explained(self._url), connect(self._url, autocommit=True) as conn:
            while ids := [
                self._id(number) for number in itertools.islice(numbers, TEXTS_PER_QUERY)
            ]:
                texts = _texts(conn, self._from(SELECT_TEXTS), ids)
                for id in ids:
                    yield _sample(conn, id, texts.get(id))

    def _id(self, number: int) -> Id:
        image, caption = self._ids[number]
        return UUID(bytes=image), UUID(bytes=caption)


def database(
    url: str,
    index: str | Path | None = None,
    captions: str = "kept",
    space: str | None = None,
) -> CapFilt:
    """The captions of a blipdb. url: a libpq URI, as BLIPDB_URL is. index, captions, space: see
    `CapFilt`."""
    return CapFilt(url, index, captions, space)


def _texts(conn: Connection, query: LiteralString, ids: list[Id]) -> dict[Id, str]:
    images, captions = ([id[n] for id in ids] for n in range(2))
    records = conn.execute(query, [images, captions], binary=True).fetchall()
    return {(image, caption): text for image, caption, text in records}


def _sample(conn: Connection, id: Id, text: str | None) -> Sample | Broken:
    image, caption = map(str, id)
    where = f"caption {caption} of image {image}"
    if text is None:
        return Broken(where, "it has gone since it was indexed")
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
