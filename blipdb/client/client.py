"""The client: each method is the SQL function of its name, on every server alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, Unpack
from uuid import UUID

import psycopg

from ..database import failures as outages
from ..database import steps
from ..database.steps import Steps
from ..errors import ImageError
from . import arguments, modes, pictures
from .base import Base, Options
from .hits import Hits
from .results import Caption, Count, Failed, Image
from .verbs import Verbs

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..ingest.run import Report
    from .ingesting import Options as IngestOptions

T = TypeVar("T")


class Source(Protocol):
    """Where connections come from."""

    def use(
        self, *, writes: bool, whole: bool
    ) -> AbstractContextManager[psycopg.Connection[Any]]: ...

    def close(self) -> None: ...


class Client(Base[Source]):
    """Made by `blipdb.connect`. Its methods may be called from any thread.

    All raise:
        UsageError: an argument makes no sense, or the client is closed.
        DatabaseError: the database can't be reached, or refuses us, or is of another version.
        EngineError: the server's engine does not run, or is busy.
        ModelError: the client computes itself, and a model's files are not on this machine.
    """

    def __init__(self, options: Options, source: Callable[[], Source]) -> None:
        super().__init__(options)
        self._make_source = source

    def search(
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
        """The ``k`` best images for a text, or for the bytes of an image file.

        Args:
            candidates: how many images the match head looks at, up to 1000; default 32, or k.
            filter: what their metadata must hold.
            within: only these images.
            threshold: the least match probability; of an image as the query, the least cosine.
            model: a registered model; default: the one that is active for retrieval.
        """
        scope = arguments.scope(k, candidates, filter, within, threshold, model)
        return self._hits(lambda verbs: verbs.search(query, scope))

    def similar(
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
        """The ``k`` images most like a stored one, itself left out; arguments as of `search`."""
        scope = arguments.scope(k, candidates, filter, within, threshold, model)
        return self._hits(lambda verbs: verbs.similar(image_id, scope))

    def rerank(
        self,
        query: str,
        image_ids: Sequence[UUID],
        k: int = 10,
        *,
        threshold: float | None = None,
        model: str | None = None,
    ) -> Hits:
        """The ``k`` best of ``image_ids`` (at most 1000) for a text."""
        scope = arguments.scope(k, threshold=threshold, model=model)
        return self._hits(lambda verbs: verbs.rerank(query, image_ids, scope))

    def embed(self, query: str | bytes, *, model: str | None = None) -> npt.NDArray[np.float32]:
        """The ITC vector of a text or of an image file's bytes: float32 [E], of length 1 but for
        the rounding to float16."""
        return self._run(lambda verbs: verbs.embed(query, model=model))

    def match(self, image: UUID | bytes, query: str, *, model: str | None = None) -> float:
        """The probability (0..1) that a text matches a stored image, or an image file's bytes."""
        return self._run(lambda verbs: verbs.match(image, query, model=model))

    def caption(
        self,
        image: UUID | bytes,
        *,
        beams: int | None = None,
        max_tokens: int | None = None,
        nucleus: float | None = None,
        seed: int | None = None,
        model: str | None = None,
    ) -> str:
        """A caption for a stored image, or for an image file's bytes: by beam search, or sampled
        from the nucleus of that mass."""
        decoding = arguments.decoding(beams, max_tokens, nucleus, seed)
        return self._run(lambda verbs: verbs.caption(image, decoding, model=model))

    def captions(self, image_id: UUID) -> list[Caption]:
        """List the stored captions of an image with their scores, best first."""
        return self._run(lambda verbs: verbs.captions(image_id))

    def answer(
        self,
        image: UUID | bytes,
        question: str,
        *,
        among: Sequence[str] | None = None,
        model: str | None = None,
    ) -> str:
        """The answer to a question about a stored image, or an image file's bytes: in the model's
        own words, or the best one ``among`` these."""
        return self._run(lambda verbs: verbs.answer(image, question, among=among, model=model))

    def add(
        self,
        image: bytes,
        *,
        uri: str | None = None,
        caption: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        space: str | None = None,
    ) -> UUID:
        """Store an image file's bytes, to be encoded by whoever runs jobs; safe to repeat.

        On an app's connection, it is stored when the app commits.
        """
        return self._run(
            lambda verbs: verbs.add(
                image, uri=uri, caption=caption, metadata=metadata, space=space
            ),
            writes=True,
        )

    def ingest(self, *paths: str | Path, **options: Unpack[IngestOptions]) -> Report:
        """Bring in the images that ``paths`` (folders, files, globs) lead to, and have this process
        encode them.

        Args:
            space: whose images they are.
            captions: tables of captions (CSV, JSON, JSONL).
            caption: have the captioner write one for each image, too.
            store_content: keep the files' bytes in the database.
            retry: try refused files and parked jobs once more.
            scores: have the captions scored; else that is left for later.
            progress: called with how far it is.
        """
        self._require_usable()
        settings = self._settings_of_our_own("An ingest")
        from . import ingesting

        with outages.refusals():
            return ingesting.run(settings, paths, options)

    def status(self) -> list[Count]:
        """What is stored, and how far the work on it is."""
        return self._run(lambda verbs: verbs.status())

    def failures(self) -> list[Failed]:
        """What failed for good, and why; the newest first."""
        return self._run(lambda verbs: verbs.failures())

    def image(self, image_id: UUID) -> Image:
        """What is stored about an image."""
        return self._run(lambda _: pictures.image(image_id))

    def pictures(self, image_ids: Sequence[UUID]) -> dict[UUID, bytes]:
        """A JPEG of at most 320 pixels a side of each image that is stored, or whose file is on
        this machine."""
        found = self._seen(image_ids)
        return {id: seen for id, seen in found.items() if isinstance(seen, bytes)}

    def close(self) -> None:
        """Close the client's own connections; an app's stay open. Safe to repeat."""
        with self._lock:
            source, self._source, self._is_closed = self._source, None, True
        if source is not None:
            source.close()

    def __enter__(self) -> Self:
        if self._options.url is not None:
            with outages.refusals():  # what is wrong with the server is said here
                self._look(self._connections())
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hits(self, make: Callable[[Verbs], Steps[Any]]) -> Hits:
        return Hits(self._run(make), self._seen)

    def _seen(self, image_ids: Sequence[UUID]) -> dict[UUID, bytes | ImageError]:
        return self._run(lambda _: pictures.pictures(image_ids))

    def _run(self, make: Callable[[Verbs], Steps[T]], *, writes: bool = False) -> T:
        with outages.refusals():
            source = self._connections()
            verbs = self._verbs or self._look(source)
            with source.use(writes=writes, whole=not verbs.one_statement) as conn:
                return steps.run(conn, make(verbs))

    def _connections(self) -> Source:
        self._require_usable()
        with self._lock:
            if self._source is None:
                self._source = self._make_source()
            return self._source

    def _look(self, source: Source) -> Verbs:
        options = self._options
        with source.use(writes=False, whole=False) as conn:
            self._verbs = steps.run(conn, modes.choose(options.settings, options.inference, conn))
        return self._verbs
