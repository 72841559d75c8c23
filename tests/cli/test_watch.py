"""`blipdb run`, `retry` and `status --watch`, as a person runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from blipdb.cli import watch
from blipdb.database.jobs import Counts
from blipdb.settings import Settings
from blipdb.types import Connection
from blipdb.work import attachments
from tests.album import picture
from tests.attach import attach, put, shop
from tests.cli.conftest import BLIPDB, Run


@pytest.mark.usefixtures("scenes")
def test_run_says_what_it_did(run: Run) -> None:
    first = run("run", "caption", "--json")
    assert first.exit_code == 0, first.output
    [line] = json.loads(first.stdout)
    assert (line["stage"], line["model"], line["waiting"]) == ("caption", "scenes", 0)
    assert line["done"] == line["added"] > 0
    again = run("run", "caption")
    assert (again.exit_code, again.stdout, again.stderr) == (0, "", "nothing to do\n")
    assert run("retry").stderr == "nothing to do\n"


def test_a_wrong_stage_is_refused(run: Run) -> None:
    refused = run("run", "captions")
    assert refused.exit_code == 2
    assert (
        "There is no stage captions; there are attach, encode, text, caption, score."
        in refused.stderr
    )


def test_a_broker_that_makes_no_sense(run: Run, scenes: Path) -> None:
    refused = run("ingest", scenes, "--broker", "rabbit://here/")
    assert refused.exit_code == 2
    assert "The broker's URL rabbit://here/ can't be used" in refused.stderr


def test_attached_tables_are_a_line_too(boss: Connection) -> None:
    shop(boss)
    for number in range(3):
        put(boss, number, picture(number) if number else b"")
    attach(boss)
    looks = watch._connected(boss, watch.Speeds(), lambda: None)
    assert next(looks) == []
    for _ in attachments.work(boss):
        pass
    first, second = next(looks)
    assert (first.stage, first.done, first.pending, first.parked) == ("attach", 2, 0, 1)
    assert (second.stage, second.pending) == ("encode", 2)


@pytest.mark.usefixtures("scenes")
def test_watching_until_ctrl_c(served: Settings) -> None:
    process = subprocess.Popen(
        [BLIPDB, "status", "--watch", "--seconds", "0.2", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "BLIPDB_HOME": str(served.home)},
    )
    assert process.stdout is not None
    looks = [json.loads(process.stdout.readline()) for _ in range(3)]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 130, said
    for look in looks:
        [line] = [line for line in look if line["stage"] == "encode"]
        assert line["model"] == "scenes"
        assert (line["pending"], line["running"], line["left"]) == (0, 0, 0.0)
    assert looks[0][0]["rate"] is None
    assert looks[2][0]["rate"] == 0


def test_speeds_are_taken_over_the_last_seconds() -> None:
    speeds = watch.Speeds()
    now = time.monotonic()
    first = speeds.line("encode", "m", Counts(pending=1000), now)
    assert (first.rate, first.left) == (None, None)
    second = speeds.line("encode", "m", Counts(pending=900, done=90, parked=10), now + 10)
    assert (second.rate, second.left) == (10.0, 90.0)
    for n in range(11, 60):
        last = speeds.line("encode", "m", Counts(pending=900, done=90, parked=10), now + n)
    assert (last.rate, last.left) == (0.0, None), "it stands still"
    assert speeds.line("text", "m", Counts(done=5), now).left == 0.0
