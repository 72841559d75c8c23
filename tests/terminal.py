"""A terminal for tests: what a person would see."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from fcntl import ioctl
from pathlib import Path
from struct import pack
from termios import TIOCSWINSZ

STYLE = re.compile(r"\x1b\[[0-9;]*m")


def in_terminal(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    given: str = "",
    columns: int = 96,
) -> tuple[str, int]:
    """Run a command with a terminal for its output, and ``given`` on its stdin.

    Returns:
        What it shows, without the spaces at the ends of lines, and its exit code.
    """
    ours, theirs = pty.openpty()
    ioctl(theirs, TIOCSWINSZ, pack("4H", 50, columns, 0, 0))
    with tempfile.TemporaryFile() as stdin:
        stdin.write(given.encode())
        stdin.seek(0)
        process = subprocess.Popen(
            command, stdin=stdin, stdout=theirs, stderr=theirs, cwd=folder, env=dict(environment)
        )
    os.close(theirs)
    shown = b""
    while data := _read(ours):
        shown += data
    os.close(ours)
    lines = shown.decode().replace("\r\n", "\n").splitlines()
    return "".join(f"{line.rstrip()}\n" for line in lines), process.wait()


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 1 << 16)
    except OSError:  # on Linux, how a terminal says that its other end is closed
        return b""
