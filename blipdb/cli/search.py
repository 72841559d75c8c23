"""``blipdb search``: images for a text, or for an image."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from ..errors import ImageError, UsageError
from . import options
from .options import Db, Home, Json, Null, Paths
from .output import Column, note, print_json, print_paths, print_rows, short_path

if TYPE_CHECKING:
    from ..client.results import Hit

PATH_BEGINNINGS = ("/", "./", "../", "~/")

COLUMNS = (
    Column("score", "number"),
    Column("itm", "number"),
    Column("itc", "number"),
    Column("path", "path"),
    Column("caption", "text"),
)


Query = Annotated[
    list[str],
    typer.Argument(
        metavar="QUERY", help="What to look for in words, or an image file like ./photo.jpg."
    ),
]
Top = Annotated[
    int, typer.Option("--top", "-k", envvar="BLIPDB_TOP", help="How many hits, 1 to 1000.")
]
Candidates = Annotated[
    int | None,
    typer.Option(
        envvar="BLIPDB_CANDIDATES",
        help="How many images the ITM head looks at, up to 1000; default: 32 or -k if more.",
    ),
]
Threshold = Annotated[
    float | None,
    typer.Option(
        envvar="BLIPDB_THRESHOLD",
        help="Leave out hits below this match probability (of an image: this cosine).",
    ),
]
Filter = Annotated[
    str | None,
    typer.Option(
        "--filter", envvar="BLIPDB_FILTER", metavar="JSON", help="Metadata the images must hold."
    ),
]
Model = Annotated[
    str | None,
    typer.Option(envvar="BLIPDB_MODEL", help="A registered model; default: the active one."),
]
Sheet = Annotated[
    Path | None,
    typer.Option(
        envvar="BLIPDB_SHEET", metavar="FILE", help="Draw the hits as a contact sheet (PNG)."
    ),
]


def search(
    query: Query,
    k: Top = 10,
    candidates: Candidates = None,
    threshold: Threshold = None,
    where: Filter = None,
    model: Model = None,
    sheet: Sheet = None,
    paths: Paths = False,
    null: Null = False,
    as_json: Json = False,
    db: Db = None,
    home: Home = None,
) -> None:
    """Find images by a text, or by an image.

    score = ITM logit + ITC cosine; itm is the probability that image and text match.
    """
    asked = read_query(query)
    held = read_filter(where)
    from .opening import client_on, opened

    settings = options.settings(db, home)
    with opened(settings) as database:
        client = client_on(database, settings)
        hits = client.search(
            asked,
            k,
            candidates=candidates,
            filter=held,
            threshold=threshold,
            model=model,
        )
        if sheet is not None:
            pictures = client.pictures(hits.image_ids)
            _draw(sheet, " ".join(query), hits, pictures)
    if paths or null:
        _print_paths(hits, null=null)
    elif as_json:
        print_json([vars(hit) for hit in hits])
    else:
        print_hits(hits)


def read_query(words: Sequence[str]) -> str | bytes:
    """Read a query: the text, or the bytes of the image file that is named.

    A path is what begins like one (``./photo``) or ends like an image (``photo.jpg``).

    Raises:
        UsageError: the file can't be read, or several are named.
    """
    files = [word for word in words if is_path(word)]
    if not files:
        return " ".join(words)
    if len(words) > 1:
        raise UsageError(
            f"One image at a time: {len(words)} arguments, of which {files[0]} is a file.",
            "Put a text in quotes where it holds a file's name.",
        )
    return read_image(files[0])


def read_image(name: str) -> bytes:
    """Read an image file, of at most the bytes that a picture may have.

    Raises:
        UsageError: it can't be read, or is a pipe or another thing that is no file.
    """
    from ..images.limits import Limits
    from ..sources import files

    path = Path(name).expanduser()
    try:
        return files.read(str(path), Limits().bytes).data
    except ImageError as error:
        raise UsageError(f"{path}: {error.reason}.") from None


def is_path(word: str) -> bool:
    """Whether a word of a query names a file."""
    suffix = Path(word).suffix.lower()
    if word.startswith(PATH_BEGINNINGS) or not suffix:
        return word.startswith(PATH_BEGINNINGS)
    from ..sources.files import IMAGE_SUFFIXES  # a query in words starts without it

    return suffix in IMAGE_SUFFIXES


def read_filter(text: str | None) -> Mapping[str, Any] | None:
    """Parse a JSON object. Raises UsageError for anything else."""
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"This is no JSON: {text!r} ({error}).", _FILTER) from None
    if not isinstance(value, dict):
        raise UsageError(f"This is no JSON object: {text!r}.", _FILTER)
    return value


_FILTER = """As in: '{"album": "2024"}'"""


def print_hits(hits: Sequence[Hit]) -> None:
    """Print hits as a table, with a column of captions where there are any."""
    has_captions = any(hit.caption for hit in hits)
    rows = [
        (
            f"{hit.score:.3f}",
            "" if hit.itm is None else f"{hit.itm:.3f}",
            f"{hit.itc:.3f}",
            short_path(name_of(hit)),
            *([hit.caption or ""] if has_captions else []),
        )
        for hit in hits
    ]
    if rows:
        print_rows(COLUMNS if has_captions else COLUMNS[:-1], rows)
    else:
        note("no hits")


def name_of(hit: Hit) -> str:
    return hit.uri or str(hit.image_id)


def _print_paths(hits: Sequence[Hit], *, null: bool) -> None:
    from ..sources.files import is_readable

    paths = [hit.uri for hit in hits if hit.uri is not None and is_readable(hit.uri)]
    print_paths(paths, null=null)
    if nameless := len(hits) - len(paths):
        note(f"left out: {nameless} that came in through SQL without a path")


def _draw(path: Path, title: str, hits: Sequence[Hit], pictures: Mapping[UUID, bytes]) -> None:
    from ..client.sheet import strip_of, write_sheet

    try:
        write_sheet(path, [strip_of(title, hits, pictures)])
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}.") from None
    note(f"drawn: {path}")
