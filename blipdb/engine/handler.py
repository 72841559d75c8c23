"""From request to answer: limits, the bounded queue, callers that hang up, errors as SQLSTATEs."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from importlib.metadata import version
from typing import Final

from ..errors import StoppedError
from ..images.decode import Decoder
from . import wire
from .http import Request
from .model_cache import ModelCache
from .responses import (
    PROTOCOL_VIOLATION,
    SHUTDOWN,
    TOO_BUSY,
    TOO_LARGE,
    UNDEFINED_FUNCTION,
    ErrorResponse,
    error_response,
)
from .semaphore import FairSemaphore
from .verbs import VERBS, Answer, Verb, VerbCall, check

log = logging.getLogger(__name__)

VERSION: Final = version("blipdb")  # of this process, even if another is installed meanwhile
MAX_QUEUED: Final = 64  # requests that wait, beyond those at work
MAX_BODY_BYTES: Final = 256 << 20  # bodies of all requests together
CHECK_SECONDS: Final = 0.02  # between checks whether all work has ended


class RequestHandler:
    """A handler of requests, each in its connection's thread."""

    def __init__(self, models: ModelCache, decoder: Decoder, *, workers: int) -> None:
        self._models = models
        self._decoder = decoder
        self._helpers = ThreadPoolExecutor(workers, "helper")
        self._workers = workers
        self._slots = FairSemaphore(workers)
        self._lock = threading.Lock()  # of the attributes below
        self._requests = 0
        self._bytes = 0
        self._ending = False
        self._stopping = False

    @property
    def capacity(self) -> int:
        """The greatest number of requests admitted at once."""
        return self._workers + MAX_QUEUED

    def serve(self, sock: socket.socket) -> None:
        """Answer the only request of a connection."""
        request = Request(sock)
        try:
            request.read_head()
            request.answer(200, self._answer(request))
        except StoppedError:
            log.info("%s: its caller left", request.path)
        except Exception as error:
            refused = error_response(error)
            log.info("%s: refused: %s", request.path, refused)
            with suppress(StoppedError):
                request.answer(refused.status, refused.answer)

    def end(self, seconds: float) -> None:
        """Admit no more requests, wait this long for those at work, then stop them."""
        self._ending = True
        self._wait(seconds)
        self._stopping = True
        self._wait(seconds)
        self._helpers.shutdown(wait=False, cancel_futures=True)

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self._requests and time.monotonic() < deadline:
            time.sleep(CHECK_SECONDS)

    def _answer(self, request: Request) -> Answer:
        if (request.method, request.path) == ("GET", wire.HEALTH):
            return self._health()
        verb = _verb(request)
        size = _size(request, self._decoder.limits.bytes + wire.LARGEST_HEAD + wire.LENGTH.size)
        with self._admitted(size):
            return self._work(verb, request, request.read_body(size))

    def _health(self) -> Answer:
        return {
            "status": "ok",
            "version": VERSION,
            "pid": os.getpid(),
            "workers": self._workers,
            "requests": self._requests,
            "models": self._models.names(),
        }

    @contextmanager
    def _admitted(self, size: int) -> Iterator[None]:
        """Admit a request, before its body is read and thus before it is acknowledged."""
        with self._lock:
            if self._ending:
                raise ErrorResponse(503, SHUTDOWN, "the blipdb engine is ending")
            if self._requests >= self.capacity or (
                self._bytes and self._bytes + size > MAX_BODY_BYTES
            ):
                raise ErrorResponse(
                    503,
                    TOO_BUSY,
                    f"the blipdb engine is busy with {self._requests} requests",
                    "Try again, with fewer searches at once.",
                )
            self._requests += 1
            self._bytes += size
        try:
            yield
        finally:
            with self._lock:
                self._requests -= 1
                self._bytes -= size

    def _work(self, verb: Verb, request: Request, body: bytearray) -> Answer:
        def stop() -> bool:
            return self._stopping or request.is_gone()

        try:
            head, raw = wire.unpack(request.field(b"content-type"), body)
        except ValueError as error:
            raise ErrorResponse(
                400, PROTOCOL_VIOLATION, f"the request can't be read: {error}"
            ) from None
        check(verb, head)
        try:
            with self._slots.slot(stop):
                runtime = self._models.get(head["model"], head["digest"])
                spare = self._slots.free
                return verb.do(
                    VerbCall(runtime, self._decoder, head, raw, stop, self._helpers, spare)
                )
        except StoppedError:
            if self._stopping and not request.is_gone():
                raise ErrorResponse(503, SHUTDOWN, "the blipdb engine is ending") from None
            raise


def _verb(request: Request) -> Verb:
    verb = VERBS.get(request.path.removeprefix(wire.PATH))
    if request.method != "POST" or verb is None:
        known = ", ".join(f"POST {wire.PATH}{name}" for name in VERBS)
        raise ErrorResponse(
            404,
            UNDEFINED_FUNCTION,
            f"the engine has no {request.method} {request.path}",
            f"It has GET {wire.HEALTH}, {known}.",
        )
    return verb


def _size(request: Request, largest: int) -> int:
    length = request.field(b"content-length")
    if not length.isdecimal():
        raise ErrorResponse(411, PROTOCOL_VIOLATION, "the request has no Content-Length")
    if int(length) > largest:
        raise ErrorResponse(
            413, TOO_LARGE, f"the request has {int(length):,} bytes; at most {largest:,} are read"
        )
    return int(length)
