"""The commands, in the order of ``blipdb --help``.

Each lies in a module of this package, which is imported when it is called: an app of one command
starts in half of the time that an app of all takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Annotated, Any

import typer

from .group import Group

IMAGES, SERVERS, MODELS = "Images", "Servers", "Models"
UNPARSED = {"ignore_unknown_options": True, "allow_extra_args": True}


@dataclass(frozen=True)
class Command:
    """A command, or a group of them, by its name as it is typed."""

    name: str
    module: str
    panel: str = IMAGES
    """Heading in the help."""
    context: Mapping[str, Any] = field(default_factory=dict)
    """Settings of its parser."""
    is_group: bool = False
    """Whether the module has an ``app`` of several commands."""

    def add_to(self, app: typer.Typer) -> None:
        """Import it and make it a command of ``app``."""
        module = import_module(f"{__package__}.{self.module}")
        if self.is_group:
            app.add_typer(module.app, name=self.name, rich_help_panel=self.panel)
            return
        function = getattr(module, self.name.replace("-", "_"))
        decorate = app.command(
            self.name, rich_help_panel=self.panel, context_settings=dict(self.context) or None
        )
        decorate(function)


COMMANDS = (
    Command("ingest", "ingest"),
    Command("search", "search"),
    Command("captions", "captions"),
    Command("add", "add"),
    Command("status", "status"),
    Command("run", "backlog"),
    Command("retry", "backlog"),
    Command("failures", "status"),
    Command("demo", "demo"),
    Command("up", "servers", SERVERS),
    Command("down", "servers", SERVERS),
    Command("engine", "servers", SERVERS),
    Command("url", "servers", SERVERS),
    Command("psql", "servers", SERVERS, UNPARSED),
    Command("init", "servers", SERVERS),
    Command("install-extension", "servers", SERVERS),
    Command("version", "commands", SERVERS),
    Command("models", "models", MODELS, is_group=True),
)


def make_app(commands: Iterable[Command] = COMMANDS) -> typer.Typer:
    """Make the command line of some commands."""
    app = typer.Typer(
        cls=Group,
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(blipdb)
    for command in commands:
        command.add_to(app)
    return app


def app_for(words: Iterable[str]) -> typer.Typer:
    """Make the command line that parses ``words``: of the command that comes first in them, else
    of all commands."""
    first = next(iter(words), None)
    named = [command for command in COMMANDS if command.name == first]
    return make_app(named or COMMANDS)


def version() -> None:
    """Print blipdb's version."""
    from importlib.metadata import version

    print(f"blipdb {version('blipdb')}")


def _print_version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


def blipdb(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help=version.__doc__),
    ] = False,
) -> None:
    """BLIP inside PostgreSQL: images are rows, understanding them is SQL."""
