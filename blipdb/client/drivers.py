"""Drivers of the clients: run an operation on a connection, and keep track of the connections.

They are all that differs between the two clients: one is used by several threads and locks, the
other by the tasks of one event loop. The public methods are in `aclient`, from which `client` is
generated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar
from uuid import UUID

import psycopg

from ..database import connection, failures, steps
from ..database.steps import Steps
from ..errors import ImageError, UsageError
from . import modes, pictures
from .base import ClientBase, ClientOptions
from .hits import Hits
from .verbs import Verbs

if TYPE_CHECKING:
    from ..ingest.run import Report
    from .ingesting import IngestOptions

T = TypeVar("T")


class ConnectionSource(Protocol):
    """A source of connections: a pool, or an app's own connection."""

    def use(
        self, *, writes: bool, whole: bool
    ) -> AbstractContextManager[psycopg.Connection[Any]]: ...

    def close(self) -> None: ...


class Driver(ClientBase[ConnectionSource]):
    """A client's driver for several threads."""

    def __init__(self, options: ClientOptions, source: Callable[[], ConnectionSource]) -> None:
        super().__init__(options)
        self._make_source = source

    def close(self) -> None:
        """Close the client's own connections; an app's stay open. Idempotent."""
        with self._lock:
            source, self._source, self._is_closed = self._source, None, True
        if source is not None:
            source.close()

    def __enter__(self) -> Self:
        if self._options.url is not None:
            with failures.translate_all():  # so that a server in trouble is reported on entering
                self._detect_verbs(self._open_source())
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hits(self, make: Callable[[Verbs], Steps[Any]]) -> Hits:
        return Hits(self._run(make), self._fetch_pictures)

    def _fetch_pictures(self, image_ids: Sequence[UUID]) -> dict[UUID, bytes | ImageError]:
        return self._run(lambda _: pictures.pictures(image_ids))

    def _run(self, make: Callable[[Verbs], Steps[T]], *, writes: bool = False) -> T:
        with failures.translate_all():
            source = self._open_source()
            verbs = self._verbs or self._detect_verbs(source)
            with source.use(writes=writes, whole=not verbs.one_statement) as conn:
                return steps.run(conn, make(verbs))

    def _open_source(self) -> ConnectionSource:
        self._require_usable()
        with self._lock:
            if self._source is None:
                self._source = self._make_source()
            return self._source

    def _detect_verbs(self, source: ConnectionSource) -> Verbs:
        options = self._options
        with source.use(writes=False, whole=False) as conn:
            self._verbs = steps.run(conn, modes.choose(options.settings, options.inference, conn))
        return self._verbs

    def _ingest(self, paths: Sequence[str | Path], options: IngestOptions) -> Report:
        self._require_usable()
        settings = self._require_own_settings("An ingest")
        from . import ingesting

        with failures.translate_all():
            return ingesting.run(settings, paths, options)


class AsyncConnectionSource(Protocol):
    """A source of connections: a pool, or an app's own connection."""

    def use(
        self, *, writes: bool, whole: bool
    ) -> AbstractAsyncContextManager[psycopg.AsyncConnection[Any]]: ...

    async def close(self) -> None: ...


class AsyncDriver(ClientBase[AsyncConnectionSource]):
    """A client's driver for the tasks of one event loop. Models compute in threads."""

    def __init__(self, options: ClientOptions, source: Callable[[], AsyncConnectionSource]) -> None:
        super().__init__(options)
        self._make_source = source
        self._loop: asyncio.AbstractEventLoop | None = None

    async def aclose(self) -> None:
        """Close the client's own connections; an app's stay open. Idempotent."""
        if not self._is_closed:
            self._require_usable()  # connections are closed in the loop that they belong to
        source, self._source, self._is_closed = self._source, None, True
        if source is not None:
            await source.close()

    async def __aenter__(self) -> Self:
        if self._options.url is not None:
            with failures.translate_all():  # so that a server in trouble is reported on entering
                await self._detect_verbs(self._open_source())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _hits(self, make: Callable[[Verbs], Steps[Any]]) -> Hits:
        url = self._options.url
        fetch = None if url is None else partial(_fetch_pictures, url)
        return Hits(await self._run(make), fetch)

    async def _run(self, make: Callable[[Verbs], Steps[T]], *, writes: bool = False) -> T:
        with failures.translate_all():
            source = self._open_source()
            verbs = self._verbs or await self._detect_verbs(source)
            async with source.use(writes=writes, whole=not verbs.one_statement) as conn:
                return await steps.arun(conn, make(verbs))

    def _open_source(self) -> AsyncConnectionSource:
        self._require_usable()
        if self._source is None:
            self._source = self._make_source()
        return self._source

    async def _detect_verbs(self, source: AsyncConnectionSource) -> Verbs:
        options = self._options
        async with source.use(writes=False, whole=False) as conn:
            detection = modes.choose(options.settings, options.inference, conn)
            self._verbs = await steps.arun(conn, detection)
        return self._verbs

    def _require_usable(self) -> None:
        super()._require_usable()
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise UsageError(
                "The client belongs to another event loop, in which it was first used.",
                "Make one in each loop: blipdb.aconnect(…)",
            )

    def _constructor(self) -> str:
        return "aconnect"

    async def _ingest(self, paths: Sequence[str | Path], options: IngestOptions) -> Report:
        self._require_usable()
        settings = self._require_own_settings("An ingest")
        from . import ingesting

        with failures.translate_all():
            return await asyncio.to_thread(ingesting.run, settings, paths, options)


def _fetch_pictures(url: str, image_ids: Sequence[UUID]) -> dict[UUID, bytes | ImageError]:
    """Fetch pictures synchronously, for a notebook: it renders a result when no task can run."""
    with failures.translate_all(), connection.connect_pinned(url, autocommit=True) as conn:
        return steps.run(conn, pictures.pictures(image_ids))
