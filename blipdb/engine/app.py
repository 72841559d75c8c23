"""From request to answer: limits, the bounded queue, callers that leave, errors as SQLSTATEs."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import version
from typing import Any, Final

from blipdb.errors import (
    BlipdbError,
    ImageError,
    ModelError,
    StoppedError,
    UsageError,
)
from blipdb.images.decode import Decoder

from . import wire
from .models import Models
from .verbs import VERBS, Answer, Verb, Work, check

log = logging.getLogger(__name__)

# The shapes of ASGI 3 (https://asgi.readthedocs.io/en/latest/specs/www.html).
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

VERSION: Final = version("blipdb")  # of this process, whatever is installed meanwhile
LARGEST_QUEUE: Final = 64  # requests beyond those being worked on
BODY_SECONDS: Final = 30.0  # a caller that sends no more is given up
BODIES_BYTES: Final = 256 << 20  # of all requests together

# SQLSTATEs, from PostgreSQL's documentation, appendix A.
INVALID_PARAMETER = "22023"
INVALID_BINARY = "22P03"
NOT_IN_STATE = "55000"
TOO_BUSY = "53400"
OUT_OF_MEMORY = "53200"
TOO_LARGE = "54000"
SHUTDOWN = "57P01"
FORBIDDEN = "42501"
UNDEFINED_FUNCTION = "42883"
PROTOCOL_VIOLATION = "08P01"
DATA_CORRUPTED = "XX001"
INTERNAL = "XX000"


class Refusal(Exception):  # noqa: N818 - an answer like any other, not a fault of ours
    """A request that gets an error: HTTP status, SQLSTATE, message, hint."""

    def __init__(self, status: int, sqlstate: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.answer = {"sqlstate": sqlstate, "message": message, "hint": hint}


class App:
    """The ASGI application. Its state is touched by the event loop's thread alone."""

    def __init__(self, models: Models, decoder: Decoder, *, workers: int) -> None:
        self._models = models
        self._decoder = decoder
        self._threads = ThreadPoolExecutor(workers, "worker")
        self._helpers = ThreadPoolExecutor(workers, "helper")
        self._workers = workers
        self._requests = 0
        self._bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope, receive)
        except StoppedError:
            log.info("%s: its caller left", scope["path"])
            return
        except asyncio.CancelledError:  # the engine is told to end, and has waited long enough
            refusal = Refusal(503, SHUTDOWN, "the blipdb engine is ending")
        except Exception as error:
            refusal = _refusal(error)
        else:
            await reply(send, 200, answer)
            return
        log.info("%s: refused: %s", scope["path"], refusal)
        await reply(send, refusal.status, refusal.answer)

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._helpers.shutdown(wait=True)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        if (scope["method"], scope["path"]) == ("GET", wire.HEALTH):
            return self._health()
        verb = _verb(scope)
        size = _size(scope, self._decoder.limits.bytes + wire.LARGEST_HEAD + wire.LENGTH.size)
        self._admit(size)
        try:
            return await self._work(verb, scope, receive, size)
        finally:
            self._requests -= 1
            self._bytes -= size

    def _health(self) -> Answer:
        return {
            "status": "ok",
            "version": VERSION,
            "pid": os.getpid(),
            "workers": self._workers,
            "requests": self._requests,
            "models": self._models.names(),
        }

    def _admit(self, size: int) -> None:
        """Count a request in, before its body is read and so before it is acknowledged."""
        if self._requests >= self._workers + LARGEST_QUEUE or (
            self._bytes and self._bytes + size > BODIES_BYTES
        ):
            raise Refusal(
                503,
                TOO_BUSY,
                f"the blipdb engine is busy with {self._requests} requests",
                "Try again, with fewer searches at once.",
            )
        self._requests += 1
        self._bytes += size

    async def _work(self, verb: Verb, scope: Scope, receive: Receive, size: int) -> Answer:
        body = await _body(receive, size)
        stop = threading.Event()
        task = self._threads.submit(self._do, verb, _header(scope, b"content-type"), body, stop)
        watch = asyncio.ensure_future(_stop_when_gone(receive, stop, task))
        try:
            return await asyncio.wrap_future(task)
        except asyncio.CancelledError:
            if stop.is_set():
                raise StoppedError("The caller left.") from None
            raise
        finally:
            stop.set()
            watch.cancel()

    def _do(self, verb: Verb, kind: str, body: bytearray, stop: threading.Event) -> Answer:
        """In a worker's thread."""
        if stop.is_set():
            raise StoppedError("The caller left.")
        try:
            head, raw = wire.unpack(kind, body)
        except ValueError as error:
            raise Refusal(400, PROTOCOL_VIOLATION, f"the request can't be read: {error}") from None
        check(verb, head)
        runtime = self._models.get(head["model"], head["digest"])
        spare = max(0, self._workers - self._requests)
        return verb.do(Work(runtime, self._decoder, head, raw, stop.is_set, self._helpers, spare))


