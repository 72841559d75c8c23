"""A server that crashes, or whose disk is full, in the middle of an ingest."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from blipdb import registry
from blipdb.database import connection, schema
from blipdb.database.failures import translate
from blipdb.errors import DatabaseError
from blipdb.host import cluster
from blipdb.ingest.run import ingest
from blipdb.settings import Settings
from blipdb.work.executors import Progress
from tests.album import album
from tests.ingest.test_ingest import DONE, one

SMALL_DISK = 160 << 20  # bytes: PostgreSQL's own files, and not much more


def set_up(settings: Settings, tiny_folder: Path) -> None:
    cluster.up(settings)
    schema.init(settings.database_url(), settings)
    with connection.connect(settings.database_url(), autocommit=True) as conn:
        registry.register(conn, settings, tiny_folder)


def everything(settings: Settings) -> tuple[int, ...]:
    with connection.connect(settings.database_url()) as conn:
        return (*one(conn, DONE), one(conn, "SELECT count(*) FROM blip.files"))


@pytest.mark.slow
@pytest.mark.destructive
def test_a_server_that_crashes_is_said_and_the_same_command_finishes(
    empty_home: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    """Killed like by a power cut, at another place each time; nothing is lost or doubled."""
    settings = Settings(empty_home)
    set_up(settings, tiny_folder)
    album(tmp_path / "in", 600)
    for stop_at in (1, 64, 128):

        def crash(step: Progress, stop_at: int = stop_at) -> None:
            pid = cluster.status(settings).pid
            if step.done >= stop_at and pid:
                os.kill(pid, signal.SIGQUIT)

        with pytest.raises(DatabaseError, match="The database went away") as caught:
            ingest(settings, [tmp_path / "in"], progress=crash)
        assert caught.value.hint is not None
        assert "blipdb up" in caught.value.hint
        cluster.up(settings)
    report = ingest(settings, [tmp_path / "in"])
    assert (report.failed, report.waiting, report.parked) == ([], 0, 0)
    assert everything(settings) == (600, 600, 600, 600, 600)


@pytest.fixture
def small_disk(empty_home: Path) -> Iterator[Path]:
    """A home on a disk that is nearly full once the cluster is in it."""
    if os.geteuid() != 0:
        pytest.skip("mounting a disk takes root")
    options = f"size={SMALL_DISK},mode=755"
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(empty_home)]
    if subprocess.run(mount, check=False).returncode:
        pytest.skip("mounting is not allowed here")
    yield empty_home
    cluster.down(Settings(empty_home))
    subprocess.run(["umount", "-l", empty_home], check=True)


def fill(settings: Settings, folder: Path) -> None:
    """Ingest into one space after another: WAL that was there before takes a while to fill."""
    for n in range(20):
        ingest(settings, [folder], space=str(n), store_content=True)


@pytest.mark.slow
@pytest.mark.destructive
def test_a_full_disk_is_said_and_the_same_command_finishes_when_there_is_room(
    small_disk: Path, tiny_folder: Path, tmp_path: Path
) -> None:
    settings = Settings(small_disk)
    set_up(settings, tiny_folder)
    album(tmp_path / "in", 400)
    stuffing = small_disk / "stuffing"
    with stuffing.open("wb") as file:
        file.write(bytes(shutil.disk_usage(small_disk).free - (1 << 20)))
    with pytest.raises(DatabaseError) as caught:
        fill(settings, tmp_path / "in")
    assert caught.value.hint is not None
    assert "the same command again" in caught.value.hint
    stuffing.unlink()
    cluster.up(settings)
    with connection.connect(settings.database_url()) as conn:
        (space,) = one(conn, "SELECT max(space::integer)::text FROM blip.images")
    report = ingest(settings, [tmp_path / "in"], space=str(space), store_content=True)
    assert (report.failed, report.waiting, report.parked) == ([], 0, 0)
    assert everything(settings) == (400 * (int(space) + 1),) * 5


def test_a_full_disk_is_told_from_a_lost_connection(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        raising = "DO $$ BEGIN RAISE SQLSTATE '53100' USING MESSAGE = 'No space left'; END $$"
        with pytest.raises(DatabaseError) as caught, translate():
            conn.execute(raising)
        assert caught.value.message == "The database's disk is full: No space left."
        with pytest.raises(DatabaseError, match="The database went away"), translate():
            conn.execute("SELECT pg_terminate_backend(pg_backend_pid())")


def test_missing_rights_name_the_role_and_other_errors_stay_what_they_are(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("SET ROLE blip_engine")
        with pytest.raises(DatabaseError) as caught, translate():
            conn.execute("SELECT FROM blip.images")
        assert (
            caught.value.message
            == "The database doesn't let us: permission denied for table images."
        )
        assert caught.value.hint is not None
        assert "GRANT blip_worker TO" in caught.value.hint
        conn.execute("RESET ROLE")
        with pytest.raises(psycopg.errors.UndefinedTable), translate():
            conn.execute("SELECT FROM blip.nothing")
        conn.execute("SET statement_timeout = '10ms'")
        with pytest.raises(DatabaseError, match="The database stopped us"), translate():
            conn.execute("SELECT pg_sleep(10)")
