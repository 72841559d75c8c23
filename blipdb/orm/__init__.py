"""blipdb for SQLAlchemy: its tables as models, image search and captions to select from.

    from blipdb.orm import Image, captions, image_column, search

    hits = search("red bicycle", k=20)
    select(Product, hits.c.score).join(hits, hits.c.image_id == Product.image_id)

    caption = captions(Product.image_id)
    select(Product.name, caption.c.text).join(caption, true()).where(caption.c.rank == 1)

`blipdb.orm.alembic` has operations for an app's own migrations. `docs/orm.md` is the manual.

Private: the other modules in this package; the public names are those in ``__all__``.
"""

from . import execution, statement  # noqa: F401 (they register with SQLAlchemy)
from .columns import image_column
from .ranked import captions
from .selectable import Hits, search
from .tables import (
    ActiveModel,
    AttachedRow,
    Attachment,
    Caption,
    FailedFile,
    File,
    Image,
    ImageTokens,
    ImageVector,
    Job,
    Model,
    attached,
    capfilt,
    ranked_captions,
    verdicts,
)

__all__ = [
    "ActiveModel",
    "AttachedRow",
    "Attachment",
    "Caption",
    "FailedFile",
    "File",
    "Hits",
    "Image",
    "ImageTokens",
    "ImageVector",
    "Job",
    "Model",
    "attached",
    "capfilt",
    "captions",
    "image_column",
    "ranked_captions",
    "search",
    "verdicts",
]
