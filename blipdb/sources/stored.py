"""Contents of stored images: in the image's row, in an attached row of an app, or in a file that
still holds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple
from uuid import UUID

from psycopg import errors as pg_errors

from ..errors import ImageError
from ..identity import image_id
from ..types import Connection
from . import attached, remote
from . import files as sources
from .prefetch import ahead

STORED_BYTES = 4 << 20
READERS = 8  # files of one batch that are read at a time, as remote ones take long


def content(conn: Connection, id: UUID, limit: int) -> bytes | None:
    """Read one image's bytes as `read` does; None where there is no such image.

    Raises:
        ImageError: they are stored nowhere, and none of its files holds them any more.
    """
    for _, data in read(conn, [id], limit):
        if isinstance(data, ImageError):
            raise data
        return data
    return None


class _Place(NamedTuple):
    """Locations of an image's bytes."""

    image_id: UUID
    space: str
    bytes: int
    is_stored: bool
    uris: list[str] | None
    attachment: int | None
    """Of an attached table with the image."""
    row: str | None
    """Key of the row in that table."""


def read(
    conn: Connection, ids: Sequence[UUID], limit: int
) -> Iterator[tuple[UUID, bytes | ImageError]]:
    """Read images, at most ``limit`` bytes of each, those in the database first. Yield the bytes,
    or the reason why there are none; images that were deleted are left out.

    What a file holds is checked against the id: nothing else is ever taken in its place.
    """
    places = _places(conn, ids)
    yield from _stored(conn, [place for place in places if place.is_stored])
    outside = [place for place in places if not place.is_stored]
    files = [place for place in outside if place.row is None]
    for place, data in _attached_anywhere(conn, [one for one in outside if one.row is not None]):
        if isinstance(data, ImageError) and place.uris:
            files.append(place)
        else:
            yield place.image_id, data
    for place, data in ahead(lambda place: _outside(place, limit), files, READERS):
        yield place.image_id, data


def _places(conn: Connection, ids: Sequence[UUID]) -> list[_Place]:
    rows = conn.execute(
        """
        SELECT i.image_id, i.space, i.bytes, i.content IS NOT NULL,
               CASE WHEN i.content IS NULL THEN ARRAY(
                   SELECT uri FROM blip.files f WHERE f.image_id = i.image_id AND f.is_ingested
                   UNION SELECT uri FROM blip.attached_rows r
                   WHERE r.image_id = i.image_id AND r.uri IS NOT NULL
                   ORDER BY uri) END,
               a.attachment_id, a.key::text
        FROM blip.images i
        LEFT JOIN LATERAL (
            SELECT r.attachment_id, r.key FROM blip.attached_rows r
            WHERE i.content IS NULL AND r.image_id = i.image_id AND r.uri IS NULL LIMIT 1
        ) a ON true
        WHERE i.image_id = ANY(%b) ORDER BY i.image_id
        """,
        [list(ids)],
        binary=True,
    )
    return [_Place(*row) for row in rows]


def _stored(conn: Connection, places: Sequence[_Place]) -> Iterator[tuple[UUID, bytes]]:
    """Read contents that are stored in the database."""
    for group in _groups(places):
        yield from conn.execute(
            "SELECT image_id, content FROM blip.images"
            " WHERE image_id = ANY(%b) AND content IS NOT NULL ORDER BY image_id",
            [[place.image_id for place in group]],
            binary=True,
        ).fetchall()


def _attached_anywhere(
    conn: Connection, places: Sequence[_Place]
) -> Iterator[tuple[_Place, bytes | ImageError]]:
    """Read contents from attached rows, trying all tables that should hold the image."""
    tried: dict[UUID, list[int]] = {}
    while places:
        others: list[_Place] = []
        for place, data in _attached(conn, places):
            tables = tried.setdefault(place.image_id, [])
            tables.append(_attachment(place))
            other = _elsewhere(conn, place, tables) if isinstance(data, ImageError) else None
            if other is None:
                yield place, data
            else:
                others.append(other)
        places = others


def _elsewhere(conn: Connection, place: _Place, tried: Sequence[int]) -> _Place | None:
    """Find a row of another table that holds the image."""
    found = conn.execute(
        "SELECT r.attachment_id, r.key::text FROM blip.attached_rows r WHERE r.image_id = %s"
        " AND r.uri IS NULL AND r.attachment_id <> ALL (%s::integer[]) LIMIT 1",
        [place.image_id, list(tried)],
    ).fetchone()
    return found and place._replace(attachment=found[0], row=found[1])


def _attached(
    conn: Connection, places: Sequence[_Place]
) -> Iterator[tuple[_Place, bytes | ImageError]]:
    """Read contents from attached rows, where these still hold the image."""
    by_table = groupby(sorted(places, key=_attachment), key=_attachment)
    for attachment, of_table in by_table:
        for group in _groups(list(of_table)):
            found: Sequence[bytes | None]
            try:
                with attached.reading(conn, attachment) as reader:
                    found = reader.contents(
                        [place.row or "" for place in group], [place.bytes for place in group]
                    )
            except (attached.UnreadableTableError, pg_errors.InsufficientPrivilege) as error:
                reason = f"its row can't be read: {error}"
                yield from ((place, ImageError(reason)) for place in group)
                continue
            for place, data in zip(group, found, strict=True):
                if data is not None and image_id(place.space, data) == place.image_id:
                    yield place, data
                else:
                    yield place, ImageError("its row holds something else now")


def _attachment(place: _Place) -> int:
    return place.attachment or 0


def _groups(places: Sequence[_Place]) -> Iterator[list[_Place]]:
    """Group images for one statement each: some megabytes."""
    group: list[_Place] = []
    for place in places:
        group.append(place)
        if sum(one.bytes for one in group) >= STORED_BYTES or place is places[-1]:
            yield group
            group = []


def _outside(place: _Place, limit: int) -> bytes | ImageError:
    try:
        return _from_files(place, limit)
    except ImageError as error:
        return error


def _from_files(place: _Place, limit: int) -> bytes:
    """Read an image's bytes from one of its files.

    Raises:
        ImageError: none of them holds it any more; what is wrong with the last.
    """
    refusals: list[ImageError] = []
    for uri in place.uris or ():
        if not sources.is_readable(uri):
            continue
        where = remote.shown(uri) if remote.is_remote(uri) else uri
        try:
            data = sources.read(uri, limit).data
        except ImageError as error:
            refusals.append(ImageError(f"{where}: {error.reason}", for_good=error.for_good))
            continue
        if image_id(place.space, data) == place.image_id:
            return data
        refusals.append(ImageError(f"{where}: it has other content now; ingest it again"))
    if not refusals:
        raise ImageError("neither its content nor a file of it is known that can be read here")
    raise ImageError(refusals[-1].reason, for_good=all(one.for_good for one in refusals))
