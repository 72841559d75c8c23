"""Recall by the client, against numpy and against blip._recall: the index, the exact scans, and
which of them is taken."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from blipdb import registry
from blipdb.client import recall as recalling
from blipdb.client.recall import Candidates, nearest, recall
from blipdb.database import indexes
from blipdb.database.steps import Query, Step, Steps, run

Connection = psycopg.Connection[Any]
Floats = npt.NDArray[np.float32]

COUNT = 3_000
FEW = 500  # that are counted, in these tests
DIMS = 32


@pytest.fixture(scope="module")
def vectors() -> Floats:
    rng = np.random.default_rng(3)
    found = rng.normal(size=(COUNT // 100, DIMS)).repeat(100, axis=0)
    found += rng.normal(size=(COUNT, DIMS)) * 0.6
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found.astype(np.float16).astype(np.float32)


@pytest.fixture(scope="module")
def url(module_database: str, vectors: Floats) -> str:
    with psycopg.connect(module_database) as conn:
        conn.execute(
            "INSERT INTO blip.models (name, digest, roles, image_size, itc_dims, token_count,"
            " token_width, max_tokens)"
            " VALUES ('synthetic', repeat('0', 64), '{retrieval}', 8, %s, 1, 1, 8)",
            [DIMS],
        )
        indexes.create_model_partitions(conn, 1, DIMS)
        with conn.cursor().copy(
            "COPY blip.images (image_id, space, sha256, mime, bytes, metadata) FROM STDIN"
        ) as copy:
            for n in range(COUNT):
                metadata = Jsonb({"most": int(n > 0), "rare": n % 100})
                copy.write_row((UUID(int=n), f"t{n % 10}", bytes(32), "image/png", 1, metadata))
        with conn.cursor().copy("COPY blip.image_vectors FROM STDIN") as copy:
            for n, vector in enumerate(vectors):
                copy.write_row((UUID(int=n), 1, str(vector.tolist())))
        with conn.cursor().copy("COPY blip.image_tokens FROM STDIN") as copy:
            for n in range(COUNT):
                copy.write_row((UUID(int=n), 1, b"12345"))
        assert indexes.create_vector_index(conn, 1, DIMS)
    with psycopg.connect(module_database, autocommit=True) as conn:
        conn.execute("ANALYZE")
    return module_database


@pytest.fixture
def conn(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    monkeypatch.setattr(recalling, "COUNTABLE", FEW)
    with psycopg.connect(url) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def model(conn: Connection) -> registry.Model:
    return registry.find(conn, "synthetic")


@pytest.fixture(scope="module")
def queries(vectors: Floats) -> Floats:
    rng = np.random.default_rng(4)
    asked = vectors[rng.integers(0, COUNT, 10)] + rng.normal(size=(10, DIMS)) * 0.05
    return asked.astype(np.float16).astype(np.float32)


def exactly(vectors: Floats, query: Floats, wanted: int, admitted: Any = None) -> list[int]:
    numbers = np.arange(COUNT) if admitted is None else np.flatnonzero(admitted)
    cosines = vectors[numbers] @ query / np.linalg.norm(vectors[numbers], axis=1)
    best: list[int] = numbers[np.argsort(-cosines)[:wanted]].tolist()
    return best


def recalled(
    conn: Connection, model: registry.Model, query: Floats, wanted: int, **narrowed: Any
) -> tuple[Candidates, list[str]]:
    """Return the images found, and the statements that found them."""
    statements: list[str] = []
    given = {"filter": None, "within": None} | narrowed
    steps = recall(model, "public", str(query.tolist()), wanted, **given)
    return run(conn, watched(conn, steps, statements)), statements


def watched(conn: Connection, steps: Steps[Candidates], statements: list[str]) -> Steps[Candidates]:
    step: Step = next(steps)
    while True:
        if isinstance(step, Query):
            text = step.text
            statements.append(text if isinstance(text, str) else text.as_string(conn))
        answer = yield step
        try:
            step = steps.send(answer)
        except StopIteration as end:
            result: Candidates = end.value
            return result


def kinds(statements: list[str]) -> list[str]:
    """Return the kinds of scans that were made."""
    return [
        "exact" if " + 0, v.image_id" in statement else "index"
        for statement in statements
        if "nearest" in statement
    ]


NUMBERS = np.arange(COUNT)


@pytest.mark.parametrize("wanted", [1, 32, 256])
def test_all_by_the_index(
    conn: Connection, model: registry.Model, vectors: Floats, queries: Floats, wanted: int
) -> None:
    hits = 0
    for query in queries:
        found, statements = recalled(conn, model, query, wanted)
        assert kinds(statements) == ["index"]
        assert len(found.image_ids) == wanted
        assert found.itcs == sorted(found.itcs, reverse=True)
        hits += len({id.int for id in found.image_ids} & set(exactly(vectors, query, wanted)))
    assert hits >= 0.97 * wanted * len(queries)


def test_few_are_compared_one_by_one(
    conn: Connection, model: registry.Model, vectors: Floats, queries: Floats
) -> None:
    within = [UUID(int=number) for number in range(0, COUNT, 50)]
    for narrowed, admitted in (
        ({"filter": {"rare": 7}}, NUMBERS % 100 == 7),
        ({"within": within}, NUMBERS % 50 == 0),
        ({"within": within, "filter": {"rare": 50}}, NUMBERS % 100 == 50),
        ({"within": []}, NUMBERS < 0),
        ({"filter": {"rare": "none"}}, NUMBERS < 0),
    ):
        for query in queries:
            found, statements = recalled(conn, model, query, 20, **narrowed)
            assert kinds(statements) == ["exact"]
            assert [id.int for id in found.image_ids] == exactly(vectors, query, 20, admitted)


def test_many_that_are_admitted_are_found_by_the_index(
    conn: Connection, model: registry.Model, vectors: Floats, queries: Floats
) -> None:
    within = [UUID(int=number) for number in range(COUNT - 500)]  # more than are few
    for narrowed, admitted in (
        ({"filter": {"most": 1}}, NUMBERS > 0),
        ({"within": within}, NUMBERS < COUNT - 500),
    ):
        hits = 0
        for query in queries:
            found, statements = recalled(conn, model, query, 32, **narrowed)
            assert kinds(statements) == ["index"]
            best = exactly(vectors, query, 32, admitted)
            hits += len({id.int for id in found.image_ids} & set(best))
        assert hits >= 0.95 * 32 * len(queries)


def test_where_the_index_falls_short_all_are_compared(
    conn: Connection, model: registry.Model, vectors: Floats, queries: Floats
) -> None:
    order = exactly(vectors, queries[0], 432)
    gone = [UUID(int=number) for number in order[:400]]
    conn.execute("DELETE FROM blip.image_tokens WHERE image_id = ANY(%s)", [gone])
    found, statements = recalled(conn, model, queries[0], 32)
    assert kinds(statements) == ["index", "exact"]
    assert [id.int for id in found.image_ids] == order[400:]


def test_what_a_policy_admits_is_exact(
    conn: Connection, model: registry.Model, vectors: Floats, queries: Floats
) -> None:
    conn.execute("ALTER TABLE blip.images ENABLE ROW LEVEL SECURITY")
    conn.execute("CREATE POLICY tenant ON blip.images USING (space = current_setting('app.space'))")
    conn.execute("SET LOCAL ROLE blip_reader")
    conn.execute("SET LOCAL app.space = 't7'")
    for query in queries:
        found, statements = recalled(conn, model, query, 32)
        assert kinds(statements) == ["exact"]
        assert [id.int for id in found.image_ids] == exactly(vectors, query, 32, NUMBERS % 10 == 7)


def test_it_is_what_the_function_recalls(
    conn: Connection, model: registry.Model, queries: Floats
) -> None:
    """Few or many: the same images, in the same order, with the same cosines."""
    narrowings: list[dict[str, Any]] = [
        {},
        {"filter": {"rare": 3}},
        {"filter": {"most": 1}},
        {"within": []},
    ]
    for narrowed in narrowings:
        for query in queries:
            given = {"filter": None, "within": None} | narrowed
            held = None if given["filter"] is None else Jsonb(given["filter"])
            row = conn.execute(
                "SELECT image_ids, itcs FROM blip._recall("
                "  (1, 'synthetic', '', 32, 5)::blip._model, %s, 32, %s, %s)",
                [str(query.tolist()), held, given["within"]],
            ).fetchone()
            found, _ = recalled(conn, model, query, 32, **narrowed)
            assert row == (found.image_ids, found.itcs)


@pytest.mark.parametrize("role", ["postgres", "blip_reader"])
def test_the_plans(conn: Connection, model: registry.Model, vectors: Floats, role: str) -> None:
    """By the index where it may be used, and never by it where all are to be compared."""
    conn.execute(f"SET LOCAL ROLE {role}".encode())
    for exact in (False, True):
        statement = nearest(model, "public", 32, sql.Composed([]), narrowing=False, exact=exact)
        with psycopg.ClientCursor(conn) as cursor:
            text = cursor.mogrify(statement, {"vector": str(vectors[0].tolist())})
        plan = "\n".join(line for (line,) in conn.execute(("EXPLAIN " + text).encode()).fetchall())
        assert ("Index Scan using image_vectors_1_itc_idx" in plan) != exact
        assert "hashed SubPlan" not in plan
