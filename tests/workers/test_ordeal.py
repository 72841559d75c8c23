"""Small ordeals; `make chaos` has the long ones."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from blipdb import jobs, services
from blipdb.jobs import Queue
from blipdb.registry import Model
from blipdb.settings import Settings
from tests.album import picture
from tests.workers import ordeal
from tests.workers.brokers import running
from tests.workers.celeries import working

COUNT = 400
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
def field(empty_home: Path, files: Path) -> Iterator[tuple[ordeal.Field, Model]]:
    settings = Settings(empty_home)
    services.up(settings)
    try:
        with ordeal.prepared(settings, files) as prepared:
            yield prepared
    finally:
        services.down(settings)


def unscathed(field: ordeal.Field) -> bool:
    tally = asdict(field.tally)
    assert {name: tally[name] for name in UNSCATHED} == UNSCATHED
    return True


def test_workers_that_are_killed(field: tuple[ordeal.Field, Model], tmp_path: Path) -> None:
    it, model = field
    chance = random.Random(1)
    kills = 0

    def disturb() -> None:
        nonlocal kills
        ordeal.supervise(workers)
        kills += kills < 15 and ordeal.kill_a_worker(workers, chance)

    with (
        running("redis") as broker,
        working(it.settings, broker.url, tmp_path, "-c", "1", count=2) as workers,
    ):
        it.settle(disturb)
        for stage in (jobs.CAPTION, jobs.TEXT):
            it.enqueue(Queue(stage, model.model_id))
            it.settle(disturb)
        judge = it.model("filter")
        it.enqueue(Queue(jobs.SCORE, judge.model_id))
        it.settle(disturb)
    it.compare(model.model_id, judge.model_id)
    assert kills >= 10
    assert unscathed(it)
    # A kill costs at most the batches that its process had: two, of 32 at first and of one later.
    assert it.tally.extra <= kills * 64


@pytest.mark.parametrize("kind", ["redis", "rabbitmq"])
def test_brokers_that_are_killed_and_wiped(
    field: tuple[ordeal.Field, Model], tmp_path: Path, kind: str
) -> None:
    it, model = field
    chance = random.Random(2)
    with running(kind) as broker, working(it.settings, broker.url, tmp_path) as (worker,):
        it.enqueue(Queue(jobs.CAPTION, model.model_id))
        for number in range(3):
            ordeal.kill_broker(broker, chance)
            if number == 1:
                broker.wipe()
            before = it.left()
            begin = time.monotonic()
            worker.wait_for(lambda: it.left() < before or not before, 60)  # noqa: B023
            assert time.monotonic() - begin < 60
        it.settle()
        assert worker.stop() == 0
    it.compare(model.model_id)
    assert unscathed(it)


def test_postgresql_that_crashes(field: tuple[ordeal.Field, Model], tmp_path: Path) -> None:
    it, model = field
    chance = random.Random(3)
    with running("redis") as broker, working(it.settings, broker.url, tmp_path) as (worker,):
        it.enqueue(Queue(jobs.CAPTION, model.model_id))
        for _ in range(3):
            ordeal.stop_postgresql(it.settings, chance)
            before = it.left()
            worker.wait_for(lambda: it.left() < before or not before, 60)  # noqa: B023
        it.settle()
        assert worker.stop() == 0
    it.compare(model.model_id)
    assert unscathed(it)
