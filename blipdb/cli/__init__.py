"""The command line: a file for each command or group of them, put together in ``commands.py``.

Private: the public interface is the command ``blipdb``.
"""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command that was named, and end the process."""
    try:
        try:
            from .commands import app_for  # here, so that Ctrl-C is no traceback even now

            app_for(sys.argv[1:])()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # whoever read our output has enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
