"""Columns of an app's own tables that refer to images."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import MappedColumn, mapped_column

from .tables import Image


def image_column(
    *, ondelete: str | None = "SET NULL", index: bool = True, **options: Any
) -> MappedColumn[Any]:
    """Declare a column with the image_id of an `Image`, for an app's own model:

        class Product(Base):
            image_id: Mapped[UUID | None] = image_column()
            image: Mapped[Image | None] = relationship(Image)

    It refers to blipdb's table itself, and not to its name, so that `relationship` finds it from
    another metadata, and the app's `create_all` and Alembic leave that table alone.

    Args:
        ondelete: the foreign key's action when the image is deleted.
        index: make an index, as searches look rows up by image.
        options: those of `mapped_column`.
    """
    key = ForeignKey(Image.__table__.c.image_id, ondelete=ondelete)
    return mapped_column(key, index=index, **options)
