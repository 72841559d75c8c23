"""Small pictures of stored images, for people to look at.

They are made on the spot, from the image's content or its file, by the same confined children that
decode everything: no stored preview is ever shown, as nothing proves what its bytes are.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

from ..errors import ImageError
from ..images.decode import Decoder
from ..sources.stored import content
from ..types import Connection


def previews(conn: Connection, image_ids: Sequence[UUID]) -> dict[UUID, bytes]:
    """A JPEG of at most 320 pixels a side for each image that can still be seen.

    Left out are images whose content is not stored and whose local files are gone or hold
    something else now: nothing else is ever shown in their place.
    """
    found = {}
    with Decoder(children=1) as decoder:
        for id in dict.fromkeys(image_ids):
            with suppress(ImageError):
                data = content(conn, id, decoder.limits.bytes)
                if data is not None:
                    found[id] = decoder.decode(data, size=1, preview=True).preview
    return found
