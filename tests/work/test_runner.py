"""Runs of a stage in a worker process: shares of models, a stop, the end by the clock, errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from blipdb import registry
from blipdb.database import jobs
from blipdb.database.jobs import Counts
from blipdb.errors import DatabaseError
from blipdb.registry import Model
from blipdb.settings import Settings
from blipdb.types import Connection
from blipdb.work.context import Outcome
from blipdb.work.runner import LONG_QUEUE, MAX_MODELS, StageRunner
from tests.album import picture
from tests.tiny import tiny_artifact
from tests.work.test_worker import add


@pytest.fixture
def runner(ready: Settings) -> Iterator[StageRunner]:
    runner = StageRunner(ready)
    yield runner
    runner.close()


def add_many(conn: Connection, count: int) -> None:
    with conn.transaction():
        for seed in range(count):
            add(conn, picture(seed, side=8))


def test_a_run_does_what_is_due(runner: StageRunner, boss: Connection, model: Model) -> None:
    add_many(boss, 10)
    run = runner.run("encode", 60, lambda: False)
    assert run.outcomes == {model.encoding: Outcome(done=10)}
    assert not run.more
    assert runner.run("encode", 60, lambda: False).outcomes == {}
    assert runner.run("caption", 60, lambda: False).outcomes == {}


def test_it_stops_when_it_is_told(runner: StageRunner, boss: Connection, model: Model) -> None:
    add_many(boss, 10)
    run = runner.run("encode", 60, lambda: True)
    assert run.outcomes == {model.encoding: Outcome()}
    assert run.more
    assert jobs.counts(boss, model.encoding) == Counts(pending=10)
    assert runner.run("encode", 0, lambda: False).more, "no time is left at all"


def test_much_is_told_from_little(runner: StageRunner, boss: Connection, model: Model) -> None:
    add_many(boss, LONG_QUEUE)
    assert not runner.is_long("encode")
    add(boss, picture(LONG_QUEUE))
    assert runner.is_long("encode")
    assert not runner.is_long("caption")


def test_each_model_gets_its_share(
    runner: StageRunner, boss: Connection, ready: Settings, model: Model, tmp_path: Path
) -> None:
    add_many(boss, 5)
    others = []
    for seed in range(MAX_MODELS + 1):
        folder = tiny_artifact(tmp_path / str(seed), 10 + seed, name=f"m{seed}").folder
        others.append(registry.register(boss, ready, folder, activate=False))
        jobs.enqueue_missing(boss, others[-1].encoding)
    run = runner.run("encode", 60, lambda: False)
    done = Outcome(done=5)
    assert run.outcomes == dict.fromkeys([m.encoding for m in (model, *others)], done)


def cut_off(boss: Connection) -> bool:
    """End all other connections, as a server that restarts does."""
    boss.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    return False


def test_after_a_crash_the_next_run_connects_again(
    runner: StageRunner, boss: Connection, model: Model
) -> None:
    add_many(boss, 3)
    with pytest.raises(DatabaseError, match=r"(?s)went away.*the worker goes on by itself"):
        runner.run("encode", 60, lambda: cut_off(boss))
    boss.execute("UPDATE blip.jobs SET state = 'p', lease = NULL, run_after = now()")
    assert runner.run("encode", 60, lambda: False).outcomes == {model.encoding: Outcome(done=3)}


@pytest.mark.parametrize("stage", ["encode", "attach"])
def test_a_crash_between_runs_costs_none(
    runner: StageRunner, boss: Connection, model: Model, stage: str
) -> None:
    runner.run(stage, 60, lambda: False)
    cut_off(boss)
    assert not runner.is_long(stage)
    cut_off(boss)
    runner.run(stage, 60, lambda: False)
