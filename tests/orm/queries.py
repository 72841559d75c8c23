"""Queries of searches in an app's statements, and their expected hits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.orm import Session

from tests.orm.shop import PICTURED, price
from tests.sql.library import Hit

K = 5


def numbers(admit: Callable[[int], bool]) -> list[int]:
    return [n for n in range(PICTURED) if admit(n)]


def of_shop(shop: int) -> list[int]:
    return numbers(lambda n: n % 3 == shop)


CHEAP = numbers(lambda n: price(n) < 20)


def ids(hits: Iterable[Hit]) -> list[UUID]:
    return [hit.image_id for hit in hits]


def found(session: Session, statement: Select[*tuple[Any, ...]]) -> list[Any]:
    """Its first column, in its order."""
    return list(session.scalars(statement).unique())
