"""Ringing: telling workers that a stage has work."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from celery import signature
from kombu.connection import Connection
from kombu.exceptions import KombuError

from blipdb.errors import BrokerError, UsageError

from .app import app
from .config import queue_name

WORK = "blipdb.work"


def ring(stage: str) -> bool:
    """Tell the workers of a stage that it has work; False where they have not heard the last
    message yet. So there is never more than one to hear, however often this is called.

    Raises:
        BrokerError: the broker can't be reached.
        UsageError: its URL is none that can be used.
    """
    with _connected() as connection:
        if waiting(connection, stage):
            return False
        message = signature(WORK, kwargs={"stage": stage}, app=app)
        message.apply_async(queue=queue_name(stage), connection=connection, retry=False)
        return True


def waiting(connection: Connection, stage: str) -> int:
    """How many messages for a stage nobody has taken yet. Makes the queue if it isn't there."""
    queue = app.amqp.queues[queue_name(stage)]
    found = connection.default_channel.queue_declare(
        queue=queue.name,
        durable=queue.durable,
        exclusive=queue.exclusive,
        auto_delete=queue.auto_delete,
        arguments=queue.queue_arguments,
    )
    return int(found.message_count)


def hears(seconds: float) -> bool:
    """Whether any worker answers on the broker.

    Raises:
        BrokerError: the broker can't be reached.
    """
    with _connected() as connection:
        found = app.control.broadcast(
            "ping", reply=True, limit=1, timeout=seconds, connection=connection
        )
        return bool(found)


@contextmanager
def _connected() -> Iterator[Connection]:
    url = app.conf.broker_write_url or app.conf.broker_url
    try:
        connection = app.connection_for_write()
        errors = (*connection.connection_errors, *connection.channel_errors, OSError, KombuError)
    except (KeyError, ImportError) as error:
        raise UsageError(
            f"The broker's URL {_shown(url)} can't be used: {error}.",
            "As in: BLIPDB_BROKER=amqp://user@host:5672// or redis://host:6379/0",
        ) from error
    try:
        with connection:
            yield connection
    except errors as error:
        raise BrokerError(
            f"The broker can't be reached at {_shown(url)}: {_words(error)}",
            "Nothing is lost: jobs wait in the database, and workers find them without it.",
        ) from error


def _shown(url: str | None) -> str:
    """The URL without its password."""
    parts = urlsplit(url or "amqp://localhost:5672//")
    user, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}"


def _words(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
