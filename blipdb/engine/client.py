"""A client of the engine, with the standard library alone."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ..errors import EngineError
from . import wire
from .peer import peer_uid

HINT: Final = "Start it with: blipdb up"


class EngineClient:
    """A client that makes a new connection for each call. Safe to use from several threads."""

    def __init__(self, path: Path, *, uid: int | None = None, seconds: float = 60.0) -> None:
        """Name the engine's socket.

        Args:
            path: the socket.
            uid: the user that the engine must run as; None: any.
            seconds: the timeout of an answer.
        """
        self._path = path
        self._uid = uid
        self._seconds = seconds

    def health(self) -> dict[str, Any]:
        """Return the engine's version, pid, workers, requests at work, and models.

        Raises:
            EngineError: it does not run or does not answer.
        """
        return self._request("GET", wire.HEALTH, {}, None)

    def ask(self, verb: str, head: Mapping[str, Any], raw: bytes | None = None) -> dict[str, Any]:
        """Call a verb, as ``blip._ask`` does in SQL.

        Args:
            verb: one of `verbs.VERBS`.
            head: the request's JSON.
            raw: the bytes that go with it.

        Raises:
            EngineError: it does not run, does not answer, or refuses.
        """
        kind, body = wire.pack(head, raw)
        return self._request("POST", wire.PATH + verb, {"Content-Type": kind}, body)

    def _request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> dict[str, Any]:
        connection = _Connection(self._path, self._uid, self._seconds)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            answer = json.loads(response.read())
        except TimeoutError:
            text = f"The engine does not answer within {self._seconds:g} s: it is busy, or hangs."
            raise EngineError(text, "Restart it with: blipdb down, then blipdb up") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise EngineError(f"The engine at {self._path} can't be asked: {error}", HINT) from None
        finally:
            connection.close()
        if response.status != 200:
            raise EngineError(answer["message"], answer["hint"])
        assert isinstance(answer, dict)
        return answer


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, uid: int | None, seconds: float) -> None:
        super().__init__("engine", timeout=seconds)
        self._path = path
        self._uid = uid

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
        uid = peer_uid(self.sock)
        if self._uid is not None and self._uid != uid:
            raise OSError(f"it is a process of user {uid}, not of {self._uid}")
