"""Notifications on real brokers: one message waits, however often; and errors without a broker."""

from __future__ import annotations

import pytest

from blipdb.errors import BrokerError, UsageError
from blipdb.work import stages
from blipdb.workers import app as workers
from blipdb.workers import config, notifier
from blipdb.workers.app import app, use
from tests.workers.brokers import Broker, free_port


def taken(stage: str) -> list[dict[str, object]]:
    """Take the messages that wait at a stage."""
    found = []
    with app.connection_for_read() as connection:
        queue = app.amqp.queues[config.queue_name(stage)](connection.default_channel)
        queue.declare()
        while message := queue.get(no_ack=True):
            found.append(message.payload[1])
    return found


@pytest.fixture(autouse=True)
def _clean(broker: Broker) -> None:
    use(broker.url)
    for stage in stages.NAMES:
        taken(stage)


def test_however_often_workers_are_notified_one_message_waits(broker: Broker) -> None:
    assert notifier.notify("encode")
    assert not notifier.notify("encode")
    assert notifier.notify("caption"), "another stage's is not in the way"
    assert taken("encode") == [{"stage": "encode"}]
    assert notifier.notify("encode")
    assert taken("encode") == [{"stage": "encode"}]
    assert taken("caption") == [{"stage": "caption"}]
    assert taken("score") == []


def test_a_wiped_broker_is_notified_again(broker: Broker) -> None:
    assert notifier.notify("text")
    broker.wipe()
    assert notifier.notify("text")
    assert taken("text") == [{"stage": "text"}]


def test_no_worker_answers(broker: Broker) -> None:
    assert not notifier.has_workers(0.2)


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_is_not_there(broker: Broker, scheme: str) -> None:
    port = free_port()
    use(f"{scheme}://me:secret@127.0.0.1:{port}/0")
    with pytest.raises(BrokerError) as caught:
        notifier.notify("encode")
    assert f"{scheme}://me@127.0.0.1:{port}/0: " in caught.value.message
    assert "secret" not in str(caught.value)
    assert "Nothing is lost" in str(caught.value)


def test_a_broker_of_no_known_kind(broker: Broker) -> None:
    use("rabbit://127.0.0.1/")
    with pytest.raises(UsageError, match=r"rabbit://127\.0\.0\.1/ can't be used.*\nAs in: BLIPDB"):
        notifier.notify("encode")


def test_the_package_is_the_application() -> None:
    assert workers is app
