"""Brokers for this folder's tests, and a database whose jobs are to be run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from blipdb import database as databases
from blipdb import registry
from blipdb.jobs import Connection
from blipdb.registry import Model
from blipdb.settings import Settings
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


@pytest.fixture
def boss(ready: Settings) -> Iterator[Connection]:
    with databases.connect(ready.database_url(), autocommit=True) as conn:
        yield conn


@pytest.fixture
def model(boss: Connection) -> Model:
    return registry.active(boss, "retrieval")
