"""The SQL functions as Python calls: the same names and arguments, typed results.

    with blipdb.database.connect(url) as conn:
        for hit in blipdb.search.search(conn, "red bicycle"):
            print(hit.score, hit.uri)

Each call is one statement on the connection that is passed in; transactions are the caller's. An
argument that is None is left out, so that the function's own default holds. What the database
refuses is raised as a `BlipdbError` with the database's own words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, LiteralString, TypeVar
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import BaseRowFactory, class_row, scalar_row
from psycopg.types.json import Jsonb

from .errors import BlipdbError, DatabaseError, EngineError, UsageError
from .outages import explained

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Connection = psycopg.Connection[Any]
Row = TypeVar("Row")

# Of the functions' arguments: a Python number alone could be several of PostgreSQL's types.
_TYPES: dict[str, LiteralString] = {
    "among": "text[]",
    "beams": "integer",
    "candidates": "integer",
    "filter": "jsonb",
    "image": "bytea",
    "image_id": "uuid",
    "image_ids": "uuid[]",
    "k": "integer",
    "max_tokens": "integer",
    "metadata": "jsonb",
    "nucleus": "double precision",
    "seed": "integer",
    "threshold": "double precision",
    "within": "uuid[]",
}


@dataclass(frozen=True)
class Hit:
    """One image that a search found.

    Hits are ordered by ``score``: the logit of ``itm`` plus ``itc``. ``itm`` is the probability
    (0..1) that image and text match, ``itc`` the cosine (-1..1) of their vectors. For an image as
    the query there is no ``itm``, and ``score`` is ``itc``.
    """

    image_id: UUID
    uri: str | None
    caption: str | None
    score: float
    itm: float | None
    itc: float


@dataclass(frozen=True)
class Count:
    """A line of `status`: how many of ``what``, with which model, are in ``state``."""

    what: str
    model: str | None
    state: str
    count: int


@dataclass(frozen=True)
class Failed:
    """A line of `failures`: a file that is no image to us, or a job that was given up."""

    uri: str | None
    image_id: UUID | None
    stage: str
    model: str | None
    reason: str
    attempts: int
    failed_at: datetime


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
    arguments = {
        "query" if isinstance(query, str) else "image": query,
        "k": k,
        "candidates": candidates,
        "filter": None if filter is None else Jsonb(filter),
        "within": None if within is None else list(within),
        "threshold": threshold,
        "model": model,
    }
    return _call(conn, "blip_search", arguments, class_row(Hit))


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
    arguments = {
        "query": query,
        "image_ids": list(image_ids),
        "k": k,
        "threshold": threshold,
        "model": model,
    }
    return _call(conn, "blip_rerank", arguments, class_row(Hit))


def embed(conn: Connection, query: str | bytes, *, model: str | None = None) -> NDArray[np.float32]:
    """The ITC vector of a text or of an image file's bytes: float32 [E], of length 1 but for the
    rounding to float16. Raises as `search` does."""
    arguments = {"query" if isinstance(query, str) else "image": query, "model": model}
    import numpy as np  # here, as it takes as long to import as a search takes

    vector = _scalar(conn, "blip_embed", arguments, cast="::real[]")
    return np.array(vector, dtype=np.float32)


def match(conn: Connection, image: UUID | bytes, query: str, *, model: str | None = None) -> float:
    """The ITM probability (0..1) that a text matches a stored image, or an image file's bytes.
    Raises as `search` does."""
    name = "image_id" if isinstance(image, UUID) else "image"
    return float(_scalar(conn, "blip_match", {name: image, "query": query, "model": model}))


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
    arguments = {
        "image_id" if isinstance(image, UUID) else "image": image,
        "beams": beams,
        "max_tokens": max_tokens,
        "nucleus": nucleus,
        "seed": seed,
        "model": model,
    }
    return str(_scalar(conn, "blip_caption", arguments))


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
    arguments = {
        "image_id" if isinstance(image, UUID) else "image": image,
        "question": question,
        "among": None if among is None else list(among),
        "model": model,
    }
    return str(_scalar(conn, "blip_answer", arguments))


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
    arguments = {
        "image": image,
        "uri": uri,
        "caption": caption,
        "metadata": None if metadata is None else Jsonb(metadata),
        "space": space,
    }
    image_id = _scalar(conn, "blip_add", arguments)
    assert isinstance(image_id, UUID)
    return image_id


def status(conn: Connection) -> list[Count]:
    """What is stored, and how far the work on it is."""
    return _call(conn, "blip_status", {}, class_row(Count))


def failures(conn: Connection) -> list[Failed]:
    """What failed for good, and why; the newest first."""
    return _call(conn, "blip_failures", {}, class_row(Failed))


def _call(
    conn: Connection, function: str, arguments: Mapping[str, Any], row: BaseRowFactory[Row]
) -> list[Row]:
    statement, values = _statement("SELECT * FROM {}({})", function, arguments)
    with refusals(), conn.cursor(row_factory=row) as cursor:
        return cursor.execute(statement, values).fetchall()


def _scalar(
    conn: Connection, function: str, arguments: Mapping[str, Any], *, cast: LiteralString = ""
) -> Any:
    statement, values = _statement("SELECT {}({})" + cast, function, arguments)
    with refusals(), conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(statement, values).fetchone()


def _statement(
    template: LiteralString, function: str, arguments: Mapping[str, Any]
) -> tuple[sql.Composed, list[Any]]:
    """The call with the arguments that are given, by name."""
    given = {name: value for name, value in arguments.items() if value is not None}
    named = [
        sql.SQL("{} => %s::" + _TYPES.get(name, "text")).format(sql.Identifier(name))
        for name in given
    ]
    parts = sql.Identifier(function), sql.SQL(", ").join(named)
    return sql.SQL(template).format(*parts), list(given.values())


@contextmanager
def refusals() -> Iterator[None]:
    """Raise what the database refuses as the `BlipdbError` that it is, in the database's words."""
    with explained():
        try:
            yield
        except psycopg.Error as error:
            if (kind := _kind(error)) is None:
                raise
            detail = error.diag.message_detail
            sentence = (error.diag.message_primary or "") + (f" ({detail})" if detail else "")
            raise kind(sentence, error.diag.message_hint) from error


def _kind(error: psycopg.Error) -> type[BlipdbError] | None:
    """By SQLSTATE; None where the server is in trouble, or gone, and `explained` knows more."""
    state = error.sqlstate or ""
    if state.startswith("22"):  # data exception: an argument
        return UsageError
    if state.startswith("08") or state in ("53200", "53400"):  # not there, or too busy
        return EngineError
    if not state or state == "53100" or state.startswith("57"):
        return None
    return DatabaseError
