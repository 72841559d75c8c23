"""A model's partitions, and the index of its vectors."""

from __future__ import annotations

from psycopg import sql

from blipdb.migrations import access

from ..host.postgresql import PARALLEL_VECTOR
from ..types import Connection
from . import requirements
from .connection import as_owner, pgvector_schema


def create_model_partitions(conn: Connection, model_id: int, dims: int) -> None:
    """Make the partitions that hold the ITC vectors and the tokens of a registered model.

    Each checks what belongs into it: vectors of ``dims``, token records of the one size that the
    model has. The HNSW index comes later, by `create_vector_index`.
    """
    from ..model.tokens import record_size  # and NumPy, which only this needs

    row = conn.execute(
        "SELECT token_count, token_width, merged FROM blip.models WHERE model_id = %s", [model_id]
    ).fetchone()
    assert row is not None, f"model {model_id} is not registered"
    model = sql.Literal(model_id)
    with conn.transaction(), as_owner(conn):
        has_dims = sql.SQL("{}.vector_dims(itc) = {}").format(pgvector_schema(conn), dims)
        for table, check in (
            ("image_vectors", has_dims),
            ("image_tokens", sql.SQL("octet_length(tokens) = {}").format(record_size(*row))),
        ):
            conn.execute(
                sql.SQL(
                    "CREATE TABLE IF NOT EXISTS {partition} PARTITION OF {parent}"
                    " (CONSTRAINT {name} CHECK ({check})) FOR VALUES IN ({model})"
                ).format(
                    partition=sql.Identifier("blip", f"{table}_{model_id}"),
                    parent=sql.Identifier("blip", table),
                    name=sql.Identifier(f"{table}_{model_id}_check"),
                    check=check,
                    model=model,
                )
            )
        conn.execute(access.PARTITIONS)
        if requirements.numbers(requirements.installed(conn)["vector"]) < PARALLEL_VECTOR:
            # CVE-2026-3172. The table keeps this, for a restore and a REINDEX alike.
            conn.execute(
                sql.SQL("ALTER TABLE {} SET (parallel_workers = 0)").format(
                    sql.Identifier("blip", f"image_vectors_{model_id}")
                )
            )


def create_vector_index(conn: Connection, model_id: int, dims: int) -> bool:
    """Build the HNSW index (cosine) over a model's vectors; False if it exists.

    Searches go on meanwhile; writes of vectors wait.
    """
    partition = f"image_vectors_{model_id}"
    index = f"{partition}_itc_idx"
    with conn.transaction(), as_owner(conn):
        row = conn.execute("SELECT to_regclass(%s)", [f"blip.{index}"]).fetchone()
        if row != (None,):
            return False
        conn.execute(
            sql.SQL(
                "CREATE INDEX {index} ON {table} USING hnsw"
                " ((itc::{pgvector}.halfvec({dims})) {pgvector}.halfvec_cosine_ops)"
            ).format(
                index=sql.Identifier(index),
                table=sql.Identifier("blip", partition),
                pgvector=pgvector_schema(conn),
                dims=dims,
            )
        )
    return True
