"""A message whose broker died while it was worked on."""

from __future__ import annotations

from typing import Any

from celery.worker.request import Request


class LateRequest(Request):  # type: ignore[misc]
    """Acknowledged after its work, when the connection that it came over may be closed.

    Celery expects the errors of a connection then. But kombu's Redis client, asked to connect anew
    for a channel that has been closed, raises an AttributeError, and the worker would end by that.
    The message is lost with its connection, or comes again: both do no harm.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._connection_errors = (*self.connection_errors, AttributeError)
