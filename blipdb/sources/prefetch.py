"""Prefetching: several calls at a time in threads, with results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def ahead(work: Callable[[T], R], items: Iterable[T], count: int) -> Iterator[tuple[T, R]]:
    """Yield each item with its result of ``work``, in order. At most ``count`` run at a time, and
    as many results wait. Errors of ``work`` are raised here."""
    window: deque[tuple[T, Future[R]]] = deque()
    with ThreadPoolExecutor(count, "ahead") as threads:
        try:
            for item in items:
                window.append((item, threads.submit(work, item)))
                if len(window) > count:
                    first, future = window.popleft()
                    yield first, future.result()
            while window:
                first, future = window.popleft()
                yield first, future.result()
        finally:
            threads.shutdown(cancel_futures=True)
