"""Accepting connections, each served by a thread; idle threads accept the next."""

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
from .refusals import FORBIDDEN, Refusal

log = logging.getLogger(__name__)

KEPT_IDLE: Final = 2  # so that there is always one that accepts, and few whose caches went cold


class Connections:
    """Threads that accept from ``listener``, of whom ``allowed`` lists the users; ``most`` at once,
    and further connections wait to be accepted."""

    def __init__(
        self,
        listener: socket.socket,
        serve: Callable[[socket.socket], None],
        *,
        allowed: frozenset[int],
        most: int,
    ) -> None:
        self._listener = listener
        self._serve = serve
        self._allowed = allowed
        self._most = most
        self._lock = threading.Lock()
        self._threads = 0
        self._idle = 0
        self._add_thread()

    def close(self) -> None:
        """Accept no more; what was accepted is served to its end."""
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
                if self._idle == 0 and self._threads < self._most:
                    self._add_thread()
            with sock:
                self._serve_one(sock)
            with self._lock:
                if self._idle >= KEPT_IDLE:
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
    """Answer a caller who may not ask."""
    forbidden = Refusal(403, FORBIDDEN, "the blipdb engine is not for this user")
    request = Request(sock)
    with suppress(StoppedError):
        request.answer(forbidden.status, forbidden.answer)
