"""Stored images: their metadata, and small JPEGs to show beside hits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, LiteralString
from uuid import UUID

import psycopg

from ..database.steps import Steps, Stop, ask, own_connection, work
from ..errors import DatabaseError, ImageError
from ..identity import image_id
from . import arguments, singletons, tables
from .results import Image

UNKNOWN_REASON = "no such image is visible here"
NO_FILE_REASON = "its content is not stored, and no file of it can be read here"


def image(id: UUID) -> Steps[Image]:
    """Return a stored image's metadata, places and captions.

    Raises:
        DatabaseError: there is no such image, or policies hide it.
    """
    rows = yield from ask(tables.IMAGE, [arguments.image_id(id)])
    if not rows:
        raise DatabaseError(f"image {id} is unknown here")
    *facts, uris, captions = rows[0]
    return Image(*[*facts, tuple(uris), tuple(captions)])


def pictures(ids: Sequence[UUID]) -> Steps[dict[UUID, bytes | ImageError]]:
    """Make a JPEG of at most 320 pixels a side of each image, or an error with the reason.

    It is made of the stored content; else of an attached row, for roles that may read it as workers
    do; else of a file on this machine that ingest has read, if it still holds the image. Pictures
    are decoded by confined children only, and never fetched from another machine. A stored preview
    is never shown, as nothing proves what its bytes are.
    """
    image_ids = arguments.image_ids("image_ids", ids)
    previews: dict[UUID, bytes | ImageError] = {id: ImageError(UNKNOWN_REASON) for id in image_ids}
    rows = yield from ask(tables.PREVIEWS, [image_ids], binary=True)
    for id, space, size, is_stored, attachment, key, uris in rows:
        content = None
        if is_stored:
            content = yield from _only(tables.CONTENT, [id])
        elif attachment is not None:
            content = yield from own_connection(partial(_attached, attachment, key, size))
            if content is not None and image_id(space, content) != id:
                content = None  # the row holds something else now
        if content is not None:
            previews[id] = yield from work(partial(_small, content))
        else:
            previews[id] = yield from work(partial(_from_files, id, space, uris))
    return previews


def _attached(attachment: int, key: str, size: int, conn: psycopg.Connection[Any]) -> bytes | None:
    """Return the content of an attached row, if it has this size and we may read it."""
    from ..sources import attached  # not with the client, most of whose calls show no picture

    try:
        with attached.reading(conn, attachment) as reader:
            return reader.contents([key], [size])[0]
    except (attached.UnreadableTableError, psycopg.errors.InsufficientPrivilege):
        return None


def _only(text: LiteralString, values: list[Any]) -> Steps[bytes | None]:
    rows = yield from ask(text, values, binary=True)
    return rows[0][0] if rows else None


def _from_files(id: UUID, space: str, uris: Sequence[str], stop: Stop) -> bytes | ImageError:
    from ..sources import files

    for uri in uris:
        if not uri.startswith("/"):
            continue
        try:
            data = files.read(uri, singletons.decoder().limits.bytes).data
        except ImageError:
            continue
        if image_id(space, data) == id:
            return _small(data, stop)
    return ImageError(NO_FILE_REASON)


def _small(data: bytes, stop: Stop) -> bytes | ImageError:
    try:
        return singletons.decoder().decode(data, size=1, preview=True).preview
    except ImageError as error:
        return error
