"""The private cluster: a PostgreSQL of blipdb's own, made, started and stopped here.

It lies wholly below ``Settings.home``, listens on one Unix socket and on no port, and lets in root
and its owner alone, by peer authentication. No other PostgreSQL of the machine is touched.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import pq

from ..errors import DatabaseError
from ..settings import DATABASE, SUPERUSER, Settings
from . import postgresql
from .home import locked, rotate, tail
from .owner import Owner
from .postgresql import Installation

START_SECONDS = 60
STOP_SECONDS = 60
BUILD_MEMORY = 256 << 20  # of an HNSW build, which is fast only while the graph fits

CONFIGURATION_NAME = "blipdb.conf"

HBA = """\
# The socket alone, and nobody but those of pg_ident.conf.
local all all peer map=blipdb
local replication all peer map=blipdb
"""

CONFIGURATION = """\
# Written by blipdb at every start; your own settings belong at the end of data/postgresql.conf.
hba_file = '{folder}/pg_hba.conf'
ident_file = '{folder}/pg_ident.conf'
listen_addresses = ''
port = 5432
unix_socket_directories = '{run_dir}'
unix_socket_permissions = 0770
max_connections = 200
shared_buffers = '512MB'
effective_cache_size = '2GB'
maintenance_work_mem = '{build_memory}MB'
max_parallel_maintenance_workers = {build_workers}
max_wal_size = '4GB'
random_page_cost = 1.1
jit = off
log_line_prefix = '%m [%p] %q%u@%d '
"""


@dataclass(frozen=True)
class Status:
    """State of the cluster."""

    exists: bool
    pid: int | None
    """Of its postmaster; None where it does not run."""
    version: str | None

    @property
    def is_running(self) -> bool:
        return self.pid is not None


def up(settings: Settings) -> bool:
    """Make the cluster and its database if they don't exist, and start it if it is down.

    Returns False, quickly, where all is up. Concurrent calls wait for each other.

    Raises:
        SetupError: PostgreSQL or a part of it is missing, or its user can't reach the home folder.
        DatabaseError: the server does not start; the message ends with what its log says.
    """
    settings.postgres_socket  # noqa: B018  a path that is too long is refused before all else
    with locked(settings) as owner:
        installation = postgresql.find(_data_major(settings))
        tree = postgresql.plant(installation, settings.pg_tree(installation.major))
        if not _is_made(settings):
            _make(settings, owner, tree)
        if is_down := not _answers(settings):
            _start(settings, owner, tree)
        _ensure_database(settings)
    return is_down


def down(settings: Settings) -> bool:
    """Shut the cluster down cleanly; False where it did not run.

    Raises:
        DatabaseError: it runs and does not stop.
    """
    if not _is_made(settings):
        return False
    with locked(settings) as owner:
        if _postmaster(settings) is None:
            return False
        _stop(settings, owner)
    return True


def status(settings: Settings) -> Status:
    if not _is_made(settings):
        return Status(exists=False, pid=None, version=None)
    version = (settings.cluster_dir / "PG_VERSION").read_text().strip()
    return Status(exists=True, pid=_postmaster(settings), version=version)


def extension_dir(settings: Settings) -> Path:
    """Folder of extensions of the cluster's server; its files survive updates of PostgreSQL."""
    installation = postgresql.find(_data_major(settings))
    return postgresql.plant(installation, settings.pg_tree(installation.major)).extensions


def _is_made(settings: Settings) -> bool:
    return (settings.cluster_dir / "PG_VERSION").exists()


def _data_major(settings: Settings) -> int | None:
    """Major version of the PostgreSQL that made the data; no other one can read it."""
    if not _is_made(settings):
        return None
    return int((settings.cluster_dir / "PG_VERSION").read_text())


def _make(settings: Settings, owner: Owner, tree: Installation) -> None:
    """Run initdb beside the data folder, and rename at the end, so that a kill leaves no half."""
    fresh = settings.cluster_dir.with_suffix(".new")
    shutil.rmtree(fresh, ignore_errors=True)
    owner.make_folder(fresh, 0o700)
    provider = (
        ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        if tree.major >= 17
        else ["--locale=C.UTF-8"]
    )

    done = owner.run(
        *(tree.bin / "initdb", "-D", fresh, "-U", SUPERUSER, "--encoding=UTF8", "--data-checksums"),
        *("--lc-messages=C", "--auth-local=peer", "--auth-host=reject"),
        *provider,
    )
    if done.returncode == 0:
        include = f"echo \"include '../{CONFIGURATION_NAME}'\" >>postgresql.conf"
        done = owner.run("sh", "-c", f'cd "$1" && {include}', "sh", fresh)
    if done.returncode != 0:
        raise DatabaseError(
            f"initdb failed in {fresh}:\n{done.stdout.strip()}",
            f"Is there room and permission for user {owner.name!r} in {settings.home}?",
        )
    fresh.rename(settings.cluster_dir)


