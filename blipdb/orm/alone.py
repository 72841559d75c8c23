"""Searches on a server whose functions ask no engine: this process computes.

Each search of a statement is answered before the statement runs: its first stage on the same
connection, as it is in the statement or by `blip._candidates`, then the rest by `Local`. The hits
replace the search.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Template
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.sql.dml import UpdateBase

from .. import settings
from ..client.inference import shared
from ..client.local import Candidates, Local, candidates, choose, say_short, written
from ..client.results import Hit
from ..database.steps import Steps, ask
from ..errors import UsageError
from ..registry import Model
from . import words

HINT = "A server with blipdb's functions can do it; see blipdb init."
_AMONG = Template("WITH $recursive$ctes SELECT s.* FROM ($stage) AS s")
_FOUND = (
    "(SELECT r.* FROM unnest(%({0}_ids)s::uuid[], %({0}_uris)s::text[], %({0}_captions)s::text[],"
    " %({0}_scores)s::real[], %({0}_itms)s::real[], %({0}_itcs)s::real[])"
    " AS r (image_id, uri, caption, score, itm, itc))"
)


def answer(
    statement: str, parameters: Mapping[str, Any], ctes: Mapping[Any, str], pgvector: str
) -> Steps[tuple[str, Mapping[str, Any]]]:
    """The statement with what its searches found, and its parameters.

    ctes: those of the statement, by their elements, as they are written in it.
    pgvector: the schema of that extension.

    Raises:
        UsageError: a search depends on rows of an outer SELECT, or on data that the statement
            changes, or its values are no parameters.
    """
    local = Local(shared(settings.load()), "blip")
    values = dict(parameters)
    written = dict(ctes)
    number = 0
    while (block := words.first_search(statement)) is not None:
        before = [(cte, text) for cte, text in written.items() if words.MARK not in text]
        found = yield from _search(local, block, values, before, pgvector)
        name = f"blip_found_{number}"
        number += 1
        values |= _columns(name, found)
        replaced = _FOUND.format(name)
        statement = statement.replace(block.text, replaced)
        written = {cte: text.replace(block.text, replaced) for cte, text in written.items()}
    return statement, values


def _search(
    local: Local,
    block: words.Block,
    values: Mapping[str, Any],
    ctes: Sequence[tuple[Any, str]],
    pgvector: str,
) -> Steps[list[Hit]]:
    if not block.names:
        raise UsageError("The values of a search are written into the statement.", HINT)
    given = {name: values[key] for name, key in block.names.items()}
    query: str | bytes = given["query"] if "query" in given else _content(given["image"])
    k, threshold = given["k"], given.get("threshold")
    model, _ = yield from choose(block.model, "retrieval")
    vector = written((yield from local.vector(model, query)))
    if block.recall is None:
        found = yield from candidates(model, vector, k, given["candidates"])
    else:
        stage = _first_stage(model, block.recall, vector, values, pgvector)
        found = yield from _recalled(stage, values, ctes, block.is_correlated)
        yield from say_short(model, found, k)
    return (yield from local.ranked(model, query, found, k, threshold))


def _first_stage(
    model: Model, recall: str, vector: str, values: Mapping[str, Any], pgvector: str
) -> str:
    """The first stage of a statement, with the model and the query's vector in it."""
    schema = sql.Identifier(pgvector).as_string().replace("%", "%%")
    known = words.Words(str(model.model_id), str(model.itc_dims), schema, "NULL")
    stage = words.fill(recall, values, lambda _: known)
    return words.with_vector(stage, f"'{vector}'::{schema}.halfvec({model.itc_dims})")


def _content(image: bytes | psycopg.Binary) -> bytes:
    """SQLAlchemy hands it to the driver in a wrapper."""
    return bytes(image.obj) if isinstance(image, psycopg.Binary) else image


def _recalled(
    text: str, values: Mapping[str, Any], ctes: Sequence[tuple[Any, str]], is_correlated: bool
) -> Steps[Candidates]:
    """Run a first stage beside the CTEs that the statement begins with; return its candidates."""
    if any(isinstance(cte.element, UpdateBase) for cte, _ in ctes):
        raise UsageError(
            "A search can't be made here beside data that its statement changes.", HINT
        )
    if ctes:
        recursive = "RECURSIVE " if any(cte.recursive for cte, _ in ctes) else ""
        named = ", ".join(text for _, text in ctes)
        text = _AMONG.substitute(recursive=recursive, ctes=named, stage=text)
    try:
        ((ids, itcs),) = yield from ask(text, values)
    except psycopg.errors.UndefinedTable as error:
        if not is_correlated:
            raise
        raise UsageError(
            "A search that depends on rows of an outer SELECT can't be made here:"
            f" {error.diag.message_primary}.",
            HINT,
        ) from error
    return Candidates(ids, itcs)


def _columns(name: str, found: Sequence[Hit]) -> dict[str, list[Any]]:
    return {
        f"{name}_{column}s": [getattr(hit, field) for hit in found]
        for column, field in (
            ("id", "image_id"),
            ("uri", "uri"),
            ("caption", "caption"),
            ("score", "score"),
            ("itm", "itm"),
            ("itc", "itc"),
        )
    }
