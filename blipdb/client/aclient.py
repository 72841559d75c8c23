"""The asynchronous client, with a method for each SQL function, on servers without them, too.

`client` is generated from this module by ``python -m tests.house.async_to_sync``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack
from uuid import UUID

from . import arguments, pictures
from .drivers import AsyncDriver
from .hits import Hits
from .results import Caption, Count, Failed, Image

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ..ingest.run import Report
    from .ingesting import IngestOptions


class AsyncClient(AsyncDriver):
    """An asynchronous client of one database, made by `blipdb.aconnect`.

    It belongs to the event loop that first uses it, and computes in threads. A task that is
    cancelled ends its operation, but for an ingest, which runs to its end.

    All methods raise:
        UsageError: an argument makes no sense, or the client is closed.
        DatabaseError: the database can't be reached, or refuses us, or is of another version.
        EngineError: the server's engine does not run, or is busy.
        ModelError: the client computes itself, and a model's files are not on this machine.
    """

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
        """Return the ``k`` images most similar to a stored one, excluding it.

        Args:
            image_id: the stored image.
            k, candidates, filter, within, threshold, model: as for `search`.
        """
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
        """Return the ``k`` best of the given images for a text.

        Args:
            query: the text.
            image_ids: the images to rank, at most 1000.
            k, threshold, model: as for `search`.
        """
        scope = arguments.scope(k, threshold=threshold, model=model)
        return await self._hits(lambda verbs: verbs.rerank(query, image_ids, scope))

    async def embed(
        self, query: str | bytes, *, model: str | None = None
    ) -> npt.NDArray[np.float32]:
        """Return the ITC vector of a text or of an image file's bytes: float32 [E], L2-normalised
        before it was rounded to float16."""
        return await self._run(lambda verbs: verbs.embed(query, model=model))

    async def match(self, image: UUID | bytes, query: str, *, model: str | None = None) -> float:
        """Return the probability (0..1) that a text matches an image.

        Args:
            image: the id of a stored image, or an image file's bytes.
            query: the text.
            model: the name of a registered model with a match head.
        """
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
        return await self._run(lambda verbs: verbs.caption(image, decoding, model=model))

    async def captions(self, image_id: UUID) -> list[Caption]:
        """List the stored captions of an image with their scores, best first."""
        return await self._run(lambda verbs: verbs.captions(image_id))

    async def answer(
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
        """Store an image file's bytes, enqueue its encoding, and return its id. Idempotent.

        On an app's connection, it is stored when the app commits.

        Args:
            image: the bytes of an image file.
            uri: a path or URL where the image was seen.
            caption: a text that came along with it.
            metadata: a JSON object, merged into the metadata of an image that is there.
            space: the tenant that the image belongs to; default: ''.
        """
        return await self._run(
            lambda verbs: verbs.add(
                image, uri=uri, caption=caption, metadata=metadata, space=space
            ),
            writes=True,
        )

    async def ingest(self, *paths: str | Path, **options: Unpack[IngestOptions]) -> Report:
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
        return await self._ingest(paths, options)

    async def status(self) -> list[Count]:
        """Count stored rows and jobs by state."""
        return await self._run(lambda verbs: verbs.status())

    async def failures(self) -> list[Failed]:
        """List permanent failures with their reasons, newest first."""
        return await self._run(lambda verbs: verbs.failures())

    async def image(self, image_id: UUID) -> Image:
        """Return a stored image's metadata, places and captions."""
        return await self._run(lambda _: pictures.image(image_id))

    async def pictures(self, image_ids: Sequence[UUID]) -> dict[UUID, bytes]:
        """Return JPEGs of at most 320 pixels a side, of images whose content is stored or whose
        file is on this machine; others are left out."""
        previews = await self._run(lambda _: pictures.pictures(image_ids))
        return {id: picture for id, picture in previews.items() if isinstance(picture, bytes)}
