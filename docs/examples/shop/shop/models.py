"""The shop's own table. Images are blipdb's."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from sqlalchemy import CheckConstraint, Numeric
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from blipdb.orm import Image, image_column


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "products"
    __table_args__ = (CheckConstraint("price >= 0", "products_price_check"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2), index=True)
    image_id: Mapped[UUID | None] = image_column()

    image: Mapped[Image | None] = relationship(Image)
