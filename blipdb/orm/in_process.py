"""Searches computed in this process, for servers without an engine.

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
from ..client.local import Candidates, Local, candidates, choose, say_short, vector_literal
from ..client.results import Hit
from ..database.steps import Steps, ask
from ..errors import UsageError
from ..registry import Model
from . import placeholders

HINT = "A server with blipdb's functions can do it; see blipdb init."
_STAGE_WITH_CTES = Template("WITH $recursive$ctes SELECT s.* FROM ($stage) AS s")
_HITS_TABLE = (
    "(SELECT r.* FROM unnest(%({0}_ids)s::uuid[], %({0}_uris)s::text[], %({0}_captions)s::text[],"
    " %({0}_scores)s::real[], %({0}_itms)s::real[], %({0}_itcs)s::real[])"
    " AS r (image_id, uri, caption, score, itm, itc))"
)


def answer(
    statement: str, parameters: Mapping[str, Any], ctes: Mapping[Any, str], pgvector: str
) -> Steps[tuple[str, Mapping[str, Any]]]:
    """Run a statement's searches, and return it with their hits, and its parameters.

    Args:
        statement: the compiled SQL.
        parameters: its parameters.
        ctes: texts of the statement's CTEs, by their elements.
        pgvector: the schema of that extension.

    Raises:
        UsageError: a search depends on rows of an outer SELECT, or on data that the statement
            changes, or its values are no parameters.
    """
    local = Local(shared(settings.load()), "blip")
    values = dict(parameters)
    texts = dict(ctes)
    number = 0
    while (block := placeholders.first_search(statement)) is not None:
        before = [(cte, text) for cte, text in texts.items() if placeholders.MARK not in text]
        hits = yield from _search(local, block, values, before, pgvector)
        name = f"blip_found_{number}"
        number += 1
        values |= _columns(name, hits)
        replaced = _HITS_TABLE.format(name)
        statement = statement.replace(block.text, replaced)
        texts = {cte: text.replace(block.text, replaced) for cte, text in texts.items()}
    return statement, values


def _search(
    local: Local,
    block: placeholders.Block,
    values: Mapping[str, Any],
    ctes: Sequence[tuple[Any, str]],
    pgvector: str,
) -> Steps[list[Hit]]:
    if not block.names:
        raise UsageError("The values of a search are written into the statement.", HINT)
    arguments = {name: values[key] for name, key in block.names.items()}
    query: str | bytes = (
        arguments["query"] if "query" in arguments else _content(arguments["image"])
    )
    k, threshold = arguments["k"], arguments.get("threshold")
    model, _ = yield from choose(block.model, "retrieval")
    vector = vector_literal((yield from local.vector(model, query)))
    if block.recall is None:
        shortlist = yield from candidates(model, vector, k, arguments["candidates"])
    else:
        stage = _first_stage(model, block.recall, vector, values, pgvector)
        shortlist = yield from _recalled(stage, values, ctes, block.is_correlated)
        yield from say_short(model, shortlist, k)
    return (yield from local.ranked(model, query, shortlist, k, threshold))


def _first_stage(
    model: Model, recall: str, vector: str, values: Mapping[str, Any], pgvector: str
) -> str:
    """Insert the model and the query's vector into a statement's first stage."""
    schema = sql.Identifier(pgvector).as_string().replace("%", "%%")
    model_values = placeholders.ModelValues(
        str(model.model_id), str(model.itc_dims), schema, "NULL"
    )
    stage = placeholders.fill(recall, values, lambda _: model_values)
    return placeholders.with_vector(stage, f"'{vector}'::{schema}.halfvec({model.itc_dims})")


def _content(image: bytes | psycopg.Binary) -> bytes:
    """Unwrap the bytes that SQLAlchemy hands to the driver."""
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
        text = _STAGE_WITH_CTES.substitute(recursive=recursive, ctes=named, stage=text)
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


def _columns(name: str, hits: Sequence[Hit]) -> dict[str, list[Any]]:
    return {
        f"{name}_{column}s": [getattr(hit, field) for hit in hits]
        for column, field in (
            ("id", "image_id"),
            ("uri", "uri"),
            ("caption", "caption"),
            ("score", "score"),
            ("itm", "itm"),
            ("itc", "itc"),
        )
    }
