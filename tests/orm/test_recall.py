"""Recall from 24,000 vectors with an HNSW index, inside an app's own conditions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import psycopg
import pytest
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    Table,
    Uuid,
    create_engine,
    event,
    select,
    text,
)

from blipdb.database import indexes
from blipdb.model.tokens import pack_batch
from blipdb.orm import search
from blipdb.settings import Settings
from tests.engine import engines
from tests.orm.conftest import alchemy_url
from tests.sql.library import Library, stocked

COUNT = 24_000  # more than the 20,000 that are compared one by one
QUERY = "red dog"
K = 32
NUMBERS = np.arange(COUNT)
Floats = npt.NDArray[np.float32]

products = Table(
    "products",
    MetaData(),
    Column("number", Integer, primary_key=True),
    Column("image_id", Uuid, index=True),
    Column("tenth", Integer),
    Column("rare", Integer),
)
tags = Table("tags", MetaData(), Column("number", Integer, index=True), Column("word", Integer))


@pytest.fixture(scope="module")
def many(
    cluster: Settings, template: str, engine: engines.Engine
) -> Iterator[tuple[Library, Floats]]:
    """A library with 24,000 more images, each with its product; their vectors are clusters of 100
    in the order of their numbers, and the query's direction is among them."""
    with stocked(cluster, template, engine, "many") as library:
        with psycopg.connect(library.url) as conn:
            conn.execute("DELETE FROM blip.images")
        vectors = _vectors(library)
        _store(library, vectors)
        yield library, vectors


