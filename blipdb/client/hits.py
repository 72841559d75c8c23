"""Search results: a sequence of hits that prints as a table and shows pictures in a notebook."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import TypeAlias, overload
from uuid import UUID

from ..errors import BlipdbError, ImageError
from ..escapes import visible
from .results import Hit

Pictures: TypeAlias = Mapping[UUID, bytes | ImageError]
Fetch: TypeAlias = Callable[[Sequence[UUID]], Pictures]

MAX_CELL_WIDTH = 60  # terminal columns of a place or a caption
MAX_PICTURES = 100  # pictures in a notebook
NOT_FETCHED = "not fetched: hits.with_pictures(await db.pictures(hits.image_ids))"
GRID = "display:flex;flex-wrap:wrap;gap:12px;align-items:flex-end"
FIGURE = "margin:0;max-width:220px;font-size:12px;overflow-wrap:anywhere"
IMG = "max-width:220px;max-height:220px;display:block"


class Hits(Sequence[Hit]):
    """The hits of a search, best first.

    A notebook shows their pictures: those that ``fetch`` returns, or those of `with_pictures`.
    """

    def __init__(self, hits: Iterable[Hit], fetch: Fetch | None = None) -> None:
        self._hits = tuple(hits)
        self._fetch = fetch

    @property
    def image_ids(self) -> list[UUID]:
        """Ids of the images, best first."""
        return [hit.image_id for hit in self._hits]

    def with_pictures(self, pictures: Mapping[UUID, bytes | ImageError]) -> Hits:
        """Return the same hits, shown with these JPEGs, as a client's ``pictures`` returns them."""
        jpegs = dict(pictures)
        return Hits(self._hits, lambda ids: jpegs)

    @overload
    def __getitem__(self, index: int) -> Hit: ...
    @overload
    def __getitem__(self, index: slice) -> Hits: ...
    def __getitem__(self, index: int | slice) -> Hit | Hits:
        if isinstance(index, slice):
            return Hits(self._hits[index], self._fetch)
        return self._hits[index]

    def __len__(self) -> int:
        return len(self._hits)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Hits | list | tuple):
            return self._hits == tuple(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._hits)

    def __reduce__(self) -> tuple[type[Hits], tuple[tuple[Hit, ...]]]:
        return Hits, (self._hits,)  # a copy in another process has no client to fetch pictures

    def __repr__(self) -> str:
        """Format a table with aligned columns; control characters are escaped."""
        if not self._hits:
            return "no hits"
        lines = [("score", "itm", "itc", "place", "caption"), *map(_cells, self._hits)]
        return "\n".join(_aligned(lines))

    def _repr_html_(self) -> str:
        """Format pictures with scores, places and captions; text from the database is escaped."""
        if not self._hits:
            return "<p>no hits</p>"
        first = self[:MAX_PICTURES]
        pictures = first._pictures()
        figures = "".join(
            _figure(hit, pictures.get(hit.image_id, ImageError(NOT_FETCHED))) for hit in first
        )
        rest = len(self) - len(first)
        return f'<div style="{GRID}">{figures}</div>' + (f"<p>and {rest} more</p>" if rest else "")

    def _pictures(self) -> Pictures:
        if self._fetch is None:
            return {}
        try:
            return self._fetch(self.image_ids)
        except BlipdbError as error:  # show the hits without pictures
            return {id: ImageError(error.message) for id in self.image_ids}


def _cells(hit: Hit) -> tuple[str, ...]:
    return (
        f"{hit.score:.3f}",
        "" if hit.itm is None else f"{hit.itm:.3f}",
        f"{hit.itc:.3f}",
        visible(hit.uri or str(hit.image_id)),
        visible(hit.caption or ""),
    )


def _aligned(lines: Sequence[tuple[str, ...]]) -> list[str]:
    """Align numbers to the right and texts, cut, to the left; leave out empty columns."""
    from rich.cells import cell_len

    columns = []
    for number, column in enumerate(zip(*lines, strict=True)):
        if not any(column[1:]):
            continue
        cut = [_cut(text) for text in column]
        width = max(map(cell_len, cut))
        pads = [" " * (width - cell_len(text)) for text in cut]
        columns.append(
            [pad + text if number < 3 else text + pad for pad, text in zip(pads, cut, strict=True)]
        )
    return ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]


def _cut(text: str) -> str:
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= MAX_CELL_WIDTH:
        return text
    return set_cell_size(text, MAX_CELL_WIDTH - 1) + "…"


def _figure(hit: Hit, picture: bytes | ImageError) -> str:
    numbers = f"{hit.score:.3f}"
    if hit.itm is not None:
        numbers += f" · itm {hit.itm:.3f} · itc {hit.itc:.3f}"
    place = escape(hit.uri or str(hit.image_id))
    caption = f"<br>{escape(hit.caption)}" if hit.caption else ""
    return (
        f'<figure style="{FIGURE}">{_img(picture, escape(hit.caption or ""))}'
        f"<figcaption><b>{numbers}</b><br><code>{place}</code>{caption}</figcaption></figure>"
    )


def _img(picture: bytes | ImageError, alt: str) -> str:
    if isinstance(picture, ImageError):
        return f"<p><i>no picture: {escape(picture.reason)}</i></p>"
    data = b64encode(picture).decode("ascii")
    return f'<img style="{IMG}" alt="{alt}" src="data:image/jpeg;base64,{data}">'
