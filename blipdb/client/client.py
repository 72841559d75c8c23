"""The synchronous client, with a method for each SQL function, on servers without them, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, Unpack
from uuid import UUID

import psycopg

from ..database import failures, steps
from ..database.steps import Steps
from ..errors import ImageError
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


class ConnectionSource(Protocol):
    """A source of connections: a pool, or an app's own connection."""

    def use(
        self, *, writes: bool, whole: bool
    ) -> AbstractContextManager[psycopg.Connection[Any]]: ...

    def close(self) -> None: ...


class Client(ClientBase[ConnectionSource]):
    """A client of one database, made by `blipdb.connect`. Safe to use from several threads.

    All methods raise:
        UsageError: an argument makes no sense, or the client is closed.
        DatabaseError: the database can't be reached, or refuses us, or is of another version.
        EngineError: the server's engine does not run, or is busy.
        ModelError: the client computes itself, and a model's files are not on this machine.
    """

    def __init__(self, options: ClientOptions, source: Callable[[], ConnectionSource]) -> None:
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
        """Return the ``k`` best images for a text, or for the bytes of an image file.

        Args:
            query: a text, or the bytes of an image file.
            k: the number of hits, 1 to 1000.
            candidates: the number of images that the match head reranks, up to 1000; default: the
                greater of 32 and ``k``.
            filter: a JSON object that the images' metadata must contain.
            within: the only images to consider.
            threshold: the lowest match probability of a hit; if the query is an image, the lowest
                cosine.
            model: the name of a registered model; default: the one active for retrieval.
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
        """Return the ``k`` images most similar to a stored one, excluding it.

        Args:
            image_id: the stored image.
            k, candidates, filter, within, threshold, model: as for `search`.
        """
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
        """Return the ``k`` best of the given images for a text.

        Args:
            query: the text.
            image_ids: the images to rank, at most 1000.
            k, threshold, model: as for `search`.
        """
        scope = arguments.scope(k, threshold=threshold, model=model)
        return self._hits(lambda verbs: verbs.rerank(query, image_ids, scope))

    def embed(self, query: str | bytes, *, model: str | None = None) -> npt.NDArray[np.float32]:
        """Return the ITC vector of a text or of an image file's bytes: float32 [E], L2-normalised
        before it was rounded to float16."""
        return self._run(lambda verbs: verbs.embed(query, model=model))

    def match(self, image: UUID | bytes, query: str, *, model: str | None = None) -> float:
        """Return the probability (0..1) that a text matches an image.

        Args:
            image: the id of a stored image, or an image file's bytes.
            query: the text.
            model: the name of a registered model with a match head.
        """
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
        """Generate a caption for a stored image, or for an image file's bytes.

        Args:
            image: the id of a stored image, or an image file's bytes.
            beams: the width of the beam search.
            max_tokens: the greatest length of the caption.
            nucleus: sample from the nucleus of this probability mass, instead of beam search.
            seed: of the sampling.
            model: the name of a registered model; default: the active captioner.
        """
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
        """Answer a question about a stored image, or about an image file's bytes.

        Args:
            image: the id of a stored image, or an image file's bytes.
            question: the question.
            among: the answers to choose from; default: the model's own words.
            model: the name of a registered model; default: the active answerer.
        """
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
        """Store an image file's bytes, enqueue its encoding, and return its id. Idempotent.

        On an app's connection, it is stored when the app commits.

        Args:
            image: the bytes of an image file.
            uri: a path or URL where the image was seen.
            caption: a text that came along with it.
            metadata: a JSON object, merged into the metadata of an image that is there.
            space: the tenant that the image belongs to; default: ''.
        """
        return self._run(
            lambda verbs: verbs.add(
                image, uri=uri, caption=caption, metadata=metadata, space=space
            ),
            writes=True,
        )

    def ingest(self, *paths: str | Path, **options: Unpack[IngestOptions]) -> Report:
        """Store images and encode them in this process.

        Args:
            paths: folders, files and globs.
            space: the tenant that the images belong to.
            captions: tables of captions (CSV, JSON, JSONL).
            caption: also generate a caption for each image.
            store_content: keep the files' bytes in the database.
            retry: retry refused files and parked jobs.
            scores: score the captions; otherwise that is left for later.
            progress: called with the state of the work.
        """
        self._require_usable()
        settings = self._require_own_settings("An ingest")
        from . import ingesting

        with failures.translate_all():
            return ingesting.run(settings, paths, options)

    def status(self) -> list[Count]:
        """Count stored rows and jobs by state."""
        return self._run(lambda verbs: verbs.status())

    def failures(self) -> list[Failed]:
        """List permanent failures with their reasons, newest first."""
        return self._run(lambda verbs: verbs.failures())

    def image(self, image_id: UUID) -> Image:
        """Return a stored image's metadata, places and captions."""
        return self._run(lambda _: pictures.image(image_id))

    def pictures(self, image_ids: Sequence[UUID]) -> dict[UUID, bytes]:
        """Return JPEGs of at most 320 pixels a side, of images whose content is stored or whose
        file is on this machine; others are left out."""
        found = self._fetch_pictures(image_ids)
        return {id: picture for id, picture in found.items() if isinstance(picture, bytes)}

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
