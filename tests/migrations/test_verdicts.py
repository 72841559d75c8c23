"""blip.verdicts: what was kept and dropped, by whom and why."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from blipdb import orm
from blipdb.database import connection

CAPTIONS: tuple[tuple[str, float | None, int | None, str | None, str, str], ...] = (
    # origin, ITM, filter, unread, verdict, reason
    ("human", None, None, None, "kept", "people's own texts are not judged"),
    ("human", 0.1, 2, None, "kept", "people's own texts are not judged"),
    ("web", None, None, None, "unjudged", "no filter has seen it"),
    ("web", 0.5, 2, None, "kept", "the match head says they match"),
    ("web", 0.49, 2, None, "dropped", "the match head says they don't"),
    ("web", None, 2, "no word is known", "dropped", "no word is known"),
    ("synthetic", 0.9, 2, None, "kept", "the match head says they match"),
)


@pytest.fixture
def filled(conn: psycopg.Connection[Any]) -> psycopg.Connection[Any]:
    for number, name in ((0, "writer"), (1, "judge")):
        conn.execute(
            "INSERT INTO blip.models (name, digest, roles, image_size, itc_dims, token_count,"
            " token_width, max_tokens)"
            " VALUES (%s, repeat(%s, 64), '{captioner}', 8, 3, 1, 4, 9)",
            [name, str(number)],
        )
    conn.execute(
        "INSERT INTO blip.images (image_id, sha256, mime, bytes)"
        " VALUES (%s, sha256('a'), 'image/png', 1)",
        [UUID(int=1)],
    )
    for number, (origin, itm, judge, unread, *_) in enumerate(CAPTIONS):
        conn.execute(
            "INSERT INTO blip.captions"
            " (image_id, caption_id, text, origin, model_id, decoding, itm, filter_id, unread)"
            " VALUES (%s, %s, 'red', %s, %s, %s, %s, %s, %s)",
            [UUID(int=1), UUID(int=number), origin, 1 if origin == "synthetic" else None,
             '{"beams": 3}' if origin == "synthetic" else None, itm, judge, unread],
        )  # fmt: skip
    conn.commit()
    return conn


def test_each_caption_has_its_verdict_and_reason(filled: psycopg.Connection[Any]) -> None:
    rows = filled.execute(
        "SELECT verdict, reason FROM blip.verdicts ORDER BY caption_id"
    ).fetchall()
    assert rows == [(verdict, reason) for *_, verdict, reason in CAPTIONS]


def test_by_whom_and_how(filled: psycopg.Connection[Any]) -> None:
    query = "SELECT writer, decoding, judge FROM blip.verdicts WHERE origin = 'synthetic'"
    assert filled.execute(query).fetchall() == [("writer", {"beams": 3}, "judge")]


def test_what_is_kept_is_what_training_reads(filled: psycopg.Connection[Any]) -> None:
    kept = "SELECT caption_id FROM blip.verdicts WHERE verdict = 'kept' ORDER BY 1"
    read = "SELECT caption_id FROM blip.capfilt ORDER BY 1"
    assert filled.execute(kept).fetchall() == filled.execute(read).fetchall()


def test_the_models_know_the_view(filled: psycopg.Connection[Any], database: str) -> None:
    with Session(connection.sqlalchemy_engine(database)) as session:
        rows = session.execute(select(orm.verdicts).where(orm.verdicts.c.verdict == "unjudged"))
        assert [row.reason for row in rows] == ["no filter has seen it"]


def test_policies_hold(filled: psycopg.Connection[Any]) -> None:
    filled.execute("ALTER TABLE blip.images ENABLE ROW LEVEL SECURITY")
    filled.execute("SET LOCAL ROLE blip_reader")
    assert filled.execute("SELECT count(*) FROM blip.verdicts").fetchone() == (0,)


def test_a_writer_cannot_judge(filled: psycopg.Connection[Any]) -> None:
    filled.execute("SET LOCAL ROLE blip_writer")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
        filled.execute(
            "INSERT INTO blip.captions (image_id, caption_id, text, origin, filter_id)"
            " VALUES (%s, %s, 'red', 'web', 2)",
            [UUID(int=1), UUID(int=99)],
        )


@pytest.mark.parametrize(
    ("values", "constraint"),
    [
        ("NULL, NULL, 'why'", "captions_filter_check"),
        ("0.5, 2, 'why'", "captions_unread_check"),
    ],
)
def test_impossible_verdicts(filled: psycopg.Connection[Any], values: str, constraint: str) -> None:
    with pytest.raises(psycopg.errors.CheckViolation, match=constraint):
        filled.execute(
            "INSERT INTO blip.captions (image_id, caption_id, text, origin, itm, filter_id, unread)"
            f" VALUES ('{UUID(int=1)}', '{UUID(int=99)}', 'red', 'web', {values})".encode()
        )
