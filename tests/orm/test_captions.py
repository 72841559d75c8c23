"""Captions in an app's own statements, on both kinds of servers."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, text, true, update
from sqlalchemy.orm import Session

from blipdb.orm import ActiveModel, Caption, Image, captions, search
from tests.orm.queries import CHEAP, ids
from tests.orm.shop import PICTURED, Product
from tests.sql.library import Library


@pytest.fixture
def session(anywhere: Session) -> Session:
    return anywhere


@pytest.fixture
def image(session: Session, library: Library) -> UUID:
    """An image with a web caption of its own and two that the filter has scored."""
    filter_id = session.scalar(select(ActiveModel.model_id).where(ActiveModel.role == "filter"))
    for words, itm in (("bad", 0.25), ("good", 0.75)):
        made = Caption(
            image_id=library.ids[3],
            caption_id=func.gen_random_uuid(),
            text=words,
            origin="synthetic",
            model_id=filter_id,
            decoding={"beams": 3},
            itm=itm,
            itc=0.5,
            filter_id=filter_id,
        )
        session.add(made)
    session.flush()
    return library.ids[3]


def test_of_an_image(session: Session, image: UUID) -> None:
    told = captions(image)
    written = ("synthetic", "tiny", {"beams": 3})
    assert session.execute(select(told).order_by(told.c.rank)).all() == [
        (1, "good", *written, 0.75, 0.5, "kept"),
        (2, "picture 3", "web", None, None, None, None, "unjudged"),
        (3, "bad", *written, 0.25, 0.5, "dropped"),
    ]


def test_of_each_row(session: Session, library: Library, image: UUID) -> None:
    """With the same index as one image's: those of other images are not ranked."""
    told = captions(Product.image_id)
    statement = (
        select(Product.id, told.c.text)
        .join(told, true())
        .where(told.c.rank == 1, Product.id < PICTURED)
        .order_by(Product.id)
    )
    assert session.execute(statement).all() == [
        (number, "good" if number == 3 else f"picture {number}") for number in range(PICTURED)
    ]
    session.execute(
        text(
            "INSERT INTO blip.captions (image_id, caption_id, text, origin)"
            " SELECT i.image_id, gen_random_uuid(), 'text ' || n, 'web'"
            " FROM blip.images i, generate_series(1, 200) n"
        )
    )
    session.execute(text("ANALYZE blip.captions"))
    bind = session.get_bind()
    written = statement.compile(bind, compile_kwargs={"literal_binds": True})
    plan = "\n".join(session.scalars(text(f"EXPLAIN {written}")))
    assert "captions_pkey" in plan
    assert "Seq Scan on captions" not in plan


def test_rows_without_captions(session: Session, library: Library) -> None:
    session.execute(update(Product).where(Product.id == 0).values(image_id=None))
    told = captions(Product.image_id)
    statement = select(Product.id, told.c.text).where(Product.id < 2).order_by(Product.id)
    assert session.execute(statement.outerjoin(told, true())).all() == [
        (0, None),
        (1, "picture 1"),
    ]
    assert session.execute(statement.join(told, true())).all() == [(1, "picture 1")]


def test_beside_a_search(session: Session, library: Library, image: UUID) -> None:
    """Of products and of hits; neither changes which images are found."""
    expected = library.best("dog", 5, among=CHEAP)
    for by_hit in (False, True):
        hits = search("dog", 5)
        told = captions(hits.c.image_id if by_hit else Product.image_id)
        rows = session.execute(
            select(hits.c.image_id, hits.c.caption, told.c.text)
            .select_from(Product)
            .join(hits, hits.c.image_id == Product.image_id)
            .join(told, true())
            .where(Product.price < 20, told.c.rank == 1)
            .order_by(hits.c.score.desc())
        ).all()
        assert [row.image_id for row in rows] == ids(expected)
        assert [row.caption for row in rows] == [row.text for row in rows]


def test_of_hits_alone(session: Session, library: Library) -> None:
    """A join admits the images with captions, an outer join all."""
    expected = ids(library.best("dog", 5))
    session.execute(delete(Caption).where(Caption.image_id == expected[0]))
    hits = search("dog", 5)
    told = captions(hits.c.image_id)
    best = select(hits.c.image_id, told.c.text).order_by(hits.c.score.desc())
    rows = session.execute(best.outerjoin_from(hits, told, told.c.rank == 1)).all()
    assert [row.image_id for row in rows] == expected
    assert rows[0].text is None
    rows = session.execute(best.join_from(hits, told, told.c.rank == 1)).all()
    others = [number for number, id in enumerate(library.ids) if id != expected[0]]
    assert [row.image_id for row in rows] == ids(library.best("dog", 5, among=others))


def test_policies_hold(session: Session, library: Library) -> None:
    session.execute(text("ALTER TABLE blip.images ENABLE ROW LEVEL SECURITY"))
    session.execute(text("CREATE POLICY spaces ON blip.images USING (space = 'red')"))
    session.execute(text("SET LOCAL ROLE blip_reader"))
    for number, expected in ((1, ["picture 1"]), (2, [])):
        assert session.scalars(select(captions(library.ids[number]).c.text)).all() == expected


def test_the_relationship_has_all(session: Session, image: UUID) -> None:
    found = session.get_one(Image, image).captions
    assert {caption.text for caption in found} == {"picture 3", "good", "bad"}
