"""All commands, in the order of ``blipdb --help``.

What a command needs is imported inside it, so that it starts quickly.
"""

from __future__ import annotations

from typing import Annotated

import typer

from . import add, backlog, captions, demo, ingest, models, search, servers, status
from .group import Group

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def version() -> None:
    """Print blipdb's version."""
    from importlib.metadata import version

    print(f"blipdb {version('blipdb')}")


def _print_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback()
def blipdb(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help=version.__doc__),
    ] = False,
) -> None:
    """BLIP inside PostgreSQL: images are rows, understanding them is SQL."""


IMAGES, SERVERS, MODELS = "Images", "Servers", "Models"

app.command("ingest", rich_help_panel=IMAGES)(ingest.ingest)
app.command("search", rich_help_panel=IMAGES)(search.search)
app.command("captions", rich_help_panel=IMAGES)(captions.captions)
app.command("add", rich_help_panel=IMAGES)(add.add)
app.command("status", rich_help_panel=IMAGES)(status.status)
app.command("run", rich_help_panel=IMAGES)(backlog.run)
app.command("retry", rich_help_panel=IMAGES)(backlog.retry)
app.command("failures", rich_help_panel=IMAGES)(status.failures)
app.command("demo", rich_help_panel=IMAGES)(demo.demo)
app.command("up", rich_help_panel=SERVERS)(servers.up)
app.command("down", rich_help_panel=SERVERS)(servers.down)
app.command("engine", rich_help_panel=SERVERS)(servers.engine)
app.command("url", rich_help_panel=SERVERS)(servers.url)
app.command(
    "psql",
    rich_help_panel=SERVERS,
    context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
)(servers.psql)
app.command("init", rich_help_panel=SERVERS)(servers.init)
app.command("install-extension", rich_help_panel=SERVERS)(servers.install_extension)
app.command("version", rich_help_panel=SERVERS)(version)
app.add_typer(models.app, name="models", rich_help_panel=MODELS)
