"""Rate-limited logging of errors that last."""

from __future__ import annotations

import logging
import time

QUIET_SECONDS = 60.0  # before the same message is logged again


class RateLimitedLog:
    """A logger's messages of one level, each at most once a minute."""

    def __init__(self, logger: logging.Logger, level: int) -> None:
        self._logger = logger
        self._level = level
        self._logged: dict[str, float] = {}

    def log(self, message: str) -> None:
        """Log the message, unless it was logged within the last minute."""
        now = time.monotonic()
        if now - self._logged.get(message, -QUIET_SECONDS) >= QUIET_SECONDS:
            self._logged[message] = now
            self._logger.log(self._level, "%s", message)
