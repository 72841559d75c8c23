"""The command line: a file for each command or group of them, put together in ``app.py``."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command that was named, and end the process."""
    try:
        try:
            from .app import app  # here, so that Ctrl-C is no traceback even now

            app()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # whoever read our output has enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
