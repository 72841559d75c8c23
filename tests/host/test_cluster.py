from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from blipdb.errors import DatabaseError, SetupError, UsageError
from blipdb.host import cluster as clusters
from blipdb.host import owner, postgresql
from blipdb.settings import Settings

is_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers as another user")


def ask(settings: Settings, query: str) -> object:
    with psycopg.connect(settings.database_url()) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def pid_of(settings: Settings) -> int:
    pid = clusters.status(settings).pid
    assert pid is not None
    return pid


def kill(settings: Settings) -> None:
    """End the postmaster as a crash or a power cut would."""
    pid = pid_of(settings)
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}").exists():
        time.sleep(0.01)


def test_up_makes_a_database_that_listens_on_its_socket_alone(cluster: Settings) -> None:
    assert ask(cluster, "SELECT current_database()::text") == "blipdb"
    assert ask(cluster, "SHOW listen_addresses") == ""
    assert ask(cluster, "SHOW unix_socket_directories") == str(cluster.run_dir)
    assert ask(cluster, "SHOW server_encoding") == "UTF8"
    assert ask(cluster, "SHOW lc_messages") == "C"
    assert ask(cluster, "SHOW data_checksums") == "on"


def test_text_sorts_and_folds_by_code_point(cluster: Settings) -> None:
    assert ask(cluster, "SELECT 'B' < 'a' AND 'Z' < 'ä'") is True
    assert ask(cluster, "SELECT upper('é')") == "É"


def test_only_the_owner_may_come_near(cluster: Settings) -> None:
    uid = owner.current().uid
    for folder, mode in ((cluster.cluster_dir, 0o700), (cluster.run_dir, 0o750)):
        status = folder.stat()
        assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (uid, mode)


@is_root
def test_the_server_can_change_neither_its_programs_nor_who_may_log_in(cluster: Settings) -> None:
    for path in cluster.cluster_dir.parent.rglob("*"):
        if not path.is_relative_to(cluster.cluster_dir) and not path.is_symlink():
            assert path.stat().st_uid == 0, path
            assert not path.stat().st_mode & 0o022, path


@is_root
def test_another_user_of_the_machine_is_kept_out(cluster: Settings) -> None:
    psql = shutil.which("psql")
    assert psql is not None
    done = subprocess.run(
        [psql, cluster.database_url(), "-c", "SELECT 1"],
        capture_output=True,
        text=True,
        user="nobody",
        group="nogroup",
        extra_groups=[],
        check=False,
    )
    assert done.returncode == 2
    assert "Permission denied" in done.stderr


def test_plpython_and_vector_are_at_hand(cluster: Settings) -> None:
    with psycopg.connect(cluster.database_url()) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        connection.execute("CREATE EXTENSION IF NOT EXISTS plpython3u")
        connection.execute(
            "CREATE FUNCTION environment() RETURNS text LANGUAGE plpython3u AS "
            "$$ import os, sys; return ' '.join([*sorted(os.environ), *sys.path]) $$"
        )
        row = connection.execute("SELECT environment()").fetchone()
        connection.rollback()
    assert row is not None
    assert "PYTHON" not in row[0]
    assert "site-packages" not in row[0], "a virtual environment leaked into the server"


def test_our_own_extension_is_found_and_outlives_an_update(cluster: Settings) -> None:
    folder = clusters.extension_dir(cluster)
    (folder / "tiny.control").write_text("default_version = '1'\n")
    (folder / "tiny--1.sql").write_text("CREATE FUNCTION tiny() RETURNS int RETURN 42;\n")
    assert clusters.extension_dir(cluster) == folder
    with psycopg.connect(cluster.database_url()) as connection:
        connection.execute("CREATE EXTENSION tiny")
        assert connection.execute("SELECT tiny()").fetchone() == (42,)
        connection.rollback()
    (folder / "tiny.control").unlink()
    (folder / "tiny--1.sql").unlink()
    assert not (postgresql.find().extensions / "tiny.control").exists()


@pytest.mark.alone
def test_up_again_is_quick_and_changes_nothing(cluster: Settings) -> None:
    before = pid_of(cluster)
    start = time.monotonic()
    clusters.up(cluster)
    assert time.monotonic() - start < 1
    assert pid_of(cluster) == before


def test_index_builds_are_parallel_only_where_pgvector_is_safe(cluster: Settings) -> None:
    version = postgresql.find().vector_version
    assert version is not None
    workers = int(str(ask(cluster, "SHOW max_parallel_maintenance_workers")))
    if version < (0, 8, 2):
        assert workers == 0


