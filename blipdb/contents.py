"""A stored image's bytes, wherever they are: in its row, or in a file that still holds them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple
from uuid import UUID

from . import sources
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
    waiting: deque[tuple[UUID, Future[bytes] | None]] = deque()
    with ThreadPoolExecutor(READERS, "read") as threads:
        try:
            for place in _places(conn, ids):
                file = None if place.is_stored else threads.submit(_from_files, place, limit)
                waiting.append((place.image_id, file))
                if len(waiting) > READERS:
                    yield from _taken(conn, *waiting.popleft())
            while waiting:
                yield from _taken(conn, *waiting.popleft())
        finally:
            threads.shutdown(cancel_futures=True)


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


def _taken(
    conn: Connection, id: UUID, file: Future[bytes] | None
) -> Iterator[tuple[UUID, bytes | ImageError]]:
    if file is not None:
        try:
            yield id, file.result()
        except ImageError as error:
            yield id, error
        return
    row = conn.execute(
        "SELECT content FROM blip.images WHERE image_id = %s", [id], binary=True
    ).fetchone()
    if row is not None:
        yield id, row[0]


def _from_files(place: _Place, limit: int) -> bytes:
    """What one of an image's files holds.

    Raises:
        ImageError: none of them holds it any more; what is wrong with the last.
    """
    refusals = [ImageError("neither its content nor a file of it is known that can be read here")]
    for uri in place.uris:
        if not uri.startswith("/"):
            continue
        try:
            data = sources.read(uri, limit).data
        except ImageError as error:
            refusals.append(ImageError(f"{uri}: {error.reason}", for_good=error.for_good))
            continue
        if image_id(place.space, data) == place.image_id:
            return data
        refusals.append(ImageError(f"{uri}: it has other content now; ingest it again"))
    raise refusals[-1]
