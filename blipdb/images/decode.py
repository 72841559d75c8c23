"""Decode pictures in disposable child processes, several at a time."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, Generic, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import ImageError, SetupError
from .children import Child, ChildDied, Zygote
from .limits import Limits
from .picture import Picture

Key = TypeVar("Key")

PICTURES_PER_CHILD: Final = 1_000  # then a fresh one: leaks in image libraries stay small
BATCH_PICTURES: Final = 16
BATCH_BYTES: Final = 256 << 10
BATCHES_AHEAD: Final = 3  # a child
AHEAD_BYTES: Final = 64 << 20
MAX_SIDE_PIXELS: Final = 4_096


@dataclass(frozen=True)
class Decoded:
    """One picture, ready for the image encoder.

    ``pixels`` is uint8 [S, S, 3], RGB, resized bicubic straight to the square; ``width`` and
    ``height`` are the upright picture's; ``preview`` is a JPEG of at most 320 pixels a side, empty
    unless asked for; ``descriptions`` are what its own metadata says that it shows.
    """

    pixels: NDArray[np.uint8]
    width: int
    height: int
    mime: str
    preview: bytes
    descriptions: list[str]


class Decoder:
    """A pool of children. Its methods may be called from any thread; close it when done.

    As root the children run as ``nobody``. Make it before dropping root's rights: from then on no
    zygote can be started where Python lies in a folder of root's. A child that crashes or takes
    too long is replaced, as is every child after 1,000 pictures.
    """

    def __init__(self, children: int | None = None, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self.children = children or os.cpu_count() or 1
        self._slots = threading.Semaphore(self.children)
        self._idle: deque[Child] = deque()
        self._is_closed = False
        self._zygote = Zygote(self.limits)

    def decode(self, data: bytes, size: int, *, preview: bool = False) -> Decoded:
        """Decode the file ``data`` to a square of ``size`` pixels, waiting for a free child.

        Raises:
            ImageError: the picture is refused; ``reason`` says why.
            SetupError: the decoder itself no longer works.
        """
        (outcome,) = self._decode([data], size, preview)
        if isinstance(outcome, ImageError):
            raise outcome
        return outcome

    def decode_ahead(
        self, items: Iterable[tuple[Key, bytes]], size: int, *, preview: bool = False
    ) -> Iterator[tuple[Key, Decoded | ImageError]]:
        """Decode ``(key, data)`` pairs in order, all children at work while the caller is busy.

        A refused picture comes as its ImageError, not raised. ``items`` is read ahead by at most
        some 48 pictures a child, and 64 MiB.
        """
        window: deque[_Batch[Key]] = deque()
        with ThreadPoolExecutor(self.children, "decode") as threads:
            try:
                for keys, files in _batches(items, min(BATCH_BYTES, self.limits.bytes)):
                    future = threads.submit(self._decode, files, size, preview)
                    window.append(_Batch(keys, sum(map(len, files)), future))
                    while self._is_enough(window):
                        yield from window.popleft().outcomes()
                while window:
                    yield from window.popleft().outcomes()
            finally:
                threads.shutdown(wait=False, cancel_futures=True)

    def _is_enough(self, window: Sequence[_Batch[Key]]) -> bool:
        is_many = len(window) > self.children * BATCHES_AHEAD
        return is_many or sum(batch.bytes for batch in window) > AHEAD_BYTES

    def _decode(
        self, files: Sequence[bytes], size: int, preview: bool
    ) -> list[Decoded | ImageError]:
        """An outcome for each file; after a crash the rest goes to a fresh child.

        A crash may have had another cause, so a file is refused for its second one.
        """
        if not 1 <= size <= MAX_SIDE_PIXELS:
            raise ValueError(f"size {size} is not between 1 and {MAX_SIDE_PIXELS}")
        if (count := len(files[0])) > self.limits.bytes:  # then it is alone
            return [ImageError(f"{count:,} bytes; at most {self.limits.bytes:,} are read")]
        outcomes: list[Decoded | ImageError] = []
        crashed_at = -1
        while len(outcomes) < len(files):
            with self._slots, self._borrow() as child:
                try:
                    for outcome in child.decode(
                        files[len(outcomes) :],
                        size,
                        preview=preview,
                        seconds=self.limits.seconds,
                    ):
                        outcomes.append(_decoded(outcome, size))
                except TimeoutError:
                    child.end()
                    reason = f"decoding took more than {self.limits.seconds:g} s"
                    outcomes.append(ImageError(reason))
                except ChildDied:
                    death = child.end()
                    if crashed_at == len(outcomes):
                        outcomes.append(ImageError(f"decoding crashed: its process {death}"))
                    crashed_at = len(outcomes)
        return outcomes

    @contextmanager
    def _borrow(self) -> Iterator[Child]:
        """Take a child from the pool; put it back after use if it still works."""
        child = self._take()
        try:
            yield child
        except BaseException:
            with suppress(SetupError):
                child.end()  # interrupted: its answer must not be taken for the next picture's
            raise
        if child.answered >= PICTURES_PER_CHILD:
            child.end()
        if not child.has_ended:
            self._idle.append(child)
        if self._is_closed:  # meanwhile, while nobody waited for this picture any more
            self._end_idle()

    def _take(self) -> Child:
        try:
            return self._idle.pop()
        except IndexError:
            return self._zygote.fork()

    def close(self) -> None:
        """End all children. No-op if already closed."""
        self._is_closed = True
        self._end_idle()
        self._zygote.close()

    def _end_idle(self) -> None:
        with suppress(IndexError):
            while child := self._idle.pop():
                with suppress(SetupError):  # the zygote is gone, and its children with it
                    child.end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class _Batch(Generic[Key]):
    """Pictures of one request to a child."""

    keys: list[Key]
    bytes: int
    future: Future[list[Decoded | ImageError]]

    def outcomes(self) -> Iterator[tuple[Key, Decoded | ImageError]]:
        return zip(self.keys, self.future.result(), strict=True)


def _batches(
    items: Iterable[tuple[Key, bytes]], most_bytes: int
) -> Iterator[tuple[list[Key], list[bytes]]]:
    """Put small files into batches; a file of more than ``most_bytes`` is one alone."""
    keys: list[Key] = []
    files: list[bytes] = []
    total = 0
    for key, data in items:
        if files and (len(files) == BATCH_PICTURES or total + len(data) > most_bytes):
            yield keys, files
            keys, files, total = [], [], 0
        keys.append(key)
        files.append(data)
        total += len(data)
    if files:
        yield keys, files


def _decoded(outcome: Picture | ImageError, size: int) -> Decoded | ImageError:
    if isinstance(outcome, ImageError):
        return outcome
    return Decoded(
        pixels=np.frombuffer(outcome.pixels, np.uint8).reshape(size, size, 3),
        width=outcome.width,
        height=outcome.height,
        mime=outcome.mime,
        preview=outcome.preview,
        descriptions=outcome.descriptions,
    )
