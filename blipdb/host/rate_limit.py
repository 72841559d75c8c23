"""Trouble that lasts, told now and then and not each time it is met."""

from __future__ import annotations

import time

QUIET_SECONDS = 60.0  # before the same is told again


class Telling:
    """What was told, and when."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def is_due(self, trouble: str) -> bool:
        """Whether to tell it now: it is new, or was told a minute ago."""
        now = time.monotonic()
        if now - self._told.get(trouble, -QUIET_SECONDS) < QUIET_SECONDS:
            return False
        self._told[trouble] = now
        return True
