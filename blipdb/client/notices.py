"""What is said beside a result: on the logger ``blipdb.client``, and by the command line."""

from __future__ import annotations

import logging
from collections.abc import Callable

log = logging.getLogger("blipdb.client")

_KEY = "notice"  # of a record's attribute


def notice(sentence: str, *more: str | None) -> None:
    """Say what a server's function would say in a NOTICE: its message; its detail and hint."""
    whole = "; ".join(part for part in (sentence, *more) if part)
    log.info("%s", whole, extra={_KEY: sentence})


class Shown(logging.Handler):
    """Hands notices to a function that shows them to a person."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__()
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        if (sentence := getattr(record, _KEY, None)) is not None:
            self._show(f"notice: {sentence}")
