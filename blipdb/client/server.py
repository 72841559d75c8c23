"""The verbs as calls of the SQL functions: each is one statement.

Every argument is given, with its exact type: no other function in ``public`` can fit as well, so
that a connection with any search path calls ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from ..database.steps import Row, Steps, ask
from . import arguments
from .arguments import Decoding, Scope
from .results import Caption, Count, Failed, Hit

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Types of the functions' arguments: a Python number could be several of PostgreSQL's types.
_TEXT: LiteralString = "pg_catalog.text"
_TYPES: dict[str, LiteralString] = {
    "among": "pg_catalog.text[]",
    "beams": "integer",
    "candidates": "integer",
    "filter": "pg_catalog.jsonb",
    "image": "pg_catalog.bytea",
    "image_id": "pg_catalog.uuid",
    "image_ids": "pg_catalog.uuid[]",
    "itcs": "real[]",
    "k": "integer",
    "max_tokens": "integer",
    "metadata": "pg_catalog.jsonb",
    "nucleus": "double precision",
    "seed": "integer",
    "threshold": "double precision",
    "within": "pg_catalog.uuid[]",
}


class Server:
    """The SQL functions of a database, which are in the schema ``schema``."""

    one_statement = True

    def __init__(self, schema: str = "public") -> None:
        self._schema = schema

    def search(self, query: str | bytes, scope: Scope) -> Steps[list[Hit]]:
        values = _query(query) | _scope(scope)
        rows = yield from self._rows("blip_search", values)
        return [Hit(*row) for row in rows]

    def similar(self, image_id: UUID, scope: Scope) -> Steps[list[Hit]]:
        values = {"image_id": arguments.image_id(image_id)} | _scope(scope)
        rows = yield from self._rows("blip_similar", values)
        return [Hit(*row) for row in rows]

    def rerank(self, query: str, image_ids: Sequence[UUID], scope: Scope) -> Steps[list[Hit]]:
        values = {
            "query": arguments.text("query", query),
            "image_ids": arguments.image_ids("image_ids", image_ids),
            "k": scope.k,
            "threshold": scope.threshold,
            "model": scope.model,
            "itcs": None,
        }
        rows = yield from self._rows("blip_rerank", values)
        return [Hit(*row) for row in rows]

    def embed(self, query: str | bytes, *, model: str | None) -> Steps[npt.NDArray[np.float32]]:
        values = _query(query) | _model(model)
        vector = yield from self._value("blip_embed", values, cast="::real[]")
        import numpy as np  # here, as it takes as long to import as a search takes

        return np.array(vector, dtype=np.float32)

    def match(self, image: UUID | bytes, query: str, *, model: str | None) -> Steps[float]:
        values = _image(image) | {"query": arguments.text("query", query)} | _model(model)
        return float((yield from self._value("blip_match", values)))

    def caption(self, image: UUID | bytes, decoding: Decoding, *, model: str | None) -> Steps[str]:
        values = _image(image) | decoding._asdict() | _model(model)
        return str((yield from self._value("blip_caption", values)))

    def captions(self, image_id: UUID) -> Steps[list[Caption]]:
        rows = yield from self._rows("blip_captions", {"image_id": arguments.image_id(image_id)})
        return [Caption(*row) for row in rows]

    def answer(
        self,
        image: UUID | bytes,
        question: str,
        *,
        among: Sequence[str] | None,
        model: str | None,
    ) -> Steps[str]:
        values = {
            **_image(image),
            "question": arguments.text("question", question),
            "among": arguments.optional(arguments.texts, "among", among),
            **_model(model),
        }
        return str((yield from self._value("blip_answer", values)))

    def add(
        self,
        image: bytes,
        *,
        uri: str | None,
        caption: str | None,
        metadata: Mapping[str, Any] | None,
        space: str | None,
    ) -> Steps[UUID]:
        values = {
            "image": arguments.content(image),
            "uri": arguments.optional(arguments.text, "uri", uri),
            "caption": arguments.optional(arguments.text, "caption", caption),
            "metadata": Jsonb(arguments.optional(arguments.mapping, "metadata", metadata) or {}),
            "space": arguments.optional(arguments.text, "space", space) or "",
        }
        image_id = yield from self._value("blip_add", values)
        assert isinstance(image_id, UUID)
        return image_id

    def status(self) -> Steps[list[Count]]:
        rows = yield from self._rows("blip_status", {})
        return [Count(*row) for row in rows]

    def failures(self) -> Steps[list[Failed]]:
        rows = yield from self._rows("blip_failures", {})
        return [Failed(*row) for row in rows]

    def _rows(self, function: LiteralString, values: Mapping[str, Any]) -> Steps[list[Row]]:
        return ask(*_call("SELECT * FROM {}({})", self._schema, function, values))

    def _value(
        self, function: LiteralString, values: Mapping[str, Any], *, cast: LiteralString = ""
    ) -> Steps[Any]:
        call = _call("SELECT {}({})" + cast, self._schema, function, values)
        ((value,),) = yield from ask(*call)
        return value


def _query(query: str | bytes) -> dict[str, Any]:
    content = arguments.query(query)
    return {"query" if isinstance(content, str) else "image": content}


def _image(image: UUID | bytes) -> dict[str, Any]:
    content = arguments.image(image)
    return {"image_id" if isinstance(content, UUID) else "image": content}


def _model(model: str | None) -> dict[str, Any]:
    return {"model": arguments.optional(arguments.text, "model", model)}


def _scope(scope: Scope) -> dict[str, Any]:
    """Return a search's arguments, with the filter as JSON."""
    return scope._asdict() | {"filter": None if scope.filter is None else Jsonb(scope.filter)}


def _call(
    template: LiteralString, schema: str, function: LiteralString, values: Mapping[str, Any]
) -> tuple[sql.Composed, list[Any]]:
    """Build the call with all of the function's arguments, by name."""
    parts = [
        sql.SQL("{} => %s::" + _TYPES.get(name, _TEXT)).format(sql.Identifier(name))
        for name in values
    ]
    call = sql.SQL(template).format(sql.Identifier(schema, function), sql.SQL(", ").join(parts))
    return call, list(values.values())