@pytest.fixture(scope="module")
def mortal() -> Iterator[Settings]:
    """A cluster that tests may stop and kill; each brings it up first."""
    folder = Path(tempfile.mkdtemp(prefix="blip", dir="/tmp"))
    folder.chmod(0o755)
    settings = Settings(folder / "home")
    clusters.up(settings)
    with psycopg.connect(settings.database_url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    yield settings
    clusters.down(settings)
    shutil.rmtree(folder)


def test_down_and_up_keep_the_data(mortal: Settings) -> None:
    clusters.up(mortal)
    assert clusters.down(mortal) is True
    assert not clusters.status(mortal).is_running
    assert clusters.down(mortal) is False
    clusters.up(mortal)
    assert ask(mortal, "SELECT number FROM kept") == 7


def test_a_crash_loses_nothing(mortal: Settings) -> None:
    clusters.up(mortal)
    kill(mortal)
    assert not clusters.status(mortal).is_running
    clusters.up(mortal)
    assert ask(mortal, "SELECT number FROM kept") == 7


def test_a_reboot_loses_nothing(mortal: Settings) -> None:
    """The sockets' folder is gone, and the old pid belongs to another process of that user now.

    PostgreSQL by itself takes that process for a running server, and does not start.
    """
    clusters.up(mortal)
    kill(mortal)
    while clusters._processes(mortal):
        time.sleep(0.01)
    shutil.rmtree(mortal.run_dir)
    user = owner.current().uid if os.geteuid() == 0 else None
    other = subprocess.Popen(["sleep", "60"], user=user, start_new_session=True)
    try:
        pid_file = mortal.cluster_dir / "postmaster.pid"
        rest = pid_file.read_text().split("\n", 1)[1]
        pid_file.write_text(f"{other.pid}\n{rest}")
        assert not clusters.status(mortal).is_running
        clusters.up(mortal)
        assert ask(mortal, "SELECT number FROM kept") == 7
        assert other.poll() is None, "a process that is not ours was ended"
    finally:
        other.kill()
        other.wait()


def test_a_server_whose_socket_was_swept_away_is_restarted(mortal: Settings) -> None:
    clusters.up(mortal)
    before = pid_of(mortal)
    mortal.postgres_socket.unlink()
    clusters.up(mortal)
    assert pid_of(mortal) != before
    assert ask(mortal, "SELECT 1") == 1


def test_a_start_that_fails_shows_the_log(mortal: Settings) -> None:
    clusters.down(mortal)
    configuration = mortal.cluster_dir / "postgresql.conf"
    text = configuration.read_text()
    configuration.write_text(text + "no_such_setting = 1\n")
    with pytest.raises(DatabaseError, match='unrecognized configuration parameter "no_such') as e:
        clusters.up(mortal)
    assert str(mortal.logs_dir / "postgresql.log") in str(e.value)
    configuration.write_text(text)
    clusters.up(mortal)
    assert ask(mortal, "SELECT number FROM kept") == 7


def test_what_is_not_made_is_not_running(empty_home: Path) -> None:
    settings = Settings(empty_home)
    assert clusters.status(settings) == clusters.Status(exists=False, pid=None, version=None)
    assert clusters.down(settings) is False


def test_two_at_once_make_one_cluster_over_a_killed_initdb(empty_home: Path) -> None:
    settings = Settings(empty_home / "home")
    half = settings.cluster_dir.with_suffix(".new")
    (half / "base").mkdir(parents=True)
    (half / "PG_VERSION").write_text("15\n")
    code = (
        "import sys, pathlib; from blipdb import settings; from blipdb.host import cluster; "
        "cluster.up(settings.Settings(pathlib.Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(settings.home)]
    both = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
    assert ask(settings, "SELECT 1") == 1
    assert not half.exists()
    clusters.down(settings)


def test_a_path_too_long_is_refused_before_anything_is_made(empty_home: Path) -> None:
    settings = Settings(empty_home / ("x" * 100))
    with pytest.raises(UsageError, match="the system allows 107"):
        clusters.up(settings)
    assert list(empty_home.iterdir()) == []


@is_root
def test_a_home_that_the_server_may_not_enter_is_refused(empty_home: Path) -> None:
    closed = empty_home / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(SetupError, match=f"may not enter {closed}/home") as caught:
        clusters.up(Settings(closed / "home"))
    assert "BLIPDB_HOME=" in str(caught.value)


def test_a_home_that_can_not_be_made_is_refused(empty_home: Path) -> None:
    (empty_home / "file").write_text("")
    with pytest.raises(SetupError, match="can't be made or used: Not a directory"):
        clusters.up(Settings(empty_home / "file" / "home"))


# What is missing of PostgreSQL, on folders that look like an installation


def installation(folder: Path, *, version: str = "15.20", **extensions: str) -> Path:
    """A PostgreSQL in ``folder``: programs that exist, and control files as given."""
    (folder / "bin").mkdir(parents=True)
    (folder / "lib").mkdir()
    (folder / "share" / "extension").mkdir(parents=True)
    for name in ("postgres", "initdb", "pg_ctl"):
        (folder / "bin" / name).write_text("#!/bin/sh\nexit 1\n")
    answer = f'{folder}/bin {folder}/lib {folder}/share "PostgreSQL {version}"'
    (folder / "bin" / "pg_config").write_text(f'#!/bin/sh\nprintf "%s\\n" {answer}\n')
    for path in (folder / "bin").iterdir():
        path.chmod(0o755)
    for name, default in extensions.items():
        control = folder / "share" / "extension" / f"{name}.control"
        control.write_text(f"default_version = '{default}'\n")
    return folder / "bin"


@pytest.mark.parametrize(
    ("version", "extensions", "message", "command"),
    [
        ("14.9", {}, "PostgreSQL 15 or newer is needed", "apt-get install postgresql"),
        ("16.1", {"vector": "0.8.6"}, "no plpython3u", "install postgresql-plpython3-16"),
        ("15.2", {"plpython3u": "1.0"}, "pgvector is missing", "install postgresql-15-pgvector"),
        (
            "15.2",
            {"plpython3u": "1.0", "vector": "0.7.4"},
            "pgvector 0.7.4 is too old: 0.8.0 or newer",
            ".setup/system",
        ),
    ],
)
def test_what_is_missing_is_named_with_where_and_how(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    extensions: dict[str, str],
    message: str,
    command: str,
) -> None:
    only_look_in(monkeypatch, installation(tmp_path / "pg", version=version, **extensions))
    with pytest.raises(SetupError, match=message) as caught:
        postgresql.find()
    assert str(tmp_path / "pg") in caught.value.message
    assert caught.value.hint is not None
    assert command in caught.value.hint


def only_look_in(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    monkeypatch.setattr(postgresql, "PREFIXES", tuple(map(str, folders)))
    monkeypatch.setenv("PATH", "/nowhere")


def test_no_postgresql_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_look_in(monkeypatch, tmp_path / "pg-*" / "bin")
    with pytest.raises(SetupError, match="PostgreSQL 15 or newer is not installed") as caught:
        postgresql.find()
    assert str(tmp_path / "pg-*" / "bin") in caught.value.message
    assert "apt-get install postgresql" in str(caught.value)


def test_data_of_a_version_that_is_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only_look_in(monkeypatch, installation(tmp_path / "pg", plpython3u="1.0", vector="0.8.6"))
    with pytest.raises(SetupError, match="PostgreSQL 14 is not installed"):
        postgresql.find(14)


def test_the_newest_that_has_everything_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = {"plpython3u": "1.0", "vector": "0.8.6"}
    older = installation(tmp_path / "16", version="16.4", **every)
    newer = installation(tmp_path / "17", version="17.1", **every)
    bare = installation(tmp_path / "18", version="18beta2")
    only_look_in(monkeypatch, older, newer, bare)
    assert postgresql.find().bin == newer
    assert postgresql.find(16).bin == older


def test_a_tree_follows_the_packages(tmp_path: Path) -> None:
    folder = tmp_path / "pg"
    programs = installation(folder, plpython3u="1.0", vector="0.8.6")
    found = postgresql._inspect(programs)
    assert found is not None
    root = tmp_path / "tree"
    tree = postgresql.plant(found, root)
    own = tree.extensions / "ours.control"
    own.write_text("")
    assert (tree.extensions / "vector.control").is_symlink()
    assert not (tree.bin / "postgres").is_symlink()

    (programs / "postgres").write_text("#!/bin/sh\nexit 2\n")
    (folder / "share" / "extension" / "vector.control").unlink()
    (folder / "share" / "extension" / "other.control").write_text("")
    assert postgresql.plant(found, root) == tree
    assert (tree.bin / "postgres").read_text().endswith("exit 2\n")
    assert sorted(path.name for path in tree.extensions.iterdir()) == [
        "other.control",
        "ours.control",
        "plpython3u.control",
    ]
    assert not own.is_symlink()
