"""Decoder child: limit and confine itself, then decode until its parent closes the socket."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import socket
from typing import NoReturn

from ..errors import ImageError
from . import wire
from .confine import confine, prctl
from .limits import Limits
from .picture import Picture, decode

PR_SET_PDEATHSIG = 1
MAX_DESCRIPTORS = 1 << 16


def run(descriptor: int, limits: Limits) -> NoReturn:
    """Answer requests on the socket ``descriptor``; never returns."""
    try:
        with restrict(descriptor, limits) as sock:
            while True:
                answer(sock, limits)
    except EOFError:
        os._exit(0)
    except BaseException:  # nothing of a child may run into the zygote's loop
        os._exit(1)


def restrict(descriptor: int, limits: Limits) -> socket.socket:
    """Close all other descriptors, limit memory, and enter seccomp."""
    prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    os.dup2(descriptor, 0)
    os.closerange(1, MAX_DESCRIPTORS)
    sock = socket.socket(fileno=0)
    for kind, value in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 1),
    ):
        resource.setrlimit(kind, (value, value))
    confine()
    return sock


def answer(sock: socket.socket, limits: Limits) -> None:
    """Read one request and answer it, picture by picture.

    Raises:
        EOFError: there is no further request.
    """
    count, size, preview = wire.REQUEST.unpack(wire.receive(sock, wire.REQUEST.size))
    lengths = wire.LENGTH.iter_unpack(wire.receive(sock, wire.LENGTH.size * count))
    files = [bytes(wire.receive(sock, length)) for (length,) in lengths]
    for data in files:
        try:
            picture = decode(data, size, preview=bool(preview), limits=limits)
        except ImageError as error:
            sock.sendall(refused(error.reason))
        else:
            sock.sendall(accepted(picture))


def refused(reason: str) -> bytes:
    text = reason.encode("utf-8", "replace")[: wire.MAX_TEXT_BYTES]
    return wire.ANSWER.pack(0, 0, 0, 0, 0, len(text)) + text


def accepted(picture: Picture) -> bytes:
    text = json.dumps(picture.descriptions).encode()
    text = text if len(text) <= wire.MAX_TEXT_BYTES else b"[]"
    head = wire.ANSWER.pack(
        1,
        picture.width,
        picture.height,
        wire.MIMES.index(picture.mime),
        len(picture.preview),
        len(text),
    )
    return b"".join((head, picture.pixels, picture.preview, text))
