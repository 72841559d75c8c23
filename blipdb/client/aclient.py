"""The asynchronous client: the methods of `Client`, for the tasks of one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, Unpack
from uuid import UUID

import psycopg

from ..database import connection, failures, steps
from ..database.steps import Steps
from ..errors import ImageError, UsageError
from . import arguments, modes, pictures
from .base import ClientBase, ClientOptions
from .hits import Hits
from .results import Caption, Count, Failed, Image
from .verbs import Verbs

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..ingest.run import Report
    from .ingesting import IngestOptions

T = TypeVar("T")


class AsyncConnectionSource(Protocol):
    """A source of connections: a pool, or an app's own connection."""

    def use(
        self, *, writes: bool, whole: bool
    ) -> AbstractAsyncContextManager[psycopg.AsyncConnection[Any]]: ...

    async def close(self) -> None: ...


class AsyncClient(ClientBase[AsyncConnectionSource]):
    """An asynchronous client of one database, made by `blipdb.aconnect`.

    It belongs to the event loop that first uses it, and computes in threads. Methods, arguments and
    errors are those of `Client`.
    """

    def __init__(self, options: ClientOptions, source: Callable[[], AsyncConnectionSource]) -> None:
        super().__init__(options)
        self._make_source = source
        self._loop: asyncio.AbstractEventLoop | None = None

    async def search(
        self,
        query: str | bytes,
        k: int = 10,
        *,
        candidates: int | None = None,
        filter: Mapping[str, Any] | None = None,
        within: Sequence[UUID] | None = None,
        threshold: float | None = None,
        model: str | None = None,
    ) -> Hits:
        """As `Client.search`."""
        scope = arguments.scope(k, candidates, filter, within, threshold, model)
        return await self._hits(lambda verbs: verbs.search(query, scope))

    async def similar(
        self,
        image_id: UUID,
        k: int = 10,
        *,
        candidates: int | None = None,
        filter: Mapping[str, Any] | None = None,
        within: Sequence[UUID] | None = None,
        threshold: float | None = None,
        model: str | None = None,
    ) -> Hits:
        """As `Client.similar`."""
        scope = arguments.scope(k, candidates, filter, within, threshold, model)
        return await self._hits(lambda verbs: verbs.similar(image_id, scope))

    async def rerank(
        self,
        query: str,
        image_ids: Sequence[UUID],
        k: int = 10,
        *,
        threshold: float | None = None,
        model: str | None = None,
    ) -> Hits:
        """As `Client.rerank`."""
        scope = arguments.scope(k, threshold=threshold, model=model)
        return await self._hits(lambda verbs: verbs.rerank(query, image_ids, scope))

    async def embed(
        self, query: str | bytes, *, model: str | None = None
    ) -> npt.NDArray[np.float32]:
        """As `Client.embed`."""
        return await self._run(lambda verbs: verbs.embed(query, model=model))

    async def match(self, image: UUID | bytes, query: str, *, model: str | None = None) -> float:
        """As `Client.match`."""
        return await self._run(lambda verbs: verbs.match(image, query, model=model))

    async def caption(
        self,
        image: UUID | bytes,
        *,
        beams: int | None = None,
        max_tokens: int | None = None,
        nucleus: float | None = None,
        seed: int | None = None,
        model: str | None = None,
    ) -> str:
        """As `Client.caption`."""
        decoding = arguments.decoding(beams, max_tokens, nucleus, seed)
        return await self._run(lambda verbs: verbs.caption(image, decoding, model=model))

    async def captions(self, image_id: UUID) -> list[Caption]:
        """As `Client.captions`."""
        return await self._run(lambda verbs: verbs.captions(image_id))

    async def answer(
        self,
        image: UUID | bytes,
        question: str,
        *,
        among: Sequence[str] | None = None,
        model: str | None = None,
    ) -> str:
        """As `Client.answer`."""
        return await self._run(
            lambda verbs: verbs.answer(image, question, among=among, model=model)
        )

    async def add(
        self,
        image: bytes,
        *,
        uri: str | None = None,
        caption: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        space: str | None = None,
    ) -> UUID:
        """As `Client.add`."""
        return await self._run(
            lambda verbs: verbs.add(
                image, uri=uri, caption=caption, metadata=metadata, space=space
            ),
            writes=True,
        )

    async def ingest(self, *paths: str | Path, **options: Unpack[IngestOptions]) -> Report:
        """As `Client.ingest`, in a thread, from which ``progress`` is called. It runs to its
        end even if the task that awaits it is cancelled."""
        self._require_usable()
        settings = self._require_own_settings("An ingest")
        from . import ingesting

        with failures.translate_all():
            return await asyncio.to_thread(ingesting.run, settings, paths, options)

    async def status(self) -> list[Count]:
        """As `Client.status`."""
        return await self._run(lambda verbs: verbs.status())

    async def failures(self) -> list[Failed]:
        """As `Client.failures`."""
        return await self._run(lambda verbs: verbs.failures())

    async def image(self, image_id: UUID) -> Image:
        """As `Client.image`."""
        return await self._run(lambda _: pictures.image(image_id))

    async def pictures(self, image_ids: Sequence[UUID]) -> dict[UUID, bytes]:
        """As `Client.pictures`."""
        found = await self._run(lambda _: pictures.pictures(image_ids))
        return {id: picture for id, picture in found.items() if isinstance(picture, bytes)}

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
            chosen = modes.choose(options.settings, options.inference, conn)
            self._verbs = await steps.arun(conn, chosen)
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


def _fetch_pictures(url: str, image_ids: Sequence[UUID]) -> dict[UUID, bytes | ImageError]:
    """Fetch pictures synchronously, for a notebook: it renders a result when no task can run."""
    with failures.translate_all(), connection.connect_pinned(url, autocommit=True) as conn:
        return steps.run(conn, pictures.pictures(image_ids))
