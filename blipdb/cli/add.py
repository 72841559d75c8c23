"""``blipdb add``: an image through SQL, its bytes kept in the database."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from ..errors import UsageError
from ..images.limits import Limits
from . import options
from .options import Db, Home, Json, Space
from .output import note, print_json
from .search import read_filter, read_image


def add(
    image: Annotated[str, typer.Argument(help="An image file; - reads its bytes from stdin.")],
    uri: Annotated[
        str | None,
        typer.Option(
            envvar="BLIPDB_ADD_URI", help="Where it is from; default: the file's own path."
        ),
    ] = None,
    caption: Annotated[
        str | None, typer.Option(envvar="BLIPDB_ADD_CAPTION", help="A text that came with it.")
    ] = None,
    metadata: Annotated[
        str | None,
        typer.Option(
            envvar="BLIPDB_ADD_METADATA", metavar="JSON", help="What search can filter by."
        ),
    ] = None,
    space: Space = "",
    as_json: Json = False,
    db: Db = None,
    home: Home = None,
) -> None:
    """Store one image in the database itself; print its id."""
    from ..work.executors import run_jobs
    from .opening import client_on, opened

    settings = options.settings(db, home)
    content = _read(image)
    if uri is None and image != "-":
        uri = os.path.abspath(os.path.expanduser(image))
    described = read_filter(metadata)
    with opened(settings, engine=True) as database:
        id = client_on(database, settings).add(
            content, uri=uri, caption=caption, metadata=described, space=space
        )
    run_jobs(settings, stages=("encode",))
    with opened(settings) as database:
        failures = client_on(database, settings).failures()
        reasons = [line.reason for line in failures if line.image_id == id]
    if as_json:
        print_json({"image_id": id, "uri": uri, "failed": reasons[0] if reasons else None})
    else:
        print(id)
    if reasons:
        note(f"failed: {uri or id}: {reasons[0]}")
        raise typer.Exit(1)


def _read(image: str) -> bytes:
    if image != "-":
        return read_image(image)
    limit = Limits().bytes
    content = sys.stdin.buffer.read(limit + 1)
    if len(content) > limit:
        raise UsageError(f"What comes from stdin has more than {limit:,} bytes.")
    return content
