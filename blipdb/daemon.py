"""The engine as a process in the background: started, found again, stopped.

Its pid file holds its pid, the time at which that process began (a number that no other process
with the same pid has) and blipdb's version. It lies in the home folder itself, where only whoever
brings things up can write, so that nothing else is ever ended by mistake or by malice.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from . import owner as owners
from .errors import EngineError
from .home import rotate, tail
from .owner import Owner
from .settings import Settings

START_SECONDS = 60
STOP_SECONDS = 10
ANSWER_SECONDS = 2.0


def start(settings: Settings, owner: Owner) -> bool:
    """Start the engine, or an engine anew that hangs or is of another version."""
    if answers(settings) and (pid_of(settings) is None or _version(settings) == _ours()):
        return False
    stop(settings)
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
    while not answers(settings):
        if _began(pid) is None or time.monotonic() > deadline:
            stop(settings)
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


def stop(settings: Settings) -> bool:
    """End the engine that `up` started, by force if it must be; False where none runs."""
    pid = pid_of(settings)
    if pid is None:
        return False
    began = _began(pid)
    for number in (signal.SIGTERM, signal.SIGKILL):
        os.kill(pid, number)
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            if _began(pid) != began:
                _pid_file(settings).unlink()
                return True
            time.sleep(0.02)
    raise EngineError(f"The engine, process {pid}, does not end.", f"End it: kill -9 {pid}")


def _pid_file(settings: Settings) -> Path:
    return settings.home / "engine.pid"


def pid_of(settings: Settings) -> int | None:
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


def answers(settings: Settings) -> bool:
    """True if an engine says within two seconds that it is well."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(ANSWER_SECONDS)
        try:
            connection.connect(str(settings.engine_socket))
            connection.sendall(b"GET /v1/health HTTP/1.1\r\nHost: blipdb\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.1 200 ")
        except OSError:
            return False
