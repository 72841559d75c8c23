"""blip._recall on 24,000 vectors with an HNSW index: its plans, its recall, its fallbacks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt
import psycopg
import pytest
from psycopg.types.json import Jsonb

from blipdb.database import indexes

Connection = psycopg.Connection[Any]

COUNT = 24_000  # more than the 20,000 that are compared one by one
DIMS = 32
MODEL = "(1, 'synthetic', '', 32, 5)::blip._model"


@pytest.fixture(scope="module")
def vectors() -> npt.NDArray[np.float32]:
    """Clusters of 100, in the order of their numbers."""
    rng = np.random.default_rng(3)
    centres = rng.normal(size=(COUNT // 100, DIMS)).repeat(100, axis=0)
    found = centres + rng.normal(size=(COUNT, DIMS)) * 0.6
    found /= np.linalg.norm(found, axis=1, keepdims=True)
    return found.astype(np.float16).astype(np.float32)


@pytest.fixture(scope="module")
def url(module_database: str, vectors: npt.NDArray[np.float32]) -> str:
    with psycopg.connect(module_database) as conn:
        conn.execute(
            "INSERT INTO blip.models (name, digest, roles, image_size, itc_dims, token_count,"
            " token_width, max_tokens)"
            " VALUES ('synthetic', repeat('0', 64), '{retrieval}', 8, %s, 1, 1, 8)",
            [DIMS],
        )
        conn.execute("INSERT INTO blip.active_models VALUES ('retrieval', 1)")
        indexes.create_model_partitions(conn, 1, DIMS)
        with conn.cursor().copy(
            "COPY blip.images (image_id, space, sha256, mime, bytes, metadata) FROM STDIN"
        ) as copy:
            for n in range(COUNT):
                metadata = Jsonb({"half": n % 2, "tenth": n // (COUNT // 10), "rare": n % 1000})
                copy.write_row((UUID(int=n), f"t{n % 100}", bytes(32), "image/png", 1, metadata))
        with conn.cursor().copy("COPY blip.image_vectors FROM STDIN") as copy:
            for n, vector in enumerate(vectors):
                copy.write_row((UUID(int=n), 1, str(vector.tolist())))
        with conn.cursor().copy("COPY blip.image_tokens FROM STDIN") as copy:
            for n in range(COUNT):
                copy.write_row((UUID(int=n), 1, b"12345"))
        assert indexes.create_vector_index(conn, 1, DIMS) is True
    with psycopg.connect(module_database, autocommit=True) as conn:
        conn.execute("ANALYZE")
    return module_database


@pytest.fixture
def conn(url: str) -> Iterator[Connection]:
    with psycopg.connect(url) as connection:
        yield connection
        connection.rollback()


@pytest.fixture(scope="module")
def queries(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Near some of the vectors, but none of them."""
    rng = np.random.default_rng(4)
    asked = vectors[rng.integers(0, COUNT, 10)] + rng.normal(size=(10, DIMS)) * 0.05
    return asked.astype(np.float16).astype(np.float32)


def cosines_of(vectors: npt.NDArray[np.float32], query: npt.NDArray[np.float32]) -> Any:
    """Rounded to float16, vectors have not quite the length of 1."""
    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
    return vectors @ query / lengths


def recalled(
    conn: Connection,
    query: npt.NDArray[np.float32],
    wanted: int,
    filter: dict[str, Any] | None = None,
    within: list[UUID] | None = None,
) -> tuple[list[int], list[float]]:
    row = conn.execute(
        f"SELECT image_ids, itcs FROM blip._recall({MODEL}, %s, %s, %s, %s)".encode(),
        [str(query.tolist()), wanted, None if filter is None else Jsonb(filter), within],
    ).fetchone()
    assert row is not None
    return [id.int for id in row[0]], row[1]


def share(
    conn: Connection,
    vectors: npt.NDArray[np.float32],
    queries: npt.NDArray[np.float32],
    wanted: int,
    admitted: npt.NDArray[np.bool_] | None = None,
    **arguments: Any,
) -> float:
    """Return the share of the true nearest that is recalled; the count is always right."""
    numbers = np.arange(COUNT) if admitted is None else np.flatnonzero(admitted)
    hits = 0
    for query in queries:
        ids, cosines = recalled(conn, query, wanted, **arguments)
        assert len(ids) == min(wanted, len(numbers))
        assert cosines == sorted(cosines, reverse=True)
        best = numbers[np.argsort(-cosines_of(vectors[numbers], query))[:wanted]]
        hits += len(set(ids) & set(best.tolist()))
    return hits / (len(queries) * min(wanted, len(numbers)))


