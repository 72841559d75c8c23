"""Results of calls: frozen records."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True)
class Hit:
    """An image found by a search.

    Hits are ordered by ``score``: the logit of ``itm`` plus ``itc``. ``itm`` is the probability
    (0..1) that image and text match, ``itc`` the cosine (-1..1) of their vectors. For an image as
    the query there is no ``itm``, and ``score`` is ``itc``.
    """

    image_id: UUID
    uri: str | None
    caption: str | None
    score: float
    itm: float | None
    itc: float


@dataclass(frozen=True)
class Caption:
    """A text about an image, as `captions` lists them: best first.

    ``itm`` is the probability (0..1) that image and text match, ``itc`` the cosine (-1..1) of their
    vectors, both by the active filter and None until it has scored the text.
    """

    text: str
    origin: str
    """``human``, ``web`` (it came along with the image) or ``synthetic`` (a model wrote it)."""
    writer: str | None
    """The model that wrote it."""
    decoding: dict[str, Any] | None
    """The options that it was written with."""
    itm: float | None
    itc: float | None
    verdict: str
    """``kept``, ``unjudged`` or ``dropped``; people's own texts are always kept."""


@dataclass(frozen=True)
class Count:
    """A row of `status`: the number of ``what`` in a ``state``, by model."""

    what: str
    model: str | None
    state: str
    count: int


@dataclass(frozen=True)
class Failed:
    """A row of `failures`: a file that can't be read as an image, or a parked job."""

    uri: str | None
    image_id: UUID | None
    stage: str
    model: str | None
    reason: str
    attempts: int
    failed_at: datetime


@dataclass(frozen=True)
class Image:
    """A stored image: its size in pixels (None until it was decoded) and in ``bytes``, the places
    where it was seen, and its captions, best first."""

    image_id: UUID
    space: str
    mime: str
    width: int | None
    height: int | None
    bytes: int
    metadata: dict[str, Any]
    created_at: datetime
    uris: tuple[str, ...]
    captions: tuple[str, ...]
