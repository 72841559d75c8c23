"""Notifications of workers that a stage has work."""

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

TASK = "blipdb.work"


def notify(stage: str) -> bool:
    """Notify the workers of a stage that it has work. Return False, without a message, if none of
    them has taken the last one yet: so at most one waits, however often this is called.

    Raises:
        BrokerError: the broker can't be reached.
        UsageError: its URL can't be used.
    """
    with _connected() as connection:
        if waiting(connection, stage):
            return False
        message = signature(TASK, kwargs={"stage": stage}, app=app)
        message.apply_async(queue=queue_name(stage), connection=connection, retry=False)
        return True


def waiting(connection: Connection, stage: str) -> int:
    """Count the messages for a stage that wait. Declares its queue if it does not exist."""
    queue = app.amqp.queues[queue_name(stage)]
    found = connection.default_channel.queue_declare(
        queue=queue.name,
        durable=queue.durable,
        exclusive=queue.exclusive,
        auto_delete=queue.auto_delete,
        arguments=queue.queue_arguments,
    )
    return int(found.message_count)


def has_workers(seconds: float) -> bool:
    """Return whether any worker answers on the broker within so many seconds.

    Raises:
        BrokerError: the broker can't be reached.
    """
    with _connected() as connection:
        found = app.control.broadcast(
            "ping", reply=True, limit=1, timeout=seconds, connection=connection
        )
        return bool(found)


def check() -> None:
    """Check that the broker's URL can be used. The broker need not be up.

    Raises:
        UsageError: the URL can't be used.
    """
    _connection()


def _connection() -> tuple[Connection, tuple[type[BaseException], ...]]:
    """Return a connection that is not open yet, and the errors with which it may fail."""
    try:
        connection = app.connection_for_write()
        own = connection.connection_errors + connection.channel_errors
        return connection, (*own, OSError, KombuError)
    except (KeyError, ImportError) as error:
        raise UsageError(
            f"The broker's URL {_shown()} can't be used: {_words(error)}.",
            "As in: BLIPDB_BROKER=amqp://user@host:5672// or redis://host:6379/0",
        ) from error


@contextmanager
def _connected() -> Iterator[Connection]:
    connection, errors = _connection()
    try:
        with connection:
            # Each of its hosts is tried once. By default kombu retries for six seconds, in which a
            # worker or an ingest would wait for a notification that it can do without.
            connection.ensure_connection(max_retries=max(0, len(connection.alt) - 1))
            yield connection
    except errors as error:
        raise BrokerError(
            f"The broker can't be reached at {_shown()}: {_words(error)}",
            "Nothing is lost: jobs wait in the database, and workers find them without it.",
        ) from error


def _shown() -> str:
    """Return the broker's URL without its password."""
    url = app.conf.broker_write_url or app.conf.broker_url or "amqp://localhost:5672//"
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    return f"{parts.scheme}://{user.partition(':')[0]}{at}{host}{parts.path}"


def _words(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
