"""``blipdb run`` and ``blipdb retry``: work that is asked for, or waits, or was given up."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from . import options
from .broker import Broker, NoWait, notifier
from .options import Db, Home, Json
from .output import Column, note, print_json, print_rows
from .progress import progress_bar

if TYPE_CHECKING:
    from ..work.backlog import Line

Stages = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[STAGE]...",
        help="attach: rows of attached tables; encode: vectors and tokens of images; text: vectors"
        " of captions; caption: write one; score: ITC and ITM of captions.",
    ),
]
LINES = (
    Column("stage"),
    Column("model"),
    Column("done", "number"),
    Column("waiting", "number"),
    Column("parked", "number"),
)


def run(
    stages: Stages = None,
    model: Annotated[
        str | None,
        typer.Option(
            envvar="BLIPDB_RUN_MODEL",
            help="Name or digest; default: the one that is active in the stage's role.",
        ),
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(
            envvar="BLIPDB_SPACE",
            metavar="NAME",
            help="Only this tenant's images; default: everybody's.",
        ),
    ] = None,
    broker: Broker = None,
    no_wait: NoWait = False,
    as_json: Json = False,
    db: Db = None,
    home: Home = None,
) -> None:
    """Do what images still lack at a stage; without one, what waits.

    So a model that is registered and not active yet can encode all images first:
    blipdb run encode --model NAME, then blipdb models activate NAME.
    """
    from ..work import backlog
    from .opening import bring_up

    settings = options.settings(db, home)
    notify = notifier(broker)
    bring_up(settings)
    with progress_bar() as show:
        lines = backlog.run(
            settings,
            stages or (),
            model=model,
            space=space,
            notify=notify,
            wait=not no_wait,
            show=lambda state: show(*state),
        )
    _print(lines, as_json=as_json)


def retry(
    stages: Stages = None,
    broker: Broker = None,
    no_wait: NoWait = False,
    as_json: Json = False,
    db: Db = None,
    home: Home = None,
) -> None:
    """Try jobs once more that were given up.

    Files that could not be read are tried again by: blipdb ingest --retry PATH
    """
    from ..work import backlog
    from .opening import bring_up

    settings = options.settings(db, home)
    notify = notifier(broker)
    bring_up(settings)
    with progress_bar() as show:
        lines = backlog.retry(
            settings, stages or (), notify=notify, wait=not no_wait, show=lambda state: show(*state)
        )
    _print(lines, as_json=as_json)


def _print(lines: list[Line], *, as_json: bool) -> None:
    """Exit code 1 if some jobs are parked."""
    if as_json:
        print_json([asdict(line) for line in lines])
    elif lines:
        print_rows(
            LINES,
            [
                (line.stage, line.model, str(line.done), str(line.waiting), str(line.parked))
                for line in lines
            ],
        )
    else:
        note("nothing to do")
    if parked := sum(line.parked for line in lines):
        note(f"given up after their last attempt: {parked} jobs; why: blipdb failures")
        raise typer.Exit(1)
