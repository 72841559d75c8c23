"""Options that several commands share. Each has an environment variable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..settings import Settings, load

Db = Annotated[
    str | None,
    typer.Option(
        "--db",
        envvar="BLIPDB_URL",
        metavar="URL",
        help="An existing server's database, as postgresql://…; default: the private cluster.",
    ),
]
Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar="BLIPDB_HOME",
        metavar="FOLDER",
        help="Where the private cluster, models, sockets and logs are.",
    ),
]
Json = Annotated[
    bool, typer.Option("--json", envvar="BLIPDB_JSON", help="Print one JSON document.")
]
Paths = Annotated[
    bool,
    typer.Option("--paths", "-f", envvar="BLIPDB_PATHS", help="Print only paths, one a line."),
]
Null = Annotated[
    bool,
    typer.Option(
        "--null", "-0", envvar="BLIPDB_NULL", help="End each path with NUL, for xargs -0."
    ),
]
Space = Annotated[
    str,
    typer.Option(
        "--space", envvar="BLIPDB_SPACE", metavar="NAME", help="Whose images: a tenant's name."
    ),
]


def settings(db: str | None, home: Path | None) -> Settings:
    """Load the settings: the command's own options, else those of the environment."""
    return load(home=home, url=db)
