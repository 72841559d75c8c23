"""What a process needs once, whoever asks first; a forked child makes its own."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ..images.decode import Decoder

T = TypeVar("T")

_lock = threading.RLock()
_made: dict[object, Any] = {}


def once(key: object, make: Callable[[], T]) -> T:
    """What ``make`` gave when it was first asked for under this key."""
    with _lock:
        if key not in _made:
            _made[key] = make()
        made: T = _made[key]
        return made


def decoder() -> Decoder:
    """The confined children that decode strangers' pictures."""
    from ..images.decode import Decoder  # and NumPy, which a search by a server needs not

    return once("decoder", Decoder)


def helpers() -> ThreadPoolExecutor:
    """A thread for each core."""
    return once("helpers", lambda: ThreadPoolExecutor(os.cpu_count(), "blipdb"))


def _forget() -> None:
    global _lock
    _lock = threading.RLock()
    _made.clear()


@atexit.register
def _close() -> None:
    if "decoder" in _made:
        _made.pop("decoder").close()


os.register_at_fork(after_in_child=_forget)
