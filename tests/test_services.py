from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from blipdb import registry, services
from blipdb.database import schema
from blipdb.engine import daemon
from blipdb.errors import DatabaseError, EngineError
from blipdb.host import cluster, owner
from blipdb.settings import Settings
from tests.engine.engines import stop_process
from tests.tiny import tiny_artifact


@pytest.fixture(scope="module", autouse=True)
def _bundled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A tiny model in the place of the bundled one."""
    artifact = tiny_artifact(tmp_path_factory.mktemp("model"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "BUNDLED", str(artifact.folder))
        yield


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """This module's own home: its services are stopped and killed."""
    folder = Path(tempfile.mkdtemp(prefix="blip", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def settings(home: Path) -> Iterator[Settings]:
    settings = Settings(home / "home")
    yield settings
    services.down(settings)


@pytest.fixture
def running(settings: Settings) -> Settings:
    """All is up, whatever the test before did to it."""
    services.up(settings)
    return settings


def engine_pid(settings: Settings) -> int:
    pid = services.status(settings).engine_pid
    assert pid is not None
    return pid


def embed(settings: Settings) -> int:
    """Ask the engine through SQL; how many numbers the vector has."""
    with psycopg.connect(settings.database_url()) as connection:
        row = connection.execute("SELECT vector_dims(blip_embed('red bicycle'))").fetchone()
    assert row is not None
    return int(row[0])


def test_up_from_nothing_to_an_answer(settings: Settings) -> None:
    assert services.status(settings) == services.Status(
        cluster=cluster.Status(exists=False, pid=None, version=None),
        engine_pid=None,
        engine_answers=False,
    )
    assert services.down(settings) == []
    done = services.up(settings)
    assert done == ["PostgreSQL started", "database brought up to date", "engine started"]
    found = services.status(settings)
    assert found.cluster is not None
    assert found.cluster.is_running
    assert found.engine_pid is not None
    assert found.engine_answers
    assert embed(settings) == 16


@pytest.mark.alone
def test_up_again_is_quick_and_changes_nothing(running: Settings) -> None:
    before = services.status(running)
    start = time.monotonic()
    assert services.up(running) == []
    assert time.monotonic() - start < 1
    assert services.status(running) == before


def test_up_puts_functions_back(running: Settings) -> None:
    with psycopg.connect(running.database_url()) as connection:
        connection.execute("DROP EXTENSION blipdb")
    assert services.up(running) == ["database brought up to date"]
    assert embed(running) == 16


def test_down_stops_both_and_up_brings_both_back(running: Settings) -> None:
    pid = engine_pid(running)
    assert services.down(running) == ["engine stopped", "PostgreSQL stopped"]
    assert not Path(f"/proc/{pid}").exists()
    assert not running.engine_socket.exists()
    assert services.down(running) == []
    assert services.up(running) == ["PostgreSQL started", "engine started"]
    assert embed(running) == 16


def test_the_engine_runs_as_its_owner_in_a_clean_environment(
    running: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.down(running)
    monkeypatch.setenv("PYTHONPATH", "/tmp/elsewhere")
    monkeypatch.setenv("LD_PRELOAD", "")
    monkeypatch.setenv("BLIPDB_URL", "postgresql://ada:secret@db/pictures")
    services.up(running)
    pid = engine_pid(running)
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    uids = next(line for line in status if line.startswith("Uid:")).split()[1:]
    assert set(uids) == {str(owner.current().uid)}
    variables = Path(f"/proc/{pid}/environ").read_bytes()
    assert f"BLIPDB_HOME={running.home}".encode() in variables
    for unwanted in (b"PYTHONPATH", b"LD_PRELOAD", b"BLIPDB_URL", b"secret"):
        assert unwanted not in variables
    assert os.readlink(f"/proc/{pid}/cwd") == "/"


def test_a_killed_engine_is_started_again(running: Settings) -> None:
    pid = engine_pid(running)
    os.kill(pid, signal.SIGKILL)
    while daemon.pid_of(running) == pid:
        time.sleep(0.01)
    assert services.up(running) == ["engine started"]
    assert engine_pid(running) != pid


def test_a_hanging_engine_is_replaced(running: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(daemon, "STOP_SECONDS", 0.3)
    pid = engine_pid(running)
    stop_process(pid)
    assert not services.status(running).engine_answers
    monkeypatch.setattr(daemon, "ANSWER_SECONDS", 2.0)
    assert services.up(running) == ["engine started"]
    assert engine_pid(running) != pid


def test_an_engine_of_another_version_is_replaced(
    running: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    pid = engine_pid(running)
    with monkeypatch.context() as patch:
        patch.setattr(daemon, "version", lambda _: "0.0.1")
        assert services.up(running) == ["engine started"]
    assert engine_pid(running) != pid


def test_a_process_that_got_the_old_pid_is_left_alone(running: Settings) -> None:
    os.kill(engine_pid(running), signal.SIGKILL)
    other = subprocess.Popen(["sleep", "60"])
    try:
        (running.run_dir / "engine.pid").write_text(f"{other.pid}\n")
        assert services.status(running).engine_pid is None
        assert services.up(running) == ["engine started"]
        assert engine_pid(running) != other.pid
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_an_engine_that_can_not_start_shows_its_log(running: Settings) -> None:
    services.down(running)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(daemon, "ENGINE", "blipdb.no_such_module")
        with pytest.raises(EngineError, match="No module named") as caught:
            services.up(running)
    assert str(running.logs_dir / "engine.log") in str(caught.value)


def test_a_home_that_was_moved_still_works(running: Settings) -> None:
    services.down(running)
    moved = Settings(running.home.with_name("moved"))
    running.home.rename(moved.home)
    try:
        assert services.up(moved) == [
            "PostgreSQL started",
            "database brought up to date",
            "engine started",
        ]
        assert embed(moved) == 16
    finally:
        services.down(moved)
        moved.home.rename(running.home)


def test_an_existing_server_gets_an_engine_and_nothing_else(
    running: Settings, empty_home: Path
) -> None:
    with psycopg.connect(running.database_url(), autocommit=True) as connection:
        connection.execute("CREATE DATABASE elsewhere")
    url = running.database_url().replace("/blipdb?", "/elsewhere?")
    settings = Settings(empty_home / "home", url)
    with pytest.raises(DatabaseError, match="has no tables of blipdb") as caught:
        services.up(settings)
    assert "blipdb init" in str(caught.value)

    schema.init(url, settings)
    assert services.up(settings) == ["engine started"]
    try:
        assert services.status(settings).cluster is None
        assert not settings.cluster_dir.exists()
        assert embed(settings) == 16
    finally:
        assert services.down(settings) == ["engine stopped"]
