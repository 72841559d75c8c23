"""Ask the engine from Python, with the standard library alone."""

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


class Client:
    """A new connection for each call, so it may be used from several threads."""

    def __init__(self, path: Path, *, uid: int | None = None, seconds: float = 60.0) -> None:
        """``uid`` is whose process the engine must be (None: anybody's); ``seconds`` how long an
        answer may take."""
        self._path = path
        self._uid = uid
        self._seconds = seconds

    def health(self) -> dict[str, Any]:
        """What the engine says of itself: version, pid, workers, requests at work, models.

        Raises:
            EngineError: it does not run or does not answer.
        """
        return self._request("GET", wire.HEALTH, {}, None)

    def ask(self, verb: str, head: Mapping[str, Any], raw: bytes | None = None) -> dict[str, Any]:
        """What ``blip._ask`` does in SQL.

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
