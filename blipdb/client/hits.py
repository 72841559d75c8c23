"""What a search gives: a sequence of hits that prints as a table, and shows its pictures."""

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
Show: TypeAlias = Callable[[Sequence[UUID]], Pictures]

WIDEST = 60  # columns of a terminal that a place or a caption takes at most
MOST_SHOWN = 100  # pictures in a notebook
NOT_FETCHED = "not fetched: hits.with_pictures(await db.pictures(hits.image_ids))"
GRID = "display:flex;flex-wrap:wrap;gap:12px;align-items:flex-end"
FIGURE = "margin:0;max-width:220px;font-size:12px;overflow-wrap:anywhere"
IMG = "max-width:220px;max-height:220px;display:block"


class Hits(Sequence[Hit]):
    """Hits, best first.

    ``show`` fetches their pictures when a notebook asks for them; `with_pictures` has them at once.
    """

    def __init__(self, hits: Iterable[Hit], show: Show | None = None) -> None:
        self._hits = tuple(hits)
        self._show = show

    @property
    def image_ids(self) -> list[UUID]:
        """The images, best first."""
        return [hit.image_id for hit in self._hits]

    def with_pictures(self, pictures: Mapping[UUID, bytes | ImageError]) -> Hits:
        """The same hits, shown with these JPEGs, as a client's ``pictures`` gives them."""
        held = dict(pictures)
        return Hits(self._hits, lambda ids: held)

    @overload
    def __getitem__(self, place: int) -> Hit: ...
    @overload
    def __getitem__(self, place: slice) -> Hits: ...
    def __getitem__(self, place: int | slice) -> Hit | Hits:
        if isinstance(place, slice):
            return Hits(self._hits[place], self._show)
        return self._hits[place]

    def __len__(self) -> int:
        return len(self._hits)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Hits | list | tuple):
            return self._hits == tuple(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(self._hits)

    def __reduce__(self) -> tuple[type[Hits], tuple[tuple[Hit, ...]]]:
        return Hits, (self._hits,)  # a copy elsewhere has no client to fetch pictures with

    def __repr__(self) -> str:
        """A table with aligned columns; control characters are written as their escapes."""
        if not self._hits:
            return "no hits"
        lines = [("score", "itm", "itc", "place", "caption"), *map(_cells, self._hits)]
        return "\n".join(_aligned(lines))

    def _repr_html_(self) -> str:
        """The pictures with what is known of them; whatever comes from the database is escaped."""
        if not self._hits:
            return "<p>no hits</p>"
        first = self[:MOST_SHOWN]
        pictures = first._pictures()
        figures = "".join(
            _figure(hit, pictures.get(hit.image_id, ImageError(NOT_FETCHED))) for hit in first
        )
        rest = len(self) - len(first)
        return f'<div style="{GRID}">{figures}</div>' + (f"<p>and {rest} more</p>" if rest else "")

    def _pictures(self) -> Pictures:
        if self._show is None:
            return {}
        try:
            return self._show(self.image_ids)
        except BlipdbError as error:  # the hits are worth showing without them
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
    """Numbers to the right, texts to the left and cut; a column that is empty is left out."""
    from rich.cells import cell_len, set_cell_size

    columns = []
    for number, column in enumerate(zip(*lines, strict=True)):
        if not any(column[1:]):
            continue
        cut = [
            text if cell_len(text) <= WIDEST else set_cell_size(text, WIDEST - 1) + "…"
            for text in column
        ]
        width = max(map(cell_len, cut))
        pads = [" " * (width - cell_len(text)) for text in cut]
        columns.append(
            [pad + text if number < 3 else text + pad for pad, text in zip(pads, cut, strict=True)]
        )
    return ["  ".join(row).rstrip() for row in zip(*columns, strict=True)]


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
