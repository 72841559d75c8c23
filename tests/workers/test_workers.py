"""Workers on real brokers: what is enqueued is done, by whom, and what is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blipdb import database as databases
from blipdb import jobs, registry
from blipdb.jobs import Connection, Counts
from blipdb.registry import Model
from blipdb.settings import Settings
from tests.album import picture
from tests.test_worker import add
from tests.workers.brokers import Broker, running
from tests.workers.celeries import working


@pytest.fixture(scope="module", params=["redis", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    with running(request.param) as broker:
        yield broker


@pytest.fixture
def boss(ready: Settings) -> Iterator[Connection]:
    with databases.connect(ready.database_url(), autocommit=True) as conn:
        yield conn


@pytest.fixture
def model(boss: Connection) -> Model:
    return registry.active(boss, "retrieval")


def test_what_is_enqueued_is_done(
    ready: Settings, boss: Connection, model: Model, broker: Broker, tmp_path: Path
) -> None:
    """Nobody rings: the caretaker finds it."""
    with boss.transaction():
        for seed in range(100):
            add(boss, picture(seed, side=16), caption=f"number {seed}")
    with working(ready, broker.url, tmp_path) as (worker,):
        worker.wait_for(lambda: jobs.counts(boss, model.encoding) == Counts(done=100))
        assert worker.stop() == 0
    assert "Traceback" not in worker.log