def _refusal(error: Exception) -> Refusal:
    """What the caller is told of an error."""
    match error:
        case Refusal():
            return error
        case ImageError(reason=reason):
            return Refusal(400, INVALID_BINARY, f"the image is refused: {reason}")
        case UsageError(message=message, hint=hint):
            return Refusal(400, INVALID_PARAMETER, message, hint)
        case ModelError(message=message, hint=hint):
            return Refusal(409, NOT_IN_STATE, message, hint)
        case BlipdbError(message=message, hint=hint):
            return Refusal(500, INTERNAL, message, hint)
        case ValueError():
            hint = "The stored tokens may be another model's; blip_failures() may say more."
            return Refusal(
                400, DATA_CORRUPTED, f"the request does not fit the model: {error}", hint
            )
    if isinstance(error, MemoryError) or "bad_alloc" in str(error):
        return Refusal(503, OUT_OF_MEMORY, "the blipdb engine is out of memory", "Try again.")
    log.exception("a request failed")
    reason = f"the blipdb engine failed: {type(error).__name__}: {error}"
    return Refusal(500, INTERNAL, reason, "Its log, in the log folder of the home, says more.")


def _verb(scope: Scope) -> Verb:
    verb = VERBS.get(scope["path"].removeprefix(wire.PATH))
    if scope["method"] != "POST" or verb is None:
        known = ", ".join(f"POST {wire.PATH}{name}" for name in VERBS)
        raise Refusal(
            404,
            UNDEFINED_FUNCTION,
            f"the engine has no {scope['method']} {scope['path']}",
            f"It has GET {wire.HEALTH}, {known}.",
        )
    return verb


def _size(scope: Scope, largest: int) -> int:
    length = _header(scope, b"content-length")
    if not length.isdecimal():
        raise Refusal(411, PROTOCOL_VIOLATION, "the request has no Content-Length")
    if int(length) > largest:
        raise Refusal(
            413, TOO_LARGE, f"the request has {int(length):,} bytes; at most {largest:,} are read"
        )
    return int(length)


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in scope["headers"] if key == name), "")


async def _body(receive: Receive, size: int) -> bytearray:
    """All of the body; the first ``receive`` acknowledges the request ("100 Continue")."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise StoppedError("The caller left.")
                body += message.get("body", b"")
                if not message.get("more_body", False):
                    return body
    except TimeoutError:
        text = f"{len(body):,} of {size:,} bytes came within {BODY_SECONDS:g} s"
        raise Refusal(408, PROTOCOL_VIOLATION, text) from None


async def _stop_when_gone(receive: Receive, stop: threading.Event, task: Future[Answer]) -> None:
    """Once the caller has hung up: work that waits is dropped, work that runs is told to stop."""
    while (await receive())["type"] != "http.disconnect":
        pass
    stop.set()
    task.cancel()


async def forbid(scope: Scope, receive: Receive, send: Send) -> None:
    """The application for callers who may not ask."""
    refusal = Refusal(403, FORBIDDEN, "the blipdb engine is not for this user")
    await reply(send, refusal.status, refusal.answer)


async def reply(send: Send, status: int, answer: Mapping[str, Any]) -> None:
    body = json.dumps(answer).encode()
    headers = [
        (b"content-type", wire.PLAIN.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
