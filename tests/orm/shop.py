"""An app's own tables, as they stand beside a library's images in the tests here."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from blipdb.orm import Image, image_column
from tests.sql.library import Library

PICTURED = 50  # images that products show, the first of the library's
SHARED = 8  # of which so many are shown by a second product


class Base(DeclarativeBase):
    pass


class Shop(Base):
    __tablename__ = "shops"
    id: Mapped[int] = mapped_column(primary_key=True)
    town: Mapped[str]


class Product(Base):
    __tablename__ = "products"
    id: Mapped[int] = mapped_column(primary_key=True)
    price: Mapped[int]
    shop_id: Mapped[int | None] = mapped_column(ForeignKey(Shop.id))
    image_id: Mapped[UUID | None] = image_column()

    shop: Mapped[Shop | None] = relationship()
    image: Mapped[Image | None] = relationship(Image)
    tags: Mapped[list[Tag]] = relationship(order_by="Tag.word")


class Tag(Base):
    __tablename__ = "tags"
    id: Mapped[int] = mapped_column(primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey(Product.id), index=True)
    word: Mapped[str]


def price(number: int) -> int:
    """Of product ``number``: from 0 to 49, each once among the first 50."""
    return number * 7 % 50


def stock(session: Session, library: Library) -> None:
    """Product n shows image n, product 100 + n shows image n too and costs 50 more; product 200
    shows none. Every third one is of no shop; each has a tag of its own and, if even, one more."""
    session.add_all([Shop(id=1, town="Aachen"), Shop(id=2, town="Basel")])
    for number in range(PICTURED):
        session.add(_product(number, price(number), library.ids[number]))
    for number in range(SHARED):
        session.add(_product(100 + number, price(number) + 50, library.ids[number]))
    session.add(_product(200, 1, None))


def _product(id: int, price: int, image_id: UUID | None) -> Product:
    words = [f"own {id}"] + ["even"] * (id % 2 == 0)
    return Product(
        id=id,
        price=price,
        shop_id=id % 3 or None,
        image_id=image_id,
        tags=[Tag(word=word) for word in words],
    )
