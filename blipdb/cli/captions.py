"""``blipdb captions``: the texts about an image, with their scores."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer

from ..errors import DatabaseError, UsageError
from . import options
from .options import Db, Home, Json, Space
from .output import Column, note, print_json, print_rows

if TYPE_CHECKING:
    import psycopg

    from ..client.results import Caption

COLUMNS = (
    Column("itm", "number"),
    Column("itc", "number"),
    Column("verdict"),
    Column("origin"),
    Column("writer"),
    Column("text", "text"),
)


def captions(
    image: Annotated[
        str,
        typer.Argument(metavar="PATH|ID", help="An image's file or URL as ingested, or its id."),
    ],
    space: Space = "",
    as_json: Json = False,
    db: Db = None,
    home: Home = None,
) -> None:
    """List the captions of an image with their scores, best first.

    itm is the probability that image and text match, by the active filter.
    """
    from .opening import client_on, opened

    settings = options.settings(db, home)
    with opened(settings) as database:
        id = read_id(image) or find_image(database.conn, space, image)
        found = client_on(database, settings).captions(id)
    if as_json:
        print_json([asdict(caption) for caption in found])
    elif found:
        print_rows(COLUMNS, [_cells(caption) for caption in found])
    else:
        note("no captions")


def read_id(word: str) -> UUID | None:
    """Parse an image_id; None for anything else."""
    try:
        return UUID(word)
    except ValueError:
        return None


def find_image(conn: psycopg.Connection[Any], space: str, path: str) -> UUID:
    """Find the image that a file or URL of a space holds.

    Raises:
        UsageError: there is no such file, here or in the database.
        DatabaseError: it is not stored.
    """
    from ..database import catalog
    from ..database.failures import translate_all
    from ..sources import remote

    is_remote = remote.is_remote(path)
    uri = path if is_remote else os.path.abspath(os.path.expanduser(path))
    with translate_all():
        states = catalog.file_states(conn, space, [uri]).get(uri, [])
    for id in (state.image_id for state in states):
        if id is not None:
            return id
    if states:
        raise DatabaseError(f"{path} is not stored: {states[0].reason}.", "See blipdb failures.")
    if not (is_remote or (path and os.path.exists(uri))):
        raise UsageError(
            f"{path!r} is neither a file nor an image_id.",
            "Ids are in: blipdb search QUERY --json",
        )
    arguments = [*(["--space", space] if space else []), path]
    raise DatabaseError(
        f"{path} is not stored.", f"Store it with: blipdb ingest {shlex.join(arguments)}"
    )


def _cells(caption: Caption) -> Sequence[str]:
    return (
        "" if caption.itm is None else f"{caption.itm:.3f}",
        "" if caption.itc is None else f"{caption.itc:.3f}",
        caption.verdict,
        caption.origin,
        caption.writer or "",
        caption.text,
    )
