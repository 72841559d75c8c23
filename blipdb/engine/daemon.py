"""The engine as a process in the background: start, find and stop it.

An engine keeps its pid file open and locked as long as it lives. Only a process that has this very
file open is taken for the engine that the file names, so that no other process is ever ended
because it was given the pid of a dead engine.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..errors import EngineError
from ..host import owner as owners
from ..host.home import rotate, tail
from ..host.owner import Owner
from ..settings import Settings
from .client import EngineClient

ENGINE = "blipdb.engine"
START_SECONDS = 60
STOP_SECONDS = 10
ANSWER_SECONDS = 2.0


def start(settings: Settings, owner: Owner) -> bool:
    """Start the engine; restart one that hangs or is of another version.

    Returns:
        False if one of this version already runs.

    Raises:
        EngineError: it does not start; the message ends with the end of its log.
    """
    if is_current(settings):
        return False
    stop(settings)
    log = settings.logs_dir / "engine.log"
    with owner.acting():
        begun = rotate(log)
        descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        child = _spawn(settings, descriptor)
    finally:
        os.close(descriptor)
    deadline = time.monotonic() + START_SECONDS
    while health(settings) is None:
        if _has_ended(child) or time.monotonic() > deadline:
            stop(settings)
            with owner.acting():
                said = tail(log, begun)
            raise EngineError(f"The engine did not start:\n{said}", f"Its log: {log}")
        time.sleep(0.02)
    return True


def is_current(settings: Settings) -> bool:
    """Whether an engine of this version answers."""
    found = health(settings)
    return found is not None and found["version"] == version("blipdb")


def _spawn(settings: Settings, log: int) -> int:
    """Start ``python -m blipdb.engine`` in a session of its own; return its pid.

    If we are root it starts as root, since our Python may be in a folder that the owner can't
    read, and drops to the owner before it listens.
    """
    options = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("BLIPDB_") and name != "BLIPDB_URL"
    }
    environment = owners.clean_environment(os.geteuid()) | options
    python = [sys.executable, "-P", "-m", ENGINE]
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
    """Stop this home's engine, by SIGKILL if SIGTERM does not; return False if none runs.

    Raises:
        EngineError: it does not end.
    """
    if (pid := pid_of(settings)) is None:
        return False
    try:
        process = os.pidfd_open(pid)  # never another process that is given the same pid
    except ProcessLookupError:
        return False
    try:
        if pid_of(settings) != pid:
            return False
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, number)
            if select.select([process], [], [], STOP_SECONDS)[0]:
                _has_ended(pid)
                return True
    finally:
        os.close(process)
    raise EngineError(f"The engine, process {pid}, does not end.", f"End it: kill -9 {pid}")


def pid_of(settings: Settings) -> int | None:
    """Return the pid of the engine that serves this home, or None."""
    try:
        with open(settings.run_dir / "engine.pid", encoding="ascii") as file:
            pid_file, pid = os.fstat(file.fileno()), int(file.read(20))
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    with suppress(FileNotFoundError, PermissionError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                if os.path.samestat(descriptor.stat(), pid_file):
                    return pid
    return None


def _has_ended(child: int) -> bool:
    """Whether a process has ended; our own child is reaped."""
    with suppress(ChildProcessError):
        return os.waitpid(child, os.WNOHANG)[0] == child
    return not Path(f"/proc/{child}").exists()


def health(settings: Settings) -> dict[str, Any] | None:
    """Return the engine's health, or None if none runs or it does not answer within two seconds.

    See `blipdb.engine.client.EngineClient.health`.
    """
    try:
        return EngineClient(settings.engine_socket, seconds=ANSWER_SECONDS).health()
    except EngineError:
        return None
