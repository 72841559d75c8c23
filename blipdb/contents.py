"""A stored image's bytes, wherever they are: in its row, or in a file that still holds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

from . import remote, sources
from .ahead import ahead
from .errors import ImageError
from .identity import image_id
from .jobs import Connection

STORED_BYTES = 4 << 20
READERS = 8  # files of one batch that are read at a time: those far away are waited for


def content(conn: Connection, id: UUID, limit: int) -> bytes | None:
    """One image's bytes, as `read` finds them; None where there is no such image.

    Raises:
        ImageError: they are stored nowhere, and none of its files holds them any more.
    """
    for _, data in read(conn, [id], limit):
        if isinstance(data, ImageError):
            raise data
        return data
    return None


class _Place(NamedTuple):
    image_id: UUID
    space: str
    bytes: int
    is_stored: bool
    uris: list[str]


def read(
    conn: Connection, ids: Sequence[UUID], limit: int
) -> Iterator[tuple[UUID, bytes | ImageError]]:
    """The bytes of images, at most ``limit`` of each, those in the database first; or why there are
    none. Left out are images that were deleted.

    What a file holds is checked against the id: nothing else is ever taken in its place.
    """
    places = _places(conn, ids)
    files = [place for place in places if not place.is_stored]
    yield from _stored(conn, [place for place in places if place.is_stored])
    for place, data in ahead(lambda place: _outside(place, limit), files, READERS):
        yield place.image_id, data


def _places(conn: Connection, ids: Sequence[UUID]) -> list[_Place]:
    rows = conn.execute(
        """
        SELECT image_id, space, bytes, content IS NOT NULL,
               CASE WHEN content IS NULL THEN ARRAY(
                   SELECT uri FROM blip.files f WHERE f.image_id = i.image_id ORDER BY uri) END
        FROM blip.images i WHERE image_id = ANY(%b) ORDER BY image_id
        """,
        [list(ids)],
        binary=True,
    )
    return [_Place(*row) for row in rows]


def _stored(conn: Connection, places: Sequence[_Place]) -> Iterator[tuple[UUID, bytes]]:
    """What the database has, some megabytes in a statement."""
    group: list[UUID] = []
    waiting = 0
    for place in places:
        group.append(place.image_id)
        waiting += place.bytes
        if waiting >= STORED_BYTES or place is places[-1]:
            rows = conn.execute(
                "SELECT image_id, content FROM blip.images"
                " WHERE image_id = ANY(%b) AND content IS NOT NULL ORDER BY image_id",
                [group],
                binary=True,
            )
            yield from rows.fetchall()
            group, waiting = [], 0


def _outside(place: _Place, limit: int) -> bytes | ImageError:
    try:
        return _from_files(place, limit)
    except ImageError as error:
        return error


def _from_files(place: _Place, limit: int) -> bytes:
    """What one of an image's files holds.

    Raises:
        ImageError: none of them holds it any more; what is wrong with the last.
    """
    refusals: list[ImageError] = []
    for uri in place.uris:
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
