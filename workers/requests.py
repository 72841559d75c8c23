"""Requests that outlive their connection to the broker."""

from __future__ import annotations

from typing import Any

from celery.worker.request import Request


class LateRequest(Request):  # type: ignore[misc]
    """A request that is acknowledged after its work, when its connection may be closed.

    Celery expects connection errors then. But kombu's Redis client raises an AttributeError when it
    has to reconnect for a closed channel, and that would end the worker. The message is lost with
    its connection, or redelivered: both are harmless.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connection_errors = (*self.connection_errors, AttributeError)
