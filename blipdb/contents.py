"""A stored image's bytes, wherever they are: in its row, or in a file that still holds them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from . import sources
from .errors import ImageError
from .identity import image_id
from .jobs import Connection


def content(conn: Connection, id: UUID, limit: int) -> bytes | None:
    """The bytes of the image ``id``, at most ``limit``; None where there is no such image.

    What a file holds is checked against the id: nothing else is ever taken in its place.

    Raises:
        ImageError: they are stored nowhere, and none of its local files holds them any more.
    """
    row = conn.execute(
        """
        SELECT space, content,
               ARRAY(SELECT uri FROM blip.files f WHERE f.image_id = i.image_id ORDER BY uri)
        FROM blip.images i WHERE image_id = %s
        """,
        [id],
        binary=True,
    ).fetchone()
    if row is None:
        return None
    space, data, uris = row
    return data if data is not None else _from_files(id, space, uris, limit)


def _from_files(id: UUID, space: str, uris: Iterable[str], limit: int) -> bytes:
    reason = "neither its content nor a local file of it is known"
    for uri in uris:
        if not uri.startswith("/"):
            continue
        try:
            data = sources.read(uri, limit).data
        except ImageError as error:
            reason = f"{uri}: {error.reason}"
            continue
        if image_id(space, data) == id:
            return data
        reason = f"{uri}: it has other content now; ingest it again"
    raise ImageError(reason)
