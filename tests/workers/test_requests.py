"""Acknowledgement of a message whose connection is closed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from celery.worker.request import Request

from blipdb.workers import config, notifier
from blipdb.workers.app import app, use
from blipdb.workers.requests import LateRequest
from blipdb.workers.tasks import work
from tests.workers.brokers import Broker


@contextmanager
def late(kind: type[Request]) -> Iterator[Request]:
    """A worker's request for a message whose connection was lost and closed since."""
    notifier.notify("encode")
    connection = app.connection_for_read()
    queue = app.amqp.queues[config.queue_name("encode")](connection.default_channel)
    message = queue.get()
    assert message is not None
    made = kind(
        message,
        app=app,
        task=work,
        on_ack=message.ack_log_error,
        on_reject=message.reject_log_error,
        connection_errors=connection.connection_errors,
    )
    # The part of closing a channel that has been done when Redis is found to be gone.
    message.channel._disconnect_pools()
    connection.transport.client = None
    yield made
    connection.transport.client = connection
    connection.close()


@pytest.mark.parametrize("how", ["acknowledge", "reject"])
def test_it_ends_no_worker(redis: Broker, caplog: pytest.LogCaptureFixture, how: str) -> None:
    use(redis.url)
    redis.wipe()
    words = "'NoneType' object has no attribute 'hostname'"
    with late(Request) as request, pytest.raises(AttributeError, match=words):
        getattr(request, how)()
    redis.wipe()
    with late(LateRequest) as request:
        getattr(request, how)()
        assert request.acknowledged
    assert "no attribute 'hostname'" in caplog.text


def test_messages_are_received_so() -> None:
    assert work.Request == "blipdb.workers.requests:LateRequest"