NUMBERS = np.arange(COUNT)


@pytest.mark.parametrize("wanted", [1, 10, 32, 256])
def test_recall_of_all(conn: Connection, vectors: Any, queries: Any, wanted: int) -> None:
    assert share(conn, vectors, queries, wanted) >= 0.97


def test_what_few_rows_are_admitted_is_exact(conn: Connection, vectors: Any, queries: Any) -> None:
    """A tenth of the rows, correlated with the query or far from it; an index alone finds half."""
    tenth = NUMBERS // (COUNT // 10) == 4
    assert share(conn, vectors, queries, 32, tenth, filter={"tenth": 4}) == 1
    assert share(conn, vectors, queries, 32, NUMBERS % 1000 == 7, filter={"rare": 7}) == 1

    within = [UUID(int=number) for number in range(0, COUNT, 50)]
    assert share(conn, vectors, queries, 32, NUMBERS % 50 == 0, within=within) == 1
    both = (NUMBERS % 50 == 0) & tenth
    assert share(conn, vectors, queries, 32, both, within=within, filter={"tenth": 4}) == 1


def test_what_a_policy_admits_is_exact(conn: Connection, vectors: Any, queries: Any) -> None:
    protect(conn)
    conn.execute("SET LOCAL ROLE blip_reader")
    conn.execute("SET LOCAL app.space = 't7'")
    assert share(conn, vectors, queries, 32, NUMBERS % 100 == 7) == 1
    admitted = (NUMBERS % 100 == 7) & (NUMBERS // (COUNT // 10) == 4)
    assert share(conn, vectors, queries, 32, admitted, filter={"tenth": 4}) == 1


def protect(conn: Connection) -> None:
    conn.execute("ALTER TABLE blip.images ENABLE ROW LEVEL SECURITY")
    conn.execute("CREATE POLICY tenant ON blip.images USING (space = current_setting('app.space'))")


def test_many_admitted_rows_are_found_by_the_index(
    conn: Connection, vectors: Any, queries: Any
) -> None:
    conn.execute(
        "UPDATE blip.images SET metadata = '{\"most\": 1}' WHERE image_id <> %s", [UUID(int=0)]
    )
    assert share(conn, vectors, queries, 32, NUMBERS > 0, filter={"most": 1}) >= 0.95


@pytest.mark.parametrize("role", ["postgres", "blip_reader"])
def test_the_plan_uses_the_index(conn: Connection, vectors: Any, role: str) -> None:
    """And looks up policies for the candidates, not for all images."""
    conn.execute(f"SET LOCAL ROLE {role}".encode())
    row = conn.execute(f"SELECT blip._nearest({MODEL}, 32, false, '', false)".encode()).fetchone()
    assert row is not None
    query = row[0].replace("$1", "'" + str(vectors[0].tolist()) + "'")
    plan = "\n".join(line for (line,) in conn.execute(("EXPLAIN " + query).encode()).fetchall())
    assert "Index Scan using image_vectors_1_itc_idx" in plan
    assert "hashed SubPlan" not in plan
    assert "Seq Scan" not in plan


def test_the_exact_plan_uses_no_index_on_vectors(conn: Connection, vectors: Any) -> None:
    row = conn.execute(f"SELECT blip._nearest({MODEL}, 32, false, '', true)".encode()).fetchone()
    assert row is not None
    query = row[0].replace("$1", "'" + str(vectors[0].tolist()) + "'")
    plan = "\n".join(line for (line,) in conn.execute(("EXPLAIN " + query).encode()).fetchall())
    assert "image_vectors_1_itc_idx" not in plan


def test_where_the_index_falls_short_all_are_compared(
    conn: Connection, vectors: Any, queries: Any
) -> None:
    """The iterative scan gives up after hnsw.max_scan_tuples; here the nearest lack tokens."""
    query = queries[0]
    order = np.argsort(-cosines_of(vectors, query))
    gone = [UUID(int=int(number)) for number in order[:400]]
    conn.execute("DELETE FROM blip.image_tokens WHERE image_id = ANY(%s)", [gone])
    ids, _ = recalled(conn, query, 32)
    assert ids == order[400:432].tolist()


def test_cosines(conn: Connection, vectors: Any, queries: Any) -> None:
    ids, cosines = recalled(conn, queries[1], 16, filter={"rare": 3})
    assert np.allclose(cosines, cosines_of(vectors[ids], queries[1]), atol=1e-5)
