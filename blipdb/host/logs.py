"""Filters for logs that quote strings of others: one line each, of limited length and number."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from typing import Final

from ..escapes import visible

MAX_CHARACTERS: Final = 500  # of a message
MAX_TRACEBACK: Final = 8_000  # characters, the last ones
MAX_BURST: Final = 200  # lines at once
LINES_PER_SECOND: Final = 5.0  # in the long run


class OneLine(logging.Filter):
    """Escapes control characters and shortens messages, so that no line can be forged.

    A traceback keeps its lines, which are indented: only a record begins at the margin.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = _short(visible(record.getMessage())), None
        if record.exc_info:
            text = "".join(traceback.format_exception(*record.exc_info))[-MAX_TRACEBACK:]
            record.exc_text = "\n".join(f"    {visible(line)}" for line in text.split("\n"))
        return True


class Rate(logging.Filter):
    """Drops lines beyond a burst and a rate, and tells their number with the next line."""

    def __init__(self, burst: int = MAX_BURST, per_second: float = LINES_PER_SECOND) -> None:
        super().__init__()
        self._burst = burst
        self._per_second = per_second
        self._allowed = float(burst)
        self._updated_at = time.monotonic()
        self._left_out = 0
        self._lock = threading.Lock()

    def filter(self, record: logging.LogRecord) -> bool:
        with self._lock:
            now = time.monotonic()
            earned = (now - self._updated_at) * self._per_second
            self._allowed = min(self._burst, self._allowed + earned)
            self._updated_at = now
            if self._allowed < 1:
                self._left_out += 1
                return False
            self._allowed -= 1
            left_out, self._left_out = self._left_out, 0
        if left_out:
            record.msg = f"{record.getMessage()} ({left_out} lines before it were left out)"
            record.args = None
        return True


def _short(message: str) -> str:
    if len(message) <= MAX_CHARACTERS:
        return message
    half = MAX_CHARACTERS // 2
    return f"{message[:half]} … {message[-half:]}"
