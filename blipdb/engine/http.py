"""An HTTP/1.1 request and its answer, on a blocking socket.

A search makes two requests, and each is answered in a millisecond, to which an event loop would add
half of one. So a thread reads, works and answers; httptools parses.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any, Final

import httptools

from ..errors import StoppedError
from . import wire
from .responses import PROTOCOL_VIOLATION, ErrorResponse

LARGEST_HEAD: Final = 1 << 14  # bytes of request line and header fields
PIECE: Final = 1 << 16
HEAD_SECONDS: Final = 1.0  # for a caller to send its request line and fields
BODY_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 5.0  # for a caller to read its answer
REST_SECONDS: Final = 1.0  # that a caller's body is drained after an error


class Request:
    """The only request of a connection, and its answer. The connection's thread uses it; other
    threads may call `is_gone`."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._parser = httptools.HttpRequestParser(self)
        self._has_head = False
        self._early = bytearray()  # the part of the body that came with the head
        self._fields: dict[bytes, bytes] = {}
        self._is_whole = False
        self.path = ""

    # Callbacks of the parser.

    def on_url(self, url: bytes) -> None:
        self.path += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._has_head = True

    def on_body(self, data: bytes) -> None:
        self._early += data

    def on_message_complete(self) -> None:
        self._is_whole = True

    def read_head(self) -> None:
        """Read the request line and header fields.

        Raises:
            ErrorResponse: they are not HTTP, too long, or don't come in time.
            StoppedError: the caller hung up.
        """
        deadline, size = time.monotonic() + HEAD_SECONDS, 0
        while not self._has_head:
            with self._until(deadline, f"no request came within {HEAD_SECONDS:g} s"):
                data = self._sock.recv(PIECE)
            if not data:
                raise StoppedError("The caller left.")
            size += len(data)
            try:
                self._parser.feed_data(data)
            except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
                raise ErrorResponse(400, PROTOCOL_VIOLATION, f"this is no HTTP: {error}") from None
            if not self._has_head and size > LARGEST_HEAD:
                raise ErrorResponse(
                    431, PROTOCOL_VIOLATION, f"no head within {LARGEST_HEAD:,} bytes"
                )

    @property
    def method(self) -> str:
        return str(self._parser.get_method().decode())

    def field(self, name: bytes) -> str:
        """Return a header field's value, or '' if it is missing; ``name`` is in lower case."""
        return self._fields.get(name, b"").decode("latin-1")

    def read_body(self, size: int) -> bytearray:
        """Read the body of ``size`` bytes, after a "100 Continue" if the caller expects it.

        Raises:
            ErrorResponse: it is not complete in time.
            StoppedError: the caller hung up.
        """
        if self.field(b"expect").lower() == "100-continue":
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = bytearray(size)
        got = min(size, len(self._early))
        body[:got] = self._early[:got]
        deadline, view = time.monotonic() + BODY_SECONDS, memoryview(body)
        while got < size:
            late = f"{got:,} of {size:,} bytes came within {BODY_SECONDS:g} s"
            with self._until(deadline, late):
                count = self._sock.recv_into(view[got:])
            if not count:
                raise StoppedError("The caller left.")
            got += count
        self._is_whole = True
        return body

    def is_gone(self) -> bool:
        """Whether the caller has hung up."""
        try:
            return not self._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def answer(self, status: int, values: Mapping[str, Any]) -> None:
        """Send the answer as JSON.

        Raises:
            StoppedError: the caller hung up.
        """
        body = json.dumps(values).encode()
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {wire.PLAIN}\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self._send(head.encode() + body)
        if not self._is_whole:
            self._drain()

    def _drain(self) -> None:
        """Read the rest of the request: the caller reads its answer afterwards, and closing now
        would discard it."""
        deadline = time.monotonic() + REST_SECONDS
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)
            while time.monotonic() < deadline:
                self._sock.settimeout(max(deadline - time.monotonic(), 1e-3))
                if not self._sock.recv(PIECE):
                    return

    def _send(self, data: bytes) -> None:
        self._sock.settimeout(ANSWER_SECONDS)
        try:
            self._sock.sendall(data)
        except OSError:
            raise StoppedError("The caller left.") from None
        finally:
            self._sock.settimeout(None)

    @contextmanager
    def _until(self, deadline: float, late: str) -> Iterator[None]:
        self._sock.settimeout(max(deadline - time.monotonic(), 1e-3))
        try:
            yield
        except TimeoutError:
            raise ErrorResponse(408, PROTOCOL_VIOLATION, late) from None
        except OSError:
            raise StoppedError("The caller left.") from None
        finally:
            self._sock.settimeout(None)  # or `is_gone` would block
