"""An image's captions as a FROM source, to join to an app's own tables."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import QueryableAttribute
from sqlalchemy.sql import ColumnElement
from sqlalchemy.sql.selectable import LateralFromClause

from .tables import ranked_captions

CAPTION_COLUMNS = ("rank", "text", "origin", "writer", "decoding", "itm", "itc", "verdict")


def captions(
    image_id: UUID | ColumnElement[UUID | None] | QueryableAttribute[UUID | None],
) -> LateralFromClause:
    """Select the captions of an image, or of each row's image, with the active filter's scores.

    Its columns (``.c``) are those of `blip_captions`, and ``rank``, which is 1 for the best of an
    image. An image without captions has no rows; an outer join keeps it. It selects from the tables
    alone, and so works on servers without blipdb's functions.

        caption = captions(image_id)
        select(caption.c.text, caption.c.itm).order_by(caption.c.rank)

        caption = captions(Product.image_id)
        select(Product.name, caption.c.text).join(caption, true()).where(caption.c.rank == 1)
    """
    columns = (ranked_captions.c[name] for name in CAPTION_COLUMNS)
    query = select(*columns).where(ranked_captions.c.image_id == image_id)
    # The ORDER BY makes PostgreSQL evaluate the subquery per image. Without it, it would flatten it
    # to a join, and rank the captions of all images.
    return query.order_by(ranked_captions.c.rank).lateral()
