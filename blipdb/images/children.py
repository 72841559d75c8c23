"""Parent's side of decoder children: start the zygote, order children, send them files."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Final

from ..errors import ImageError, SetupError
from . import wire
from .limits import Limits
from .picture import Picture
from .zygote import NUMBER, ORDER, READY

log = logging.getLogger(__name__)

ORDER_SECONDS: Final = 60.0  # the first order waits until the zygote has imported everything
BUFFER_BYTES: Final = 1 << 20


class ChildDied(Exception):  # noqa: N818 - an event in a child's life, not an error of ours
    """The child ended, or sent an invalid answer, while it had a picture."""


class Zygote:
    """The process that forks children. Its methods may be called from any thread."""

    def __init__(self, limits: Limits) -> None:
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control.settimeout(ORDER_SECONDS)
        self._is_ready = False
        number = theirs.fileno()
        with theirs:
            # Isolated (-I), in a session of its own: neither the caller's environment nor a
            # Ctrl-C in its terminal reaches the children.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-m", "blipdb.images.zygote"]
                + [str(value) for value in (number, limits.pixels, limits.memory)],
                pass_fds=(number,),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                env={"PATH": os.defpath, "LANG": "C.UTF-8"},
                cwd="/",
            )

    def fork(self) -> Child:
        """A new child.

        Raises:
            SetupError: the zygote is gone.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        for sock in (ours, theirs):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        try:
            with theirs:
                return Child(self._order(0, [theirs.fileno()]), ours, self)
        except BaseException:
            ours.close()
            raise

    def end(self, pid: int) -> int:
        """Kill a child, if it is still alive. Return its wait status."""
        return self._order(pid, [])

    def _order(self, pid: int, descriptors: list[int]) -> int:
        with self._lock:
            try:
                self._wait_until_ready()
                socket.send_fds(self._control, [ORDER.pack(pid)], descriptors)
                (number,) = NUMBER.unpack(self._control.recv(NUMBER.size))
            except (OSError, struct.error) as error:
                self._control.close()
                raise SetupError(
                    "The process that starts image decoders has ended or hangs.",
                    "Start the command again; for the engine: blipdb down, then blipdb up.",
                ) from error
            except BaseException:
                self._control.close()  # interrupted: a late answer must not be the next one's
                raise
        return int(number)

    def _wait_until_ready(self) -> None:
        if self._is_ready:
            return
        (can_confine,) = READY.unpack(self._control.recv(READY.size))
        if not can_confine:
            log.warning("no seccomp here: image decoders run with limits only, not confined")
        self._is_ready = True

    def close(self) -> None:
        """End the zygote and its children."""
        self._control.close()
        self._process.wait()


class Child:
    """One child and our end of its socket. One caller at a time."""

    def __init__(self, pid: int, sock: socket.socket, zygote: Zygote) -> None:
        self.pid = pid
        self.answered = 0
        self.has_ended = False
        self._socket = sock
        self._zygote = zygote

    def decode(
        self, files: Sequence[bytes], size: int, *, preview: bool, seconds: float
    ) -> Iterator[Picture | ImageError]:
        """Decode ``files``; return an outcome for each, in order.

        Raises:
            TimeoutError: no answer for the next file within ``seconds``; the child is still busy.
            ChildDied: it crashed over the next file.
        """
        self._wait_at_most(seconds)
        try:
            self._socket.sendall(_request(files, size, preview))
            for _ in files:
                outcome = self._outcome(size)
                self.answered += 1
                yield outcome
        except BlockingIOError:  # a socket's own timeout
            raise TimeoutError from None
        except (OSError, EOFError, ValueError) as error:
            raise ChildDied from error

    def _wait_at_most(self, seconds: float) -> None:
        """Set the kernel's own timeouts: Python's would poll before each call."""
        limit = struct.pack("@ll", int(seconds), int(seconds % 1 * 1e6))
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self._socket.setsockopt(socket.SOL_SOCKET, option, limit)

    def _outcome(self, size: int) -> Picture | ImageError:
        """Read an answer, and check it: hostile code may control the child by now."""
        head = wire.ANSWER.unpack(wire.receive(self._socket, wire.ANSWER.size))
        is_accepted, width, height, mime, preview_bytes, text_bytes = head
        if text_bytes > wire.MAX_TEXT_BYTES or preview_bytes > wire.MAX_PREVIEW_BYTES:
            raise ValueError("an answer out of bounds")
        if not is_accepted:
            text = wire.receive(self._socket, text_bytes)
            return ImageError(text.decode("utf-8", "replace"))
        if mime >= len(wire.MIMES) or not width or not height:
            raise ValueError("an answer out of bounds")
        pixels = wire.receive(self._socket, size * size * 3)
        rest = wire.receive(self._socket, preview_bytes + text_bytes)
        texts = json.loads(rest[preview_bytes:])
        return Picture(
            pixels=pixels,
            width=width,
            height=height,
            mime=wire.MIMES[mime],
            preview=bytes(rest[:preview_bytes]),
            descriptions=[str(text) for text in texts] if isinstance(texts, list) else [],
        )

    def end(self) -> str:
        """Kill it if it still lives, and say how it ended."""
        self._socket.close()
        self.has_ended = True
        status = self._zygote.end(self.pid)
        if os.WIFSIGNALED(status):
            return f"ended by {signal.Signals(os.WTERMSIG(status)).name}"
        return f"ended with exit status {os.waitstatus_to_exitcode(status)}"


def _request(files: Sequence[bytes], size: int, preview: bool) -> bytes:
    head = wire.REQUEST.pack(len(files), size, preview)
    return b"".join((head, *(wire.LENGTH.pack(len(data)) for data in files), *files))
