"""Commands that leave the work to Celery workers, where a broker is named."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import BrokerError, SetupError
from .output import note

if TYPE_CHECKING:
    from ..work.executors import Notify

HEAR_SECONDS = 1.0

Broker = Annotated[
    str | None,
    typer.Option(
        "--broker",
        envvar="BLIPDB_BROKER",
        metavar="URL",
        help="Leave the work to Celery workers, through amqp://… or redis://…; default: this"
        " process does it.",
    ),
]
NoWait = Annotated[
    bool,
    typer.Option(
        "--no-wait",
        envvar="BLIPDB_NO_WAIT",
        help="With --broker: end once the work is handed over.",
    ),
]


def notifier(broker: str | None) -> Notify | None:
    """Return a function that notifies the workers on ``broker`` that a stage has work. None if no
    broker is named.

    It warns of a broker that is down once: workers find the work without it.

    Raises:
        SetupError: Celery is not installed.
        UsageError: the URL can't be used.
    """
    if broker is None:
        return None
    try:
        app = importlib.import_module("blipdb.workers.app")
        sender = importlib.import_module("blipdb.workers.notifier")
    except ImportError as error:
        raise SetupError(
            f"A broker needs Celery, which is not installed: {error}.",
            "Install it: pip install 'blipdb[workers]'",
        ) from error
    app.use(broker)
    sender.check()
    said = False

    def notify(stage: str) -> None:
        nonlocal said
        try:
            sender.notify(stage)
            if not said and not sender.has_workers(HEAR_SECONDS):
                note("no worker answers; start one with: celery -A blipdb.workers worker")
            said = True
        except BrokerError as error:
            if not said:
                note(f"warning: {error}")
            said = True

    return notify
