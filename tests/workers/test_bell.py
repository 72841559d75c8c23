"""Ringing on real brokers: one message waits, however often; and what is said where none hears."""

from __future__ import annotations

import pytest

from blipdb.database import jobs
from blipdb.errors import BrokerError, UsageError
from blipdb.workers import app as workers
from blipdb.workers import bell, config
from blipdb.workers.app import app, use
from tests.workers.brokers import Broker, free_port


def taken(stage: str) -> list[dict[str, object]]:
    """The messages that wait at a stage, which are gone then."""
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
    for stage in jobs.STAGES:
        taken(stage)


def test_however_often_it_rings_one_message_waits(broker: Broker) -> None:
    assert bell.ring("encode")
    assert not bell.ring("encode")
    assert bell.ring("caption"), "another stage's is not in the way"
    assert taken("encode") == [{"stage": "encode"}]
    assert bell.ring("encode")
    assert taken("encode") == [{"stage": "encode"}]
    assert taken("caption") == [{"stage": "caption"}]
    assert taken("score") == []


def test_a_wiped_broker_is_rung_at_again(broker: Broker) -> None:
    assert bell.ring("text")
    broker.wipe()
    assert bell.ring("text")
    assert taken("text") == [{"stage": "text"}]


def test_nobody_hears(broker: Broker) -> None:
    assert not bell.hears(0.2)


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_is_not_there(broker: Broker, scheme: str) -> None:
    port = free_port()
    use(f"{scheme}://me:secret@127.0.0.1:{port}/0")
    with pytest.raises(BrokerError) as caught:
        bell.ring("encode")
    assert f"{scheme}://me@127.0.0.1:{port}/0: " in caught.value.message
    assert "secret" not in str(caught.value)
    assert "Nothing is lost" in str(caught.value)


def test_a_broker_of_no_known_kind(broker: Broker) -> None:
    use("rabbit://127.0.0.1/")
    with pytest.raises(UsageError, match=r"rabbit://127\.0\.0\.1/ can't be used.*\nAs in: BLIPDB"):
        bell.ring("encode")


def test_the_package_is_the_application() -> None:
    assert workers is app