def _vectors(library: Library) -> Floats:
    rng = np.random.default_rng(3)
    asked = library.runtime.embed_texts([QUERY])[0]
    centres = rng.normal(size=(COUNT // 100, len(asked)))
    found = centres.repeat(100, axis=0) + rng.normal(size=(COUNT, len(asked))) * 0.6
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found.astype(np.float16).astype(np.float32)


def _store(library: Library, vectors: Floats) -> None:
    made = create_engine(alchemy_url(library.url))
    for table in (products, tags):
        table.create(made)
    made.dispose()
    model_id = library.model.model_id
    (record,) = pack_batch(library.tokens[:1], library.scales[:1])
    with psycopg.connect(library.url) as conn, conn.cursor() as cursor:
        copies: list[tuple[str, Any]] = [
            (
                "blip.images (image_id, space, sha256, mime, bytes)",
                lambda n: (UUID(int=n), f"t{n % 100}", bytes(32), "image/png", 1),
            ),
            ("blip.image_vectors", lambda n: (UUID(int=n), model_id, str(vectors[n].tolist()))),
            ("blip.image_tokens", lambda n: (UUID(int=n), model_id, record)),
            ("products", lambda n: (n, UUID(int=n), n // (COUNT // 10), n % 1000)),
            ("tags", lambda n: (n, n % 7)),
        ]
        for target, row in copies:
            with cursor.copy(f"COPY {target} FROM STDIN".encode()) as copy:
                for n in range(COUNT):
                    copy.write_row(row(n))
        indexes.create_vector_index(conn, model_id, vectors.shape[1])
    with psycopg.connect(library.url, autocommit=True) as conn:
        conn.execute("ANALYZE")


@pytest.fixture
def conn(many: tuple[Library, Floats]) -> Iterator[Connection]:
    made = create_engine(alchemy_url(many[0].url))
    with made.connect() as conn:
        yield conn
        conn.rollback()
    made.dispose()


def best(many: tuple[Library, Floats], admitted: npt.NDArray[np.bool_], k: int = K) -> set[int]:
    library, vectors = many
    asked = library.runtime.embed_texts([QUERY])[0].astype(np.float16).astype(np.float32)
    chosen = NUMBERS[admitted]
    cosines = vectors[chosen] @ asked / np.linalg.norm(vectors[chosen], axis=1)
    return set(chosen[np.argsort(-cosines)[:k]].tolist())


def statement(*conditions: Any, k: int = K) -> Any:
    """All that was recalled, as many are reranked as are hits."""
    hits = search(QUERY, k, candidates=k)
    return (
        select(products.c.number)
        .join_from(products, hits, hits.c.image_id == products.c.image_id)
        .where(*conditions)
    )


def found(conn: Connection, statement: Any) -> set[int]:
    rows = conn.scalars(statement).all()
    assert len(rows) == len(set(rows))
    return set(rows)


def plan(conn: Connection, statement: Any) -> str:
    """Return the plan that was run."""
    sent = []

    def hear(conn: Any, cursor: Any, sql: str, values: Any, *_: Any) -> None:
        if "blip_near" in sql:
            sent.append((sql, values))

    event.listen(conn, "before_cursor_execute", hear)
    conn.execute(statement)
    event.remove(conn, "before_cursor_execute", hear)
    ((sql, values),) = sent
    explain = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) "
    return "\n".join(conn.exec_driver_sql(explain + sql, values).scalars())


def part(plan: str, name: str) -> str:
    """Return the node of a CTE."""
    return plan.partition(f"CTE {name}\n")[2].partition("\n  CTE ")[0].partition("CTE blip")[0]


def test_few_are_compared(conn: Connection, many: tuple[Library, Floats]) -> None:
    """A tenth, near the query or far from it: an index alone finds half of them."""
    for tenth in range(10):
        admitted = np.equal(NUMBERS // (COUNT // 10), tenth)
        assert found(conn, statement(products.c.tenth == tenth)) == best(many, admitted)
    assert found(conn, statement(products.c.rare == 7)) == best(many, NUMBERS % 1000 == 7)
    said = plan(conn, statement(products.c.tenth == 4))
    assert "never executed" in part(said, "blip_near")
    assert "never executed" not in part(said, "blip_exact")


def test_many_are_found_by_the_index(conn: Connection, many: tuple[Library, Floats]) -> None:
    condition = products.c.rare != 7
    expected = best(many, NUMBERS % 1000 != 7)
    hits = found(conn, statement(condition))
    assert len(hits) == K
    assert len(hits & expected) / K >= 0.9
    said = plan(conn, statement(condition))
    assert "Index Scan using image_vectors_" in part(said, "blip_near")
    assert "_itc_idx" in part(said, "blip_near")
    assert "(never executed)" in part(said, "blip_exact")


@pytest.mark.parametrize("k", [1, 10, 256, 1000])
def test_no_fewer_than_k(conn: Connection, many: tuple[Library, Floats], k: int) -> None:
    hits = found(conn, statement(products.c.rare != 7, k=k))
    assert len(hits) == k
    assert len(hits & best(many, NUMBERS % 1000 != 7, k)) / k >= 0.9


def test_autocommit_scans_on_too(many: tuple[Library, Floats]) -> None:
    """The settings of the index scan hold without a transaction."""
    made = create_engine(alchemy_url(many[0].url), isolation_level="AUTOCOMMIT")
    condition = products.c.rare != 7
    with made.connect() as conn:
        said = plan(conn, statement(condition, k=200))
        hits = found(conn, statement(condition, k=200))
    made.dispose()
    assert "rows=200" in part(said, "blip_near").splitlines()[0]
    assert len(hits & best(many, NUMBERS % 1000 != 7, 200)) / 200 >= 0.9


def test_the_index_goes_on_where_the_nearest_are_not_admitted(
    conn: Connection, many: tuple[Library, Floats]
) -> None:
    """Past as many as it looks at in one go."""
    near = best(many, np.ones(COUNT, bool), 600)
    conn.execute(products.update().where(products.c.number.in_(near)).values(rare=5000))
    said = plan(conn, statement(products.c.rare != 5000))
    assert "rows=32" in part(said, "blip_near").splitlines()[0]
    assert "(never executed)" in part(said, "blip_exact")


def test_rows_that_are_of_no_image_are_not_counted(
    conn: Connection, many: tuple[Library, Floats]
) -> None:
    """One row beside all images, which are many."""
    hits = search(QUERY, K, candidates=K)
    one = select(products.c.number).where(products.c.number == 7).subquery()
    unlinked = select(hits.c.image_id).join_from(one, hits, hits.c.itc > -2)
    found = {id.int for id in conn.scalars(unlinked)}
    assert len(found & best(many, np.ones(COUNT, bool))) / K >= 0.9
    assert "(never executed)" in part(plan(conn, unlinked), "blip_exact")


@pytest.mark.parametrize("search_first", [True, False])
def test_joined_rows_that_none_asks_for_are_not_counted(
    conn: Connection, many: tuple[Library, Floats], search_first: bool
) -> None:
    """2,400 products, with ten tags each: few, unless the tags' rows count."""
    conn.execute(text("INSERT INTO tags SELECT number, 9 FROM tags, generate_series(1, 9)"))
    hits = search(QUERY, K, candidates=K)
    on_hits, on_tags = hits.c.image_id == products.c.image_id, tags.c.number == products.c.number
    if search_first:
        source = products.join(hits, on_hits).outerjoin(tags, on_tags)
    else:
        source = products.outerjoin(tags, on_tags).join(hits, on_hits)
    tenth = select(products.c.number).select_from(source).where(products.c.tenth == 4)
    assert set(conn.scalars(tenth)) == best(many, NUMBERS // (COUNT // 10) == 4)
    assert "(never executed)" in part(plan(conn, tenth), "blip_near")
    asked = plan(conn, tenth.where(tags.c.word >= 0))
    assert "(never executed)" not in part(asked, "blip_near")


def test_what_a_policy_admits_is_compared(conn: Connection, many: tuple[Library, Floats]) -> None:
    """The app's rows are many, those of the images that may be seen are few."""
    conn.execute(text("ALTER TABLE blip.images ENABLE ROW LEVEL SECURITY"))
    conn.execute(text("CREATE POLICY tenant ON blip.images USING (space = 't7')"))
    conn.execute(text("GRANT SELECT ON products TO blip_reader"))
    conn.execute(text("SET LOCAL ROLE blip_reader"))
    condition = products.c.tenth >= 0
    assert found(conn, statement(condition)) == best(many, NUMBERS % 100 == 7)
    assert "(never executed)" in part(plan(conn, statement(condition)), "blip_near")


def test_where_the_index_falls_short_all_are_compared(
    conn: Connection, many: tuple[Library, Floats]
) -> None:
    near = best(many, np.ones(COUNT, bool), 400)
    conn.execute(
        text("DELETE FROM blip.image_tokens WHERE image_id = ANY(:ids)"),
        {"ids": [UUID(int=n) for n in near]},
    )
    others = np.array([n not in near for n in NUMBERS])
    assert found(conn, statement(products.c.tenth >= 0)) == best(many, others)


def test_a_prepared_statement_keeps_to_the_index(
    conn: Connection, many: tuple[Library, Floats]
) -> None:
    """psycopg prepares what comes again, and PostgreSQL may then plan without the values."""
    conn.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
    for _ in range(8):
        hits = found(conn, statement(products.c.rare != 7))
    assert len(hits & best(many, NUMBERS % 1000 != 7)) / K >= 0.9
    said = plan(conn, statement(products.c.rare != 7))
    assert "_itc_idx" in part(said, "blip_near")
