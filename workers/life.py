"""Handlers of Celery's signals: checks at a worker's start, and clean-up at its end."""

from __future__ import annotations

import logging
from typing import Any

from celery import signals
from celery.apps.worker import Worker

from blipdb import settings
from blipdb.database import connection, requirements
from blipdb.errors import BlipdbError, DatabaseError, UsageError
from blipdb.host.logs import OneLine

from . import ending, metrics, tasks
from .app import BROKER, app
from .caretaker import Caretaker
from .config import stage_of, transport_options

log = logging.getLogger(__name__)
_caretaker: Caretaker | None = None


@signals.after_setup_logger.connect
@signals.after_setup_task_logger.connect
def _make_safe(logger: logging.Logger, **_: Any) -> None:
    """Escape text that errors quote from rows and files, which others have written."""
    for handler in logger.handlers:
        handler.addFilter(OneLine())


@signals.worker_init.connect
def _check(sender: Worker, **_: Any) -> None:
    """Fail at once if the worker could never do its work. A database that is merely down is waited
    for."""
    try:
        broker = app.conf.broker_read_url or app.conf.broker_url
        if not broker:
            raise UsageError(
                f"No broker is named: {BROKER} is not set.",
                f"As in: {BROKER}=amqp://user@host:5672// or redis://host:6379/0",
            )
        app.conf.broker_transport_options = transport_options(broker)  # it may come from celery -b
        metrics.serve()
        _check_database()
    except BlipdbError as error:
        raise SystemExit(f"error: {error}") from None


def _check_database() -> None:
    chosen = settings.load()
    try:
        conn = connection.connect_pinned(chosen.database_url())
    except DatabaseError as error:
        log.warning("%s", error)
        return
    with conn:
        requirements.check_worker(conn)


@signals.worker_ready.connect
def _take_care(sender: Any, **_: Any) -> None:
    global _caretaker
    stages = [stage_of(name) for name in app.amqp.queues.consume_from]
    _caretaker = Caretaker(settings.load(), [stage for stage in stages if stage])
    _caretaker.start()


@signals.worker_shutting_down.connect
def _end(**_: Any) -> None:
    ending.end()


@signals.worker_shutdown.connect
def _ended(**_: Any) -> None:
    if _caretaker is not None:
        _caretaker.end()


@signals.worker_process_shutdown.connect
def _process_ended(**_: Any) -> None:
    tasks.runner().close()
