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
    is_stored: bool
    uris: list[str]


def read(
    conn: Connection, ids: Sequence[UUID], limit: int
) -> Iterator[tuple[UUID, bytes | ImageError]]:
    """The bytes of images, at most ``limit`` of each, in order and some read ahead; or why there
    are none. Left out are images that were deleted.

    What a file holds is checked against the id: nothing else is ever taken in its place.
    """
    for place, data in ahead(lambda place: _outside(place, limit), _places(conn, ids), READERS):
        if data is not None:
            yield place.image_id, data
            continue
        row = conn.execute(
            "SELECT content FROM blip.images WHERE image_id = %s", [place.image_id], binary=True
        ).fetchone()
        if row is not None:
            yield place.image_id, row[0]


def _places(conn: Connection, ids: Sequence[UUID]) -> list[_Place]:
    rows = conn.execute(
        """
        SELECT image_id, space, content IS NOT NULL,
               ARRAY(SELECT uri FROM blip.files f WHERE f.image_id = i.image_id ORDER BY uri)
        FROM blip.images i WHERE image_id = ANY(%b) ORDER BY image_id
        """,
        [list(ids)],
        binary=True,
    )
    return [_Place(*row) for row in rows]


def _outside(place: _Place, limit: int) -> bytes | ImageError | None:
    """What an image's files hold, or why nothing; None where the database has it."""
    try:
        return None if place.is_stored else _from_files(place, limit)
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
        try:
            data = sources.read(uri, limit).data
        except ImageError as error:
            where = remote.shown(uri) if remote.is_remote(uri) else uri
            refusals.append(ImageError(f"{where}: {error.reason}", for_good=error.for_good))
            continue
        if image_id(place.space, data) == place.image_id:
            return data
        refusals.append(ImageError(f"{uri}: it has other content now; ingest it again"))
    if not refusals:
        raise ImageError("neither its content nor a file of it is known that can be read here")
    raise ImageError(refusals[-1].reason, for_good=all(one.for_good for one in refusals))
