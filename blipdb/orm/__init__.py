"""blipdb for SQLAlchemy: its tables as models, and image search as something to select from.

    from blipdb.orm import Image, image_column, search

    hits = search("red bicycle", k=20)
    select(Product, hits.c.score).join(hits, hits.c.image_id == Product.image_id)

`blipdb.orm.alembic` has operations for an app's own migrations.
"""

from . import filling, statement
from .columns import image_column
from .selectable import Hits, search
from .tables import (
    MAX_CONTENT,
    SCHEMA,
    ActiveModel,
    AttachedRow,
    Attachment,
    Base,
    Caption,
    FailedFile,
    File,
    Image,
    ImageTokens,
    ImageVector,
    Job,
    Model,
    Setting,
    SingleByte,
    attached,
    capfilt,
    ranked_captions,
    verdicts,
)

__all__ = [
    "MAX_CONTENT",
    "SCHEMA",
    "ActiveModel",
    "AttachedRow",
    "Attachment",
    "Base",
    "Caption",
    "FailedFile",
    "File",
    "Hits",
    "Image",
    "ImageTokens",
    "ImageVector",
    "Job",
    "Model",
    "Setting",
    "SingleByte",
    "attached",
    "capfilt",
    "filling",
    "image_column",
    "ranked_captions",
    "search",
    "statement",
    "verdicts",
]
