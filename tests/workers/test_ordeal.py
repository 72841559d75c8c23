"""Small ordeals; `make chaos` has the long ones."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from blipdb.database import schema
from blipdb.host import cluster
from blipdb.registry import Model
from blipdb.settings import Settings
from tests.album import picture
from tests.workers import ordeal
from tests.workers.brokers import Broker
from tests.workers.celeries import working

COUNT = 400
BESIDE = COUNT // 2  # captions that come along: two of every fourth picture
UNSCATHED = {"lost": 0, "doubled": 0, "different": 0, "parked": 0, "inexact": 0}

pytestmark = [pytest.mark.slow, pytest.mark.destructive]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    for seed in range(COUNT):
        (folder / f"{seed:03}.jpg").write_bytes(picture(seed, "JPEG", side=64))
        if seed % 4 == 0:
            (folder / f"{seed:03}.txt").write_text("a red bicycle\na small dog")
    return folder


@pytest.fixture
def field(database: str, files: Path, tmp_path: Path) -> Iterator[tuple[ordeal.Field, Model]]:
    with ordeal.prepared(Settings(tmp_path / "home", database), files) as prepared:
        yield prepared


@pytest.fixture
def own_cluster(empty_home: Path) -> Iterator[Settings]:
    """A cluster that no other test needs."""
    settings = Settings(empty_home)
    cluster.up(settings)
    try:
        schema.init(settings.database_url(), settings)
        yield settings
    finally:
        cluster.down(settings)


def unscathed(field: ordeal.Field) -> bool:
    tally = asdict(field.tally)
    assert {name: tally[name] for name in UNSCATHED} == UNSCATHED
    return True


def test_workers_that_are_killed(
    field: tuple[ordeal.Field, Model], redis: Broker, tmp_path: Path
) -> None:
    it, model = field
    chance = random.Random(1)
    kills = 0

    def disturb() -> None:
        nonlocal kills
        ordeal.supervise(workers)
        kills += kills < most and ordeal.kill_a_worker(workers, chance)

    it.enqueue(model.captioning)
    with working(it.settings, redis.url, tmp_path, "-c", "1", count=2) as workers:
        most = 8
        it.settle(disturb)
        it.model("filter")  # judges all of them anew, though nobody asks it to
        most = 12
        it.settle(disturb)
        it.enqueue(it.model("captioner").captioning)  # what it writes, that filter judges
        most = 18
        it.settle(disturb)
    it.compare()
    assert it.tally.captions == 2 * COUNT + BESIDE
    assert kills >= 12
    assert unscathed(it)
    # A kill costs at most the batches that its process had: two, of 32 at first and of one later.
    assert it.tally.extra <= kills * 64


def test_brokers_that_are_killed_and_wiped(
    field: tuple[ordeal.Field, Model], broker: Broker, tmp_path: Path
) -> None:
    """PostgreSQL dies while workers run. A caretaker alone begins work that is due afterwards."""
    it, model = field
    chance = random.Random(2)
    with working(it.settings, broker.url, tmp_path) as (worker,):
        faults: list[Callable[[], object]] = [
            lambda: ordeal.kill_broker(broker, chance),
            broker.wipe,
        ]
        for fault in faults:
            fault()
            begin = time.monotonic()
            it.settle()
            it.again(model.encoding, model.embedding, model.scoring)
            worker.wait_for(lambda: it.left() < COUNT + 2 * BESIDE, 60)
            assert time.monotonic() - begin < 60
        it.settle()
        assert worker.stop() == 0
    it.compare()
    assert it.tally.captions == 3 * BESIDE
    assert unscathed(it)


def test_postgresql_that_crashes(
    own_cluster: Settings, files: Path, redis: Broker, tmp_path: Path
) -> None:
    chance = random.Random(3)
    with ordeal.prepared(own_cluster, files) as (it, model):
        it.enqueue(model.captioning)
        with working(it.settings, redis.url, tmp_path) as (worker,):
            for _ in range(3):
                ordeal.stop_postgresql(it.settings, chance)
                before = it.left()
                worker.wait_for(lambda: it.left() < before or not before, 60)  # noqa: B023
            it.settle()
            assert worker.stop() == 0
        it.compare()
        assert it.tally.captions == COUNT + BESIDE
        assert unscathed(it)
