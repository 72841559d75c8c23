"""A worker process's shifts: shares of models, a stop, an end by the clock, and after errors."""

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
from blipdb.work.shifts import MANY, MAX_MODELS, Shifts
from blipdb.work.worker import Outcome
from tests.album import picture
from tests.tiny import tiny_artifact
from tests.work.test_worker import add


@pytest.fixture
def shifts(ready: Settings) -> Iterator[Shifts]:
    shifts = Shifts(ready)
    yield shifts
    shifts.close()


def add_many(conn: Connection, count: int) -> None:
    with conn.transaction():
        for seed in range(count):
            add(conn, picture(seed, side=8))


def test_a_shift_does_what_is_due(shifts: Shifts, boss: Connection, model: Model) -> None:
    add_many(boss, 10)
    turn = shifts.work("encode", 60, lambda: False)
    assert turn.outcomes == {model.encoding: Outcome(done=10)}
    assert not turn.more
    assert shifts.work("encode", 60, lambda: False).outcomes == {}
    assert shifts.work("caption", 60, lambda: False).outcomes == {}


def test_it_stops_when_it_is_told(shifts: Shifts, boss: Connection, model: Model) -> None:
    add_many(boss, 10)
    turn = shifts.work("encode", 60, lambda: True)
    assert turn.outcomes == {model.encoding: Outcome()}
    assert turn.more
    assert jobs.counts(boss, model.encoding) == Counts(pending=10)
    assert shifts.work("encode", 0, lambda: False).more, "no time is left at all"


def test_much_is_told_from_little(shifts: Shifts, boss: Connection, model: Model) -> None:
    add_many(boss, MANY)
    assert not shifts.is_long("encode")
    add(boss, picture(MANY))
    assert shifts.is_long("encode")
    assert not shifts.is_long("caption")


def test_each_model_gets_its_share(
    shifts: Shifts, boss: Connection, ready: Settings, model: Model, tmp_path: Path
) -> None:
    add_many(boss, 5)
    others = []
    for seed in range(MAX_MODELS + 1):
        folder = tiny_artifact(tmp_path / str(seed), 10 + seed, name=f"m{seed}").folder
        others.append(registry.register(boss, ready, folder, activate=False))
        jobs.enqueue_missing(boss, others[-1].encoding)
    turn = shifts.work("encode", 60, lambda: False)
    done = Outcome(done=5)
    assert turn.outcomes == dict.fromkeys([m.encoding for m in (model, *others)], done)


def cut_off(boss: Connection) -> bool:
    """End all other connections, as a server that restarts does."""
    boss.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    return False


def test_after_a_crash_the_next_shift_connects_anew(
    shifts: Shifts, boss: Connection, model: Model
) -> None:
    add_many(boss, 3)
    with pytest.raises(DatabaseError, match=r"(?s)went away.*the worker goes on by itself"):
        shifts.work("encode", 60, lambda: cut_off(boss))
    boss.execute("UPDATE blip.jobs SET state = 'p', lease = NULL, run_after = now()")
    assert shifts.work("encode", 60, lambda: False).outcomes == {model.encoding: Outcome(done=3)}


@pytest.mark.parametrize("stage", ["encode", "attach"])
def test_a_crash_between_shifts_costs_none(
    shifts: Shifts, boss: Connection, model: Model, stage: str
) -> None:
    shifts.work(stage, 60, lambda: False)
    cut_off(boss)
    assert not shifts.is_long(stage)
    cut_off(boss)
    shifts.work(stage, 60, lambda: False)
