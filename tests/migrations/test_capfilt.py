"""blip.capfilt: what of the captions training reads, and who sees it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from blipdb import orm
from blipdb.database import connection, requirements, schema
from blipdb.settings import Settings

Connection = psycopg.Connection[Any]

OURS, THEIRS = UUID(int=1), UUID(int=2)
CAPTIONS = (  # origin, ITM, whether training reads it
    ("human", None, True),
    ("human", 0.1, True),
    ("web", None, False),
    ("web", 0.49, False),
    ("web", 0.5, True),
    ("synthetic", None, False),
    ("synthetic", 0.2, False),
    ("synthetic", 0.9, True),
)


@pytest.fixture
def filled(database: str) -> str:
    """A database with every kind of caption of an image in each of two spaces."""
    with psycopg.connect(database) as conn:
        conn.execute(
            "INSERT INTO blip.models (name, digest, roles, image_size, itc_dims, token_count,"
            " token_width, max_tokens)"
            " VALUES ('m', repeat('0', 64), '{captioner}', 8, 3, 1, 4, 9)"
        )
        for image, space in ((OURS, "ours"), (THEIRS, "theirs")):
            conn.execute(
                "INSERT INTO blip.images (image_id, space, sha256, mime, bytes)"
                " VALUES (%s, %s, sha256(%s), 'image/png', 1)",
                [image, space, space.encode()],
            )
            for number, (origin, itm, _) in enumerate(CAPTIONS):
                conn.execute(
                    "INSERT INTO blip.captions (image_id, caption_id, text, origin, model_id, itm)"
                    " VALUES (%s, %s, %s, %s, %s, %s)",
                    [image, UUID(int=number), f"{space} {number}", origin,
                     1 if origin == "synthetic" else None, itm],
                )  # fmt: skip
    return database


def kept(space: str) -> list[str]:
    return [f"{space} {n}" for n, (_, _, is_kept) in enumerate(CAPTIONS) if is_kept]


def texts(conn: Connection) -> list[str]:
    query = "SELECT text FROM blip.capfilt ORDER BY image_id, caption_id"
    return [row[0] for row in conn.execute(query).fetchall()]


def test_people_are_believed_and_the_rest_is_judged(filled: str) -> None:
    with psycopg.connect(filled) as conn:
        assert texts(conn) == kept("ours") + kept("theirs")
        names = [column.name for column in conn.execute("TABLE blip.capfilt").description or ()]
    assert names == ["image_id", "caption_id", "text", "origin"]


def test_an_older_database_is_given_the_view(filled: str, cluster: Settings) -> None:
    with psycopg.connect(filled) as conn:
        conn.execute("DROP VIEW blip.capfilt, blip.verdicts, blip.ranked_captions, blip.attached")
        conn.execute("DROP TABLE blip.attached_rows, blip.orphans")
        conn.execute("DROP TABLE blip.attachment_readers, blip.attachments")
        conn.execute(
            "ALTER POLICY addable ON blip.captions WITH CHECK (origin <> 'synthetic')"  # as it was
        )
        conn.execute("ALTER TABLE blip.captions DROP filter_id, DROP unread, DROP encoder_id")
        conn.execute("ALTER TABLE blip.models DROP merged")
        for table, policies in (
            ("files", ("addable", "changeable")),
            ("failed_files", ("visible",)),
            ("jobs", ("addable",)),
        ):
            for name in policies:
                how = {"visible": "USING", "changeable": "USING"}.get(name, "WITH CHECK")
                check = "(true) WITH CHECK (true)" if name == "changeable" else "(true)"
                conn.execute(f"ALTER POLICY {name} ON blip.{table} {how} {check}".encode())
        conn.execute("ALTER TABLE blip.files DROP is_ingested")
        conn.execute(
            "DROP FUNCTION blip._goes_by_space, blip._sees, blip._complete_image,"
            " blip._guard_image, blip._forget_results CASCADE"
        )
        conn.execute("UPDATE blip.alembic_version SET version_num = '0001'")
    schema.init(filled, Settings(cluster.home, filled))
    with connection.connect(filled) as conn:
        conn.execute("SET ROLE blip_reader")
        requirements.check(conn)
        assert texts(conn) == kept("ours") + kept("theirs")


def test_the_models_know_the_view(filled: str) -> None:
    with Session(connection.sqlalchemy_engine(filled)) as session:
        found = session.execute(select(orm.capfilt).where(orm.capfilt.c.origin == "web")).all()
    assert [(row.image_id, row.text) for row in found] == [(OURS, "ours 4"), (THEIRS, "theirs 4")]


@pytest.mark.parametrize("role", ["blip_reader", "blip_writer"])
def test_a_policy_on_images_holds_for_it(filled: str, role: str) -> None:
    with psycopg.connect(filled) as conn:
        conn.execute("ALTER TABLE blip.images ENABLE ROW LEVEL SECURITY")
        conn.execute("CREATE POLICY own ON blip.images FOR SELECT USING (space = 'ours')")
        conn.execute(f"SET LOCAL ROLE {role}".encode())
        assert texts(conn) == kept("ours")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("DELETE FROM blip.capfilt")


def test_workers_see_all_of_it_and_strangers_nothing(filled: str) -> None:
    with psycopg.connect(filled) as conn:
        conn.execute("ALTER TABLE blip.images ENABLE ROW LEVEL SECURITY")
        conn.execute("SET LOCAL ROLE blip_worker")
        assert texts(conn) == kept("ours") + kept("theirs")
        conn.execute("SET LOCAL ROLE blip_engine")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            texts(conn)
