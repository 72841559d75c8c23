"""The operating system's user of the private cluster and the engine, and the drop to that user.

Root starts them, and never runs them: PostgreSQL refuses to, and neither a decoder of strangers'
pictures nor a server should hold root's rights. Root's processes run as ``postgres``, the user
that the distribution's package made; anybody else's run as that person.
"""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import SetupError

UNPRIVILEGED = "postgres"
LOCALE_VARIABLES = ("LANG", "LC_ALL", "LC_CTYPE", "TZ")


@dataclass(frozen=True)
class Owner:
    """A user of the operating system."""

    name: str
    uid: int
    gid: int

    def drop(self) -> None:
        """Drop to this user permanently. No-op if already running as it."""
        if os.geteuid() != 0:
            return
        os.initgroups(self.name, self.gid)
        os.setgid(self.gid)
        os.setuid(self.uid)

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Act on files as this user for a while: root must not follow symbolic links of others."""
        if os.geteuid() != 0:
            yield
            return
        os.setegid(self.gid)
        os.seteuid(self.uid)
        try:
            yield
        finally:
            os.seteuid(0)
            os.setegid(0)

    def make_folder(self, path: Path, mode: int = 0o750) -> Path:
        """Make ``path``, or take the one that is there, as this user's with exactly ``mode``.

        Only for a folder whose parent no one else may write to: it follows links.
        """
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)
        if os.geteuid() == 0:
            os.chown(path, self.uid, self.gid)
        return path

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program to its end as this user, in a clean environment and with umask 077.

        ``stdout`` of what is returned holds its standard error too.
        """
        is_other = os.geteuid() == 0
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            env=clean_environment(self.uid),
            user=self.uid if is_other else None,
            group=self.gid if is_other else None,
            extra_groups=os.getgrouplist(self.name, self.gid) if is_other else None,
            umask=0o077,
        )


def current() -> Owner:
    """Look up the user that the cluster and the engine run as.

    Raises:
        SetupError: run as root, and PostgreSQL's own user does not exist yet.
    """
    uid = os.geteuid()
    if uid != 0:
        return Owner(pwd.getpwuid(uid).pw_name, uid, os.getegid())
    try:
        entry = pwd.getpwnam(UNPRIVILEGED)
    except KeyError:
        raise SetupError(
            f"As root, blipdb runs PostgreSQL as user {UNPRIVILEGED!r}, which does not exist.",
            "Installing PostgreSQL makes it: apt-get install postgresql",
        ) from None
    return Owner(entry.pw_name, entry.pw_uid, entry.pw_gid)


def clean_environment(uid: int, environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Make the environment of a server that runs as ``uid``: language, time zone and nothing else.

    A stray PYTHONPATH would let a backend import somebody's ``socket.py``, PYTHONHOME kills
    PL/Python at its first call, and a virtual environment on PATH becomes the embedded Python's.
    """
    environ = os.environ if environ is None else environ
    entry = pwd.getpwuid(uid)
    locale = {name: environ[name] for name in LOCALE_VARIABLES if name in environ}
    own = {"HOME": entry.pw_dir, "USER": entry.pw_name, "LOGNAME": entry.pw_name}
    return {"PATH": "/usr/bin:/bin"} | locale | own
