"""What runs: the private cluster and the engine, brought up, stopped, and looked at, together.

The engine's pid file holds its pid, the time at which that process began (a number that no other
process with the same pid has) and blipdb's version. It lies in the home folder itself, where only
whoever brings things up can write, so that nothing else is ever ended by mistake or by malice.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from . import cluster, database, registry
from . import owner as owners
from .errors import BlipdbError, EngineError
from .home import locked, rotate, tail
from .owner import Owner
from .settings import Settings

START_SECONDS = 60
STOP_SECONDS = 10
ANSWER_SECONDS = 2.0


@dataclass(frozen=True)
class Status:
    """What runs now; ``cluster`` is None where an existing server is used."""

    cluster: cluster.Status | None
    engine_pid: int | None
    engine_answers: bool


def up(settings: Settings) -> list[str]:
    """Bring up all that a search needs; quick and without effect where all is up.

    The private cluster is made and brought to this version of blipdb; an existing server must
    have been, by `blipdb init`.

    Returns:
        What was done, in words; nothing where all was up.

    Raises:
        SetupError: something is not installed.
        DatabaseError: the database can't be reached or is of another version.
        EngineError: the engine does not start; the message ends with what its log says.
    """
    done = []
    if settings.is_private and cluster.up(settings):
        done.append("PostgreSQL started")
    with locked(settings) as owner:
        if settings.is_private and _initialise(settings):
            done.append("database brought up to date")
        with database.connect(settings.database_url()) as conn:
            database.check(conn)
            registry.register_bundled(conn, settings)
        if _start_engine(settings, owner):
            done.append("engine started")
    return done


def down(settings: Settings) -> list[str]:
    """Stop the engine and then the private cluster; returns what was stopped, in words."""
    done = []
    if settings.home.is_dir():
        with locked(settings):
            if _stop_engine(settings):
                done.append("engine stopped")
    if settings.is_private and cluster.down(settings):
        done.append("PostgreSQL stopped")
    return done


def status(settings: Settings) -> Status:
    return Status(
        cluster=cluster.status(settings) if settings.is_private else None,
        engine_pid=_engine(settings),
        engine_answers=_answers(settings),
    )


def _initialise(settings: Settings) -> bool:
    """Bring the private cluster's database to this version; False where it is of it already."""
    url = settings.database_url()
    with database.connect(url) as conn:
        try:
            database.check(conn)
            query = "SELECT value FROM blip.settings WHERE name = 'engine_socket'"
            if conn.execute(query).fetchone() == (str(settings.engine_socket),):
                return False
        except BlipdbError:  # whatever it is, init repairs it or says what is the matter
            pass
    database.init(url, settings)
    return True


def _start_engine(settings: Settings, owner: Owner) -> bool:
    """Start the engine, or an engine anew that hangs or is of another version."""
    if _answers(settings) and (_engine(settings) is None or _version(settings) == _ours()):
        return False
    _stop_engine(settings)
    log = settings.logs_dir / "engine.log"
    with owner.acting():
        begun = rotate(log)
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        pid = _spawn(settings, descriptor)
    finally:
        os.close(descriptor)
    _pid_file(settings).write_text(f"{pid} {_began(pid)} {_ours()}\n")
    deadline = time.monotonic() + START_SECONDS
    while not _answers(settings):
        if _began(pid) is None or time.monotonic() > deadline:
            _stop_engine(settings)
            with owner.acting():
                said = tail(log, begun)
            raise EngineError(f"The engine did not start:\n{said}", f"Its log: {log}")
        time.sleep(0.02)
    return True


def _spawn(settings: Settings, log: int) -> int:
    """Start ``python -m blipdb.engine`` in a session of its own; returns its pid.

    As root it starts as root, since the Python that runs us may lie where the owner may not go,
    and drops to the owner before it opens its socket.
    """
    options = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("BLIPDB_") and name != "BLIPDB_URL"
    }
    environment = owners.clean_environment(os.geteuid()) | options
    python = [sys.executable, "-P", "-m", "blipdb.engine"]
    return os.posix_spawn(
        "/bin/sh",
        ["sh", "-c", 'cd / && exec "$@"', "sh", *python],
        environment | {"BLIPDB_HOME": str(settings.home)},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, log, 1),
            (os.POSIX_SPAWN_DUP2, log, 2),
        ],
        setsid=True,
    )


def _stop_engine(settings: Settings) -> bool:
    """End the engine that `up` started, by force if it must be; False where none runs."""
    pid = _engine(settings)
    _pid_file(settings).unlink(missing_ok=True)
    if pid is None:
        return False
    began = _began(pid)
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.kill(pid, number)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            if _began(pid) != began:
                return True
            time.sleep(0.02)
    raise EngineError(f"The engine, process {pid}, does not end.")


def _pid_file(settings: Settings) -> Path:
    return settings.home / "engine.pid"


def _engine(settings: Settings) -> int | None:
    """The pid of the engine that `up` started, if that very process still runs."""
    try:
        pid, began, _ = _pid_file(settings).read_text().split()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return int(pid) if _began(int(pid)) == began else None


def _version(settings: Settings) -> str:
    return _pid_file(settings).read_text().split()[2]


def _ours() -> str:
    return version("blipdb")


def _began(pid: int) -> str | None:
    """When a process began, in the kernel's ticks and with the boot's id; None once it has ended.

    A child of ours that has ended is taken off the kernel's list here.
    """
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, began = fields[0], fields[19]  # proc(5): the fields 3 and 22
    return None if state == "Z" else f"{began}@{boot}"


def _answers(settings: Settings) -> bool:
    """True if an engine says within two seconds that it is well."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.connect(str(settings.engine_socket))
            connection.sendall(b"GET /v1/health HTTP/1.1\r\nHost: blipdb\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.1 200 ")
        except OSError:
            return False
