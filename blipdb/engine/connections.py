"""A listener's connections, each served by a thread; idle threads accept the next."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from ..errors import StoppedError
from .http import Request
from .peer import peer_uid
from .responses import FORBIDDEN, ErrorResponse

log = logging.getLogger(__name__)

MAX_IDLE: Final = 2  # threads: one always accepts, and few have cold caches


class Connections:
    """Threads that accept connections and serve each.

    Args:
        listener: a listening socket.
        serve: answers a connection.
        allowed: ids of the users that may connect.
        max_threads: the greatest number of connections at once; others wait to be accepted.
    """

    def __init__(
        self,
        listener: socket.socket,
        serve: Callable[[socket.socket], None],
        *,
        allowed: frozenset[int],
        max_threads: int,
    ) -> None:
        self._listener = listener
        self._serve = serve
        self._allowed = allowed
        self._max_threads = max_threads
        self._lock = threading.Lock()
        self._threads = 0
        self._idle = 0
        self._add_thread()

    def close(self) -> None:
        """Stop accepting; connections that were accepted are served to their end."""
        self._listener.shutdown(socket.SHUT_RDWR)

    def _add_thread(self) -> None:
        self._threads += 1
        self._idle += 1
        threading.Thread(target=self._run, name="connection", daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:  # closed
                return
            with self._lock:
                self._idle -= 1
                if self._idle == 0 and self._threads < self._max_threads:
                    self._add_thread()
            with sock:
                self._serve_one(sock)
            with self._lock:
                if self._idle >= MAX_IDLE:
                    self._threads -= 1
                    return
                self._idle += 1

    def _serve_one(self, sock: socket.socket) -> None:
        try:
            uid = peer_uid(sock)
            if uid not in self._allowed:
                log.warning("user %d is refused", uid)
                refuse(sock)
            else:
                self._serve(sock)
        except Exception:
            log.exception("a connection failed")


def refuse(sock: socket.socket) -> None:
    """Answer a caller that is not allowed."""
    forbidden = ErrorResponse(403, FORBIDDEN, "the blipdb engine is not for this user")
    request = Request(sock)
    with suppress(StoppedError):
        request.answer(forbidden.status, forbidden.answer)
