"""Notices beside a result: on the logger ``blipdb.client``, and shown by the command line."""

from __future__ import annotations

import logging
from collections.abc import Callable

log = logging.getLogger("blipdb.client")

_KEY = "notice"  # name of a log record's attribute


def notice(sentence: str, *more: str | None) -> None:
    """Log what a server's function would report in a NOTICE: message, then detail and hint."""
    whole = "; ".join(part for part in (sentence, *more) if part)
    log.info("%s", whole, extra={_KEY: sentence})


class NoticeHandler(logging.Handler):
    """A log handler that passes notices to a function, and ignores all other records."""

    def __init__(self, show: Callable[[str], None]) -> None:
        super().__init__()
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        if (sentence := getattr(record, _KEY, None)) is not None:
            self._show(f"notice: {sentence}")
