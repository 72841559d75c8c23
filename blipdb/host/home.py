"""The home folder: made with the right owners, and locked while services start or stop.

Root keeps the home, the programs and the models, which servers only read; PostgreSQL's data, the
sockets and the logs belong to the user that the servers run as.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import SetupError
from ..settings import Settings
from . import owner as owners
from .owner import Owner

LOG_BYTES = 16 << 20


@contextmanager
def locked(settings: Settings) -> Iterator[Owner]:
    """Create missing folders of the home, hold its lock, and yield the servers' user.

    Not reentrant: a second call waits for the first, in the same process too. The system releases
    the lock of a process that dies.

    Raises:
        SetupError: the home can't be made, or the servers' user may not enter it.
    """
    owner = owners.current()
    make(settings, owner)
    descriptor = os.open(settings.home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield owner
    finally:
        os.close(descriptor)


def make(settings: Settings, owner: Owner) -> None:
    """Make the folders of ``settings.home`` that do not exist yet."""
    try:
        for folder in (settings.home, settings.cluster_dir.parent, settings.models_dir):
            _make_own(folder)
        for folder in (settings.run_dir, settings.logs_dir):
            owner.make_folder(folder)
    except OSError as error:
        raise SetupError(
            f"The home folder {settings.home} can't be made or used: {error.strerror}"
            f" ({error.filename}).",
            "Name another with BLIPDB_HOME, or make it yours.",
        ) from error
    if owner.run("test", "-x", settings.run_dir).returncode != 0:
        raise SetupError(
            f"User {owner.name!r}, whom root runs PostgreSQL as, may not enter {settings.home}.",
            "Choose a home that others may enter: BLIPDB_HOME=/var/lib/blipdb",
        )


def _make_own(folder: Path) -> None:
    if folder.is_dir():
        return
    try:
        folder.mkdir(parents=True)
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:  # not made by another process meanwhile
        folder.chmod(0o755 if os.geteuid() == 0 else 0o700)


def rotate(log: Path) -> int:
    """Rename a log that has grown large. Return the size in bytes of the log now."""
    if not log.exists():
        return 0
    if (size := log.stat().st_size) > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
        return 0
    return size


def tail(log: Path, start: int, lines: int = 8) -> str:
    """Read the last lines that were written to ``log`` since it had ``start`` bytes."""
    text = log.read_bytes()[start:].decode(errors="replace") if log.exists() else ""
    return "\n".join(text.strip().splitlines()[-lines:])
