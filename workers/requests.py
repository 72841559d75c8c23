"""A message whose broker died while it was worked on."""

from __future__ import annotations

import logging
from typing import Any

from celery.worker.request import Request

log = logging.getLogger(__name__)


class LateRequest(Request):  # type: ignore[misc]
    """Acknowledged after its work, when the connection that it came over may be closed.

    kombu then raises what Celery doesn't expect (with Redis an AttributeError), and the worker
    would end by that. The message is lost with its connection, or comes again: both do no harm.
    """

    def acknowledge(self) -> None:
        try:
            super().acknowledge()
        except Exception as error:
            self._told(error)

    def reject(self, *args: Any, **kwargs: Any) -> None:
        try:
            super().reject(*args, **kwargs)
        except Exception as error:
            self._told(error)

    def _told(self, error: Exception) -> None:
        self.acknowledged = True
        log.warning("a message was done whose broker is gone: %s: %s", type(error).__name__, error)
