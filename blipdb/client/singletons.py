"""Objects made once per process, on first use; a forked child makes its own."""

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
_instances: dict[object, Any] = {}


def singleton(key: object, make: Callable[[], T]) -> T:
    """Return the object of this key, made by ``make`` at the first call."""
    with _lock:
        if key not in _instances:
            _instances[key] = make()
        instance: T = _instances[key]
        return instance


def decoder() -> Decoder:
    """Return the confined child processes that decode images."""
    from ..images.decode import Decoder  # and NumPy, which clients of servers don't need

    return singleton("decoder", Decoder)


def helpers() -> ThreadPoolExecutor:
    """Return a pool with a thread for each core."""
    return singleton("helpers", lambda: ThreadPoolExecutor(os.cpu_count(), "blipdb"))


def _forget() -> None:
    global _lock
    _lock = threading.RLock()
    _instances.clear()


@atexit.register
def _close() -> None:
    if "decoder" in _instances:
        _instances.pop("decoder").close()


os.register_at_fork(after_in_child=_forget)
