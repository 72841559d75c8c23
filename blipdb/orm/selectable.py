"""Image search as a FROM source, to join to an app's own tables.

    hits = search("red bicycle", k=20)
    affordable = (
        select(Product, hits.c.score)
        .join(hits, hits.c.image_id == Product.image_id)
        .where(Product.price < 20)
        .order_by(hits.c.score.desc())
    )

These are the best affordable products, and not the affordable ones among the best: the candidates
are recalled inside the FROM and WHERE of the SELECT that contains the search. `statement.py` writes
the SQL.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import index
from typing import Any, SupportsIndex

from sqlalchemy import Double, Integer, LargeBinary, Text, TypeDecorator, Uuid, bindparam, column
from sqlalchemy.dialects.postgresql import REAL
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.selectable import TableValuedAlias
from sqlalchemy.sql.sqltypes import TableValueType
from sqlalchemy.sql.visitors import InternalTraversal
from sqlalchemy.types import TypeEngine

from ..client import arguments
from ..errors import UsageError

MAX_HITS = 1000  # hits or candidates of one search, as the SQL functions have it
MIN_CANDIDATES = 32

COLUMNS: Mapping[str, TypeEngine[Any]] = {
    "image_id": Uuid(),
    "uri": Text(),
    "caption": Text(),
    "score": REAL(),
    "itm": REAL(),
    "itc": REAL(),
}

_ROW = TableValueType(*(column(name, type_) for name, type_ in COLUMNS.items()))


def search(
    query: str | bytes,
    k: int = 10,
    *,
    candidates: int | None = None,
    threshold: float | None = None,
    model: str | None = None,
) -> Hits:
    """Select the ``k`` best images for a text, or for the bytes of an image file.

    Its columns (``.c``) are those of `blip_search`: ``image_id, uri, caption, score, itm, itc``.
    The images are the best of those that the SELECT it is part of admits: by its joins and its
    WHERE, as far as these speak of ``image_id`` and of other tables. What they say of ``score`` and
    the other columns holds for the hits. Rows of a join are as many as it gives; ``k`` counts
    images.

    Args:
        query: a text, or the bytes of an image file.
        k: the number of images, 1 to 1000.
        candidates: the number of images to rerank, from ``k`` to 1000; default: the greater of 32
            and ``k``.
        threshold: the lowest match probability of a hit; if the query is an image, the lowest
            cosine.
        model: a registered model's name; default: the active one.

    The statement runs through ``postgresql+psycopg``, with a sync or an async engine.

    Raises:
        UsageError: ``k``, ``candidates``, ``threshold`` or the query's type is not as above.
            Other errors are raised when the statement runs, as a `BlipdbError`.
    """
    if not isinstance(query, (str, bytes)):
        raise UsageError(
            f"The query is of type {type(query).__name__}; it must be a text, or the bytes of an"
            " image file."
        )
    k = _within("k", k, 1)
    candidates = _within(
        "candidates", max(MIN_CANDIDATES, k) if candidates is None else candidates, k
    )
    threshold = arguments.optional(arguments.number, "threshold", threshold)
    return Search(query, k, candidates, threshold, model).hits()


def _within(name: str, value: SupportsIndex, least: int) -> int:
    try:
        number = index(value)
    except TypeError:
        number = 0
    if not least <= number <= MAX_HITS:
        raise UsageError(f"{name} must be between {least} and {MAX_HITS}, not {value!r}")
    return number


class Search(FunctionElement[Any]):
    """The search as an SQL function.

    Its values are bound parameters, so that the compiled statement is cached for all values. Their
    names and the model's name are part of the cache's key.
    """

    inherit_cache = True
    _traverse_internals = [  # noqa: RUF012 (SQLAlchemy reads it from the class)
        *FunctionElement._traverse_internals,
        ("model", InternalTraversal.dp_string),
        ("value_names", InternalTraversal.dp_string),
    ]

    def __init__(
        self,
        query: str | bytes,
        k: int,
        candidates: int,
        threshold: float | None,
        model: str | None,
    ) -> None:
        kind = "query" if isinstance(query, str) else "image"
        values = {kind: query, "k": k, "candidates": candidates, "threshold": threshold}
        binds = {
            name: bindparam(name, value, _TYPES[name], unique=True)
            for name, value in values.items()
            if value is not None
        }
        super().__init__(*binds.values())
        self.type = self._table_value_type = _ROW
        self.model = model
        self.value_names = " ".join(binds)

    def hits(self, name: str | None = None) -> Hits:
        """Return the search under a name, or under one that the compiler makes."""
        return Hits._construct(self, name=name, table_value_type=self.type)

    @property
    def values(self) -> Mapping[str, BindParameter[Any]]:
        """Bound parameters by name: query or image, k, candidates, and threshold if given."""
        return dict(zip(self.value_names.split(), self.clauses, strict=True))  # type: ignore[arg-type]


class _Threshold(TypeDecorator[float]):
    """A float parameter that also takes NumPy's numbers."""

    impl = Double
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Any) -> float | None:
        return None if value is None else float(value)


_TYPES: Mapping[str, Any] = {
    "query": Text(),
    "image": LargeBinary(),
    "k": Integer(),
    "candidates": Integer(),
    "threshold": _Threshold(),
}


class Hits(TableValuedAlias):
    """A search under a name. Its `alias` is the same search under another name."""

    inherit_cache = True
    element: Search

    def alias(self, name: str | None = None, flat: bool = False) -> Hits:
        return self.element.hits(name)
