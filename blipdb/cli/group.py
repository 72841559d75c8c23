"""The command group: how errors and Ctrl-C end a command."""

from __future__ import annotations

import signal
from typing import Any

import typer
from typer.core import TyperGroup

from ..errors import BlipdbError
from .output import note

INTERRUPTED = 128 + signal.SIGINT  # what a shell reports for a program ended by Ctrl-C


class Group(TyperGroup):
    """Shows a `BlipdbError` as its message and hint, never as a traceback.

    Exit codes: 0 done, 1 failed or some failed, 2 wrong usage, 130 Ctrl-C.
    """

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BlipdbError as error:
            note(f"error: {error}")
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            note("interrupted")
            raise typer.Exit(INTERRUPTED) from None
