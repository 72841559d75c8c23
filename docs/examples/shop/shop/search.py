"""The best products that a customer may afford."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import Select, select

from blipdb.orm import search

from .models import Product

PAGES = 10  # beyond which nobody looks


def find(
    query: str | bytes, *, max_price: Decimal | None, page: int, size: int
) -> Select[Product, float]:
    """A page of products with their scores, for words or the bytes of an image."""
    hits = search(query, k=PAGES * size)
    found = select(Product, hits.c.score).join(hits, hits.c.image_id == Product.image_id)
    if max_price is not None:
        found = found.where(Product.price <= max_price)
    # Several products may show one image: the id makes their order, and so the pages, certain.
    return found.order_by(hits.c.score.desc(), Product.id).limit(size).offset((page - 1) * size)
