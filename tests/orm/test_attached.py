"""Searches among the rows of an attached table: they know their images by `blip.attached`."""

from __future__ import annotations

from sqlalchemy import LargeBinary, cast, func, select
from sqlalchemy.dialects.postgresql import REGCLASS
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from blipdb.orm import attached, search
from tests.sql.library import Library


class Base(DeclarativeBase):
    pass


class Postcard(Base):
    __tablename__ = "postcards"
    id: Mapped[int] = mapped_column(primary_key=True)
    price: Mapped[int]
    photo: Mapped[bytes] = mapped_column(LargeBinary)


def test_the_best_affordable_of_an_attached_table(session: Session, library: Library) -> None:
    Base.metadata.create_all(session.connection())
    session.execute(
        select(func.blip_attach(cast("postcards", REGCLASS), "photo", None, "live", "content", "x"))
    )
    cards = [Postcard(id=n, price=n, photo=photo) for n, photo in enumerate(library.pictures[:30])]
    session.add_all(cards)
    session.flush()
    hits = search("red dog", 4)
    rows = session.execute(
        select(Postcard.id, hits.c.score)
        .join(attached, attached.c.key == func.jsonb_build_array(Postcard.id))
        .join(hits, hits.c.image_id == attached.c.image_id)
        .where(attached.c.source == cast("postcards", REGCLASS), Postcard.price < 20)
        .order_by(hits.c.score.desc())
    ).all()
    expected = library.best("red dog", 4, among=range(20))
    assert [library.ids[row.id] for row in rows] == [hit.image_id for hit in expected]
