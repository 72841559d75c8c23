"""The first stage in the client: which model, and candidates by ITC cosine.

The same policy as of the SQL function `blip._recall`, with the same statements: see there for its
reasons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

from psycopg import sql
from psycopg.types.json import Jsonb

from ..database.steps import Steps, ask
from ..errors import DatabaseError, UsageError
from ..registry import Model

COUNTABLE = 20_000  # rows that take less time to compare than to misjudge

_CHOOSE: LiteralString = """
    SELECT m.model_id, m.name, m.digest, m.roles, m.image_size, m.itc_dims, m.token_count,
           m.token_width, m.max_tokens, m.merged, m.knows
    FROM blip.models m
    LEFT JOIN blip.active_models a ON a.model_id = m.model_id AND a.role = %s
    WHERE %s = ANY (m.roles)
      AND CASE WHEN %s::text IS NULL THEN a.role IS NOT NULL ELSE m.name = %s END
    ORDER BY a.role IS NULL, m.created_at DESC, m.model_id DESC
    LIMIT 1
"""


def choose(wanted: str | None, role: str) -> Steps[Model]:
    """The registered model of that name, else the one that is active in the role.

    Raises:
        UsageError: there is none of that name.
        DatabaseError: none is active.
    """
    rows = yield from ask(_CHOOSE, [role, role, wanted, wanted])
    if rows:
        return Model(*[*rows[0], []])
    names = yield from ask(
        "SELECT DISTINCT name FROM blip.models WHERE %s = ANY (roles) ORDER BY name", [role]
    )
    registered = f"Registered: {', '.join(name for (name,) in names)}" if names else None
    if wanted is not None:
        raise UsageError(
            f"no model {quoted(wanted)} with the role {quoted(role)} is registered",
            registered or "None is. Add one with: blipdb models add",
        )
    raise DatabaseError(
        f"no model is active in the role {quoted(role)}",
        f"{registered}. Activate one with: blipdb models activate"
        if registered
        else "None is registered. Add one with: blipdb models add",
    )


def quoted(text: str) -> str:
    """As PostgreSQL's format() writes %L."""
    return "'" + text.replace("'", "''") + "'"


class Candidates(NamedTuple):
    """Images near to a query, nearest first, with their cosines."""

    image_ids: list[UUID]
    itcs: list[float]


def recall(
    model: Model,
    pgvector: str,
    vector: str,
    wanted: int,
    filter: dict[str, Any] | None,
    within: Sequence[UUID] | None,
) -> Steps[Candidates]:
    """The images nearest to a vector (in pgvector's notation), of those that are admitted.

    To be run in a transaction that is rolled back: it sets parameters until then. ``pgvector`` is
    the schema of that extension.
    """
    ((is_guarded, *_),) = yield from ask(
        # With schemas: the search path is the connection's own until then.
        "SELECT pg_catalog.row_security_active('blip.images'),"
        " pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),"
        " pg_catalog.set_config('jit', 'off', true),"
        " pg_catalog.set_config('hnsw.iterative_scan', 'relaxed_order', true),"
        " pg_catalog.set_config('hnsw.ef_search', %s, true)",
        [str(min(1000, max(128, 4 * wanted)))],
    )
    narrowing = filter is not None or within is not None or is_guarded
    admitted = sql.Composed([])
    if within is not None:
        admitted += sql.SQL(" AND i.image_id = ANY (%(within)s)")
    if filter is not None:
        admitted += sql.SQL(" AND i.metadata @> %(filter)s")
    values = {"vector": vector, "within": within, "filter": Jsonb(filter)}
    found = Candidates([], [])
    if not (narrowing and (yield from _is_few(admitted, values))):
        statement = nearest(model, pgvector, wanted, admitted, narrowing=narrowing, exact=False)
        found = yield from _candidates(statement, values)
    if len(found.image_ids) < wanted:
        statement = nearest(model, pgvector, wanted, admitted, narrowing=narrowing, exact=True)
        found = yield from _candidates(statement, values)
    return found


def _is_few(admitted: sql.Composed, values: Mapping[str, Any]) -> Steps[bool]:
    """Whether filter, within and policies together admit at most 20,000 images."""
    if values["within"] is not None and len(values["within"]) <= COUNTABLE:
        return True
    statement = sql.SQL(
        "SELECT count(*) <= {most} FROM"
        " (SELECT FROM blip.images i WHERE true{admitted} LIMIT {most} + 1) a"
    ).format(most=COUNTABLE, admitted=admitted)
    ((few,),) = yield from ask(statement, values)
    return bool(few)


def _candidates(statement: sql.Composed, values: Mapping[str, Any]) -> Steps[Candidates]:
    rows = yield from ask(statement, values)
    return Candidates([id for id, _ in rows], [itc for _, itc in rows])


def nearest(
    model: Model,
    pgvector: str,
    wanted: int,
    admitted: sql.Composed,
    *,
    narrowing: bool,
    exact: bool,
) -> sql.Composed:
    """The statement of `recall`: by the index, or by comparing all that is admitted."""
    distance = sql.SQL(
        "(v.itc::{schema}.halfvec({dims})"
        " OPERATOR({schema}.<=>) %(vector)s::{schema}.halfvec({dims}))"
    ).format(schema=sql.Identifier(pgvector), dims=model.itc_dims)
    has_tokens = sql.SQL(
        " (SELECT true FROM blip.image_tokens t WHERE t.model_id = {} AND t.image_id = "
    ).format(model.model_id)
    return sql.SQL(
        "WITH nearest AS MATERIALIZED (SELECT v.image_id, {distance} AS distance"
        " FROM blip.image_vectors v{join} WHERE v.model_id = {model}{admitted}{first}"
        " ORDER BY {distance}{order} LIMIT {wanted})"
        " SELECT n.image_id, (1 - n.distance)::real FROM nearest n{then}"
        " ORDER BY n.distance, n.image_id"
    ).format(
        distance=distance,
        join=sql.SQL(" JOIN blip.images i ON i.image_id = v.image_id" if narrowing else ""),
        model=model.model_id,
        admitted=admitted,
        first=sql.SQL(" AND{}v.image_id)").format(has_tokens) if exact else sql.SQL(""),
        order=sql.SQL(" + 0, v.image_id" if exact else ""),
        wanted=wanted,
        then=sql.SQL("") if exact else sql.SQL(" WHERE{}n.image_id)").format(has_tokens),
    )