def _configure(settings: Settings, owner: Owner, tree: Installation) -> None:
    """Write the configuration beside the data, where the server can read but not change it."""
    names = ["root", owner.name] if os.geteuid() == 0 else [owner.name]
    files = {
        CONFIGURATION_NAME: CONFIGURATION.format(
            folder=settings.cluster_dir.parent,
            run_dir=settings.run_dir,
            build_memory=BUILD_MEMORY >> 20,
            build_workers=_build_workers(tree),
        ),
        "pg_hba.conf": HBA,
        "pg_ident.conf": "".join(f'blipdb "{name}" {SUPERUSER}\n' for name in names),
    }
    for name, text in files.items():
        path = settings.cluster_dir.parent / name
        path.write_text(text)
        path.chmod(0o644)


def _build_workers(tree: Installation) -> int:
    """Number of parallel workers of an index build: 0 for an old pgvector or a small /dev/shm."""
    vector = tree.vector_version
    if vector is None or vector < postgresql.PARALLEL_VECTOR:
        return 0
    # A parallel build's graph lies in /dev/shm, which many containers keep at 64 MB.
    shared = os.statvfs("/dev/shm")
    return 2 if shared.f_frsize * shared.f_bavail >= 2 * BUILD_MEMORY else 0


def _start(settings: Settings, owner: Owner, tree: Installation) -> None:
    if _postmaster(settings) is not None:  # its socket has gone: a server makes it only at start
        _stop(settings, owner)
    _clear_stale(settings)
    _configure(settings, owner, tree)
    log = settings.logs_dir / "postgresql.log"
    with owner.acting():
        started_at = rotate(log)
    done = owner.run(
        *(tree.bin / "pg_ctl", "start", "-D", settings.cluster_dir, "-l", log),
        *("--silent", "--wait", f"--timeout={START_SECONDS}"),
    )
    if done.returncode != 0 or not _answers(settings):
        with owner.acting():
            output = tail(log, started_at)
        raise DatabaseError(
            f"PostgreSQL did not start:\n{output or done.stdout}", f"Its log: {log}"
        )


def _stop(settings: Settings, owner: Owner) -> None:
    tree = settings.pg_tree(_data_major(settings) or postgresql.OLDEST)
    program = next(tree.glob("**/bin/pg_ctl"))
    done = owner.run(
        *(program, "stop", "-D", settings.cluster_dir, "--mode=fast"),
        *("--silent", "--wait", f"--timeout={STOP_SECONDS}"),
    )
    if done.returncode != 0:
        raise DatabaseError(
            f"PostgreSQL did not stop within {STOP_SECONDS} s:\n{done.stdout.strip()}",
            f"Its log: {settings.logs_dir / 'postgresql.log'}",
        )


def _postmaster(settings: Settings) -> int | None:
    """Read the pid of the running server from its file, if that process is in the data folder."""
    try:
        pid = int((settings.cluster_dir / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None
    return pid if pid in _processes(settings) else None


def _processes(settings: Settings) -> set[int]:
    """List the processes that have the data folder as working directory, as all of PostgreSQL's."""
    data = os.path.realpath(settings.cluster_dir)
    pids = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                folder = os.readlink(f"/proc/{name}/cwd")
            except OSError:  # another's, or gone meanwhile
                continue
            if folder == data:
                pids.add(int(name))
    return pids


def _clear_stale(settings: Settings) -> None:
    """Remove the pid files of a server that is gone.

    PostgreSQL does so too, but not if another process of its user has the same pid now, as happens
    after a reboot. That is safe only when no process is left in the data folder: children of a
    killed server may still write for a moment.
    """
    deadline = time.monotonic() + 10
    while pids := _processes(settings):
        if time.monotonic() > deadline:
            raise DatabaseError(
                f"A former server still has processes in {settings.cluster_dir}: {sorted(pids)}.",
                "End them, then try again: kill " + " ".join(map(str, sorted(pids))),
            )
        time.sleep(0.05)
    (settings.cluster_dir / "postmaster.pid").unlink(missing_ok=True)
    for path in (settings.postgres_socket, Path(f"{settings.postgres_socket}.lock")):
        path.unlink(missing_ok=True)


def _answers(settings: Settings) -> bool:
    """Whether the server accepts connections; waits while it starts up or shuts down."""
    name = settings.database_url().encode()
    deadline = time.monotonic() + START_SECONDS
    while (answer := pq.PGconn.ping(name)) == pq.Ping.REJECT and time.monotonic() < deadline:
        time.sleep(0.05)
    return answer == pq.Ping.OK


def _ensure_database(settings: Settings) -> None:
    try:
        connection = psycopg.connect(settings.database_url(), dbname="postgres", autocommit=True)
    except psycopg.OperationalError as error:
        raise DatabaseError(f"The private cluster refuses us: {error}".strip()) from error
    with connection:
        # Not `connect_pinned`, as the database may not exist yet: each name has its schema.
        query = "SELECT FROM pg_catalog.pg_database WHERE datname OPERATOR(pg_catalog.=) %s"
        if connection.execute(query, [DATABASE]).fetchone() is None:
            connection.execute(f"CREATE DATABASE {DATABASE}")
