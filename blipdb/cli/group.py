"""The command group: shows errors and Ctrl-C, and sets the exit code."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from ..errors import BlipdbError, UsageError
from .output import note

INTERRUPTED = 128 + signal.SIGINT  # what a shell reports for a program ended by Ctrl-C


class Group(TyperGroup):
    """Shows a `BlipdbError` as its message and hint, never as a traceback.

    Exit codes: 0 done, 1 failed or some failed, 2 wrong usage, 130 Ctrl-C.
    """

    def invoke(self, ctx: Any) -> Any:
        with _noticing_ctrl_c() as was_pressed:
            try:
                return super().invoke(ctx)
            except (Exception, KeyboardInterrupt) as error:
                if was_pressed() and not isinstance(error, typer.Exit):
                    note("interrupted")
                    raise typer.Exit(INTERRUPTED) from None
                if isinstance(error, BlipdbError):
                    note(f"error: {error}")
                    raise typer.Exit(error.exit_code) from None
                if isinstance(error, UnicodeEncodeError):  # bytes of argv, on their way to SQL
                    note(f"error: An argument is not valid UTF-8: {error.object!r}.")
                    raise typer.Exit(UsageError.exit_code) from None
                raise


@contextmanager
def _noticing_ctrl_c() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed meanwhile: libraries turn it into errors of their own."""
    pressed = False

    def press(*_: object) -> None:
        nonlocal pressed
        pressed = True
        raise KeyboardInterrupt

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield lambda: False  # it is ignored, as in the background
        return
    signal.signal(signal.SIGINT, press)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
