"""Brokers for this folder's tests, and a database whose jobs are to be run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workers.brokers import Broker, running


@pytest.fixture(scope="session")
def redis() -> Iterator[Broker]:
    with running("redis") as broker:
        yield broker


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[Broker]:
    with running("rabbitmq") as broker:
        yield broker


@pytest.fixture(params=["redis", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> Broker:
    """Each broker in turn, without messages of earlier tests."""
    broker: Broker = request.getfixturevalue(request.param)
    return broker


@pytest.fixture(params=["redis", pytest.param("rabbitmq", marks=pytest.mark.slow)])
def any_broker(request: pytest.FixtureRequest) -> Broker:
    """As ``broker``, for long tests in which the kind of broker matters little."""
    broker: Broker = request.getfixturevalue(request.param)
    return broker
