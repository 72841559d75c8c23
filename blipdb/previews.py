"""Small pictures of stored images, for people to look at.

The database keeps a preview only where one was asked for; others are made on the spot, from the
image's content or its file, by the same confined children that decode everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import psycopg

from . import sources
from .errors import ImageError
from .identity import image_id
from .images.decode import Decoder

Connection = psycopg.Connection[Any]


def previews(conn: Connection, image_ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """A JPEG of at most 320 pixels a side for each image that can still be seen.

    Left out are images whose content is not stored and whose local files are gone or hold
    something else now: nothing else is ever shown in their place.
    """
    rows = conn.execute(
        """
        SELECT i.image_id, i.space, i.preview, CASE WHEN i.preview IS NULL THEN i.content END,
               ARRAY(SELECT uri FROM blip.files f WHERE f.image_id = i.image_id AND uri LIKE '/%%')
        FROM blip.images i WHERE i.image_id = ANY(%s)
        """,
        [list(image_ids)],
        binary=True,
    ).fetchall()
    found = {id: preview for id, _, preview, _, _ in rows if preview is not None}
    with Decoder(children=1) as decoder:
        for id, space, preview, content, paths in rows:
            if preview is None:
                data = content or _read(id, space, paths, decoder.limits.bytes)
                with suppress(ImageError):
                    found[id] = decoder.decode(data, size=1, preview=True).preview
    return found


def _read(id: UUID, space: str, paths: Sequence[str], limit: int) -> bytes:
    """The image's bytes from the first of its files that still holds them, else none."""
    for path in paths:
        with suppress(ImageError):
            data = sources.read(path, limit).data
            if image_id(space, data) == id:
                return data
    return b""
