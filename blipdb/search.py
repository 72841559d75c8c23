"""The SQL functions as Python calls: the same names and arguments, typed results.

    with blipdb.database.connection.connect(url) as conn:
        for hit in blipdb.search.search(conn, "red bicycle"):
            print(hit.score, hit.uri)

Each call is one statement on the connection that is passed in; transactions are the caller's. An
argument that is None is left out, so that the function's own default holds. What the database
refuses is raised as a `BlipdbError` with the database's own words.

An application rather has `blipdb.connect`, which pools connections, and serves servers without
these functions, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from .client import arguments
from .client.results import Caption, Count, Failed, Hit
from .client.server import Server
from .database import steps
from .database.failures import refusals
from .database.steps import Steps
from .types import Connection

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Caption",
    "Count",
    "Failed",
    "Hit",
    "add",
    "answer",
    "caption",
    "captions",
    "embed",
    "failures",
    "match",
    "refusals",
    "rerank",
    "search",
    "similar",
    "status",
]

T = TypeVar("T")

_server = Server()


def search(
    conn: Connection,
    query: str | bytes,
    k: int = 10,
    *,
    candidates: int | None = None,
    filter: Mapping[str, Any] | None = None,
    within: Sequence[UUID] | None = None,
    threshold: float | None = None,
    model: str | None = None,
) -> list[Hit]:
    """The ``k`` best images for a text, or for the bytes of an image file.

    Raises:
        UsageError: the query can't be read, or an argument is outside its limits.
        EngineError: the engine does not run, or is busy.
        DatabaseError: anything else that the database says.
    """
    return _run(
        conn,
        _server.search(query, arguments.scope(k, candidates, filter, within, threshold, model)),
    )


def similar(
    conn: Connection,
    image_id: UUID,
    k: int = 10,
    *,
    candidates: int | None = None,
    filter: Mapping[str, Any] | None = None,
    within: Sequence[UUID] | None = None,
    threshold: float | None = None,
    model: str | None = None,
) -> list[Hit]:
    """The ``k`` images most like a stored one, itself left out. Raises as `search` does."""
    return _run(
        conn,
        _server.similar(image_id, arguments.scope(k, candidates, filter, within, threshold, model)),
    )


def rerank(
    conn: Connection,
    query: str,
    image_ids: Sequence[UUID],
    k: int = 10,
    *,
    threshold: float | None = None,
    model: str | None = None,
) -> list[Hit]:
    """The ``k`` best of ``image_ids`` for a text. Raises as `search` does."""
    return _run(
        conn, _server.rerank(query, image_ids, arguments.scope(k, threshold=threshold, model=model))
    )


def embed(conn: Connection, query: str | bytes, *, model: str | None = None) -> NDArray[np.float32]:
    """The ITC vector of a text or of an image file's bytes: float32 [E], of length 1 but for the
    rounding to float16. Raises as `search` does."""
    return _run(conn, _server.embed(query, model=model))


def match(conn: Connection, image: UUID | bytes, query: str, *, model: str | None = None) -> float:
    """The ITM probability (0..1) that a text matches a stored image, or an image file's bytes.
    Raises as `search` does."""
    return _run(conn, _server.match(image, query, model=model))


def caption(
    conn: Connection,
    image: UUID | bytes,
    *,
    beams: int | None = None,
    max_tokens: int | None = None,
    nucleus: float | None = None,
    seed: int | None = None,
    model: str | None = None,
) -> str:
    """A caption for a stored image, or for an image file's bytes: by beam search, or sampled from
    the nucleus of that mass. Raises as `search` does."""
    return _run(
        conn,
        _server.caption(image, arguments.decoding(beams, max_tokens, nucleus, seed), model=model),
    )


def captions(conn: Connection, image_id: UUID) -> list[Caption]:
    """List the stored captions of an image with their scores. Raises as `search` does."""
    return _run(conn, _server.captions(image_id))


def answer(
    conn: Connection,
    image: UUID | bytes,
    question: str,
    *,
    among: Sequence[str] | None = None,
    model: str | None = None,
) -> str:
    """The answer to a question about a stored image, or an image file's bytes: in the model's own
    words, or the best one ``among`` these. Raises as `search` does."""
    return _run(conn, _server.answer(image, question, among=among, model=model))


def add(
    conn: Connection,
    image: bytes,
    *,
    uri: str | None = None,
    caption: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    space: str | None = None,
) -> UUID:
    """Store an image file's bytes and have them encoded by whoever runs jobs; safe to repeat.
    Raises as `search` does."""
    return _run(conn, _server.add(image, uri=uri, caption=caption, metadata=metadata, space=space))


def status(conn: Connection) -> list[Count]:
    """What is stored, and how far the work on it is."""
    return _run(conn, _server.status())


def failures(conn: Connection) -> list[Failed]:
    """What failed for good, and why; the newest first."""
    return _run(conn, _server.failures())


def _run(conn: Connection, operation: Steps[T]) -> T:
    with refusals():
        return steps.run(conn, operation)
