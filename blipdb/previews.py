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

from .contents import content
from .errors import ImageError
from .images.decode import Decoder

Connection = psycopg.Connection[Any]


def previews(conn: Connection, image_ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """A JPEG of at most 320 pixels a side for each image that can still be seen.

    Left out are images whose content is not stored and whose local files are gone or hold
    something else now: nothing else is ever shown in their place.
    """
    rows = conn.execute(
        "SELECT image_id, preview FROM blip.images WHERE image_id = ANY(%s)",
        [list(image_ids)],
        binary=True,
    ).fetchall()
    found = {id: preview for id, preview in rows if preview is not None}
    with Decoder(children=1) as decoder:
        for id, preview in rows:
            if preview is None:
                with suppress(ImageError):
                    data = content(conn, id, decoder.limits.bytes) or b""
                    found[id] = decoder.decode(data, size=1, preview=True).preview
    return found
