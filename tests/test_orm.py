"""The models read and write the real tables; tests/migrations proves that they agree with them."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from blipdb import orm
from blipdb.database import connection, indexes

IMAGE = UUID(int=7)


@pytest.fixture
def session(database: str) -> Iterator[Session]:
    with Session(connection.sqlalchemy_engine(database)) as session:
        model = orm.Model(
            name="m",
            digest="0" * 64,
            roles=["retrieval"],
            image_size=8,
            itc_dims=3,
            token_count=2,
            token_width=4,
            max_tokens=9,
        )
        session.add(model)
        session.add(orm.Image(image_id=IMAGE, sha256=bytes(32), mime="image/png", size=1))
        session.commit()
        with psycopg.connect(database) as conn:
            indexes.create_model_partitions(conn, model.model_id, 3)
        yield session


def test_defaults_are_the_databases(session: Session) -> None:
    model = session.scalars(select(orm.Model)).one()
    assert (model.roles, model.knows) == (["retrieval"], "")
    assert model.created_at.tzinfo is not None
    image = session.get_one(orm.Image, IMAGE)
    assert (image.space, image.metadata_, image.content, image.width) == ("", {}, None, None)

    session.add(orm.Job(image_id=IMAGE, stage="encode", model_id=model.model_id))
    session.commit()
    job = session.scalars(select(orm.Job)).one()
    assert (job.state, job.attempts, job.lease, job.error) == ("p", 0, None, None)


def test_states_are_compared_as_letters(session: Session) -> None:
    model_id = session.scalars(select(orm.Model.model_id)).one()
    session.add(orm.Job(image_id=IMAGE, stage="encode", model_id=model_id, state="x", error="e"))
    session.commit()
    assert session.scalars(select(orm.Job.error).where(orm.Job.state == "x")).all() == ["e"]
    assert session.scalars(select(orm.Job).where(orm.Job.state.in_(["p", "r"]))).all() == []


def test_vectors_and_tokens(session: Session) -> None:
    model_id = session.scalars(select(orm.Model.model_id)).one()
    session.add(orm.ImageVector(image_id=IMAGE, model_id=model_id, itc=[1, 0.5, 0]))
    session.add(orm.ImageTokens(image_id=IMAGE, model_id=model_id, tokens=bytes(range(16))))
    session.commit()
    session.expire_all()
    vector = session.scalars(select(orm.ImageVector)).one()
    assert vector.itc == [1, 0.5, 0]
    assert session.scalars(select(orm.ImageTokens.tokens)).one() == bytes(range(16))
    distance = orm.ImageVector.itc.cosine_distance([1, 0.5, 0])
    assert session.scalars(select(distance)).one() == pytest.approx(0, abs=1e-6)


def test_a_deleted_image_takes_all_of_its_rows_along(session: Session) -> None:
    model_id = session.scalars(select(orm.Model.model_id)).one()
    vector = [1, 0, 0]
    session.add_all(
        [
            orm.File(uri="/a", image_id=IMAGE),
            orm.ImageVector(image_id=IMAGE, model_id=model_id, itc=vector),
            orm.ImageTokens(image_id=IMAGE, model_id=model_id, tokens=bytes(16)),
            orm.Caption(image_id=IMAGE, caption_id=UUID(int=1), text="a dog", origin="web"),
            orm.Job(image_id=IMAGE, stage="encode", model_id=model_id),
        ]
    )
    session.commit()
    session.delete(session.get_one(orm.Image, IMAGE))
    session.commit()
    for table in (orm.File, orm.ImageVector, orm.ImageTokens, orm.Caption, orm.Job):
        assert session.scalars(select(table)).all() == []
