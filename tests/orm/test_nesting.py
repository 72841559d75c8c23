"""Searches in statements within statements, and in those that change rows.

Everywhere: the hits are the best of the images that the statement admits.
"""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import (
    Table,
    bindparam,
    delete,
    func,
    insert,
    literal,
    literal_column,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import Session, aliased, with_loader_criteria

from blipdb.orm import Image, search
from tests.orm.queries import CHEAP, K, found, ids, numbers, of_shop
from tests.orm.shop import PICTURED, SHARED, Product, Shop, Tag, price
from tests.sql.library import SIZE, Library


@pytest.fixture
def session(anywhere: Session) -> Session:
    return anywhere


def test_a_subquery_of_the_app(session: Session, library: Library) -> None:
    hits = search("dog", K)
    cheap = select(Product.image_id).where(Product.price < 20).subquery()
    statement = (
        select(cheap.c.image_id)
        .join(hits, hits.c.image_id == cheap.c.image_id)
        .order_by(hits.c.score.desc())
    )
    assert found(session, statement) == ids(library.best("dog", K, among=CHEAP))


@pytest.mark.parametrize("cte_first", [True, False])
def test_a_cte_of_the_app(session: Session, library: Library, cte_first: bool) -> None:
    hits = search("dog", K)
    cheap = select(Product.image_id).where(Product.price < 20).cte("cheap")
    one, other = (cheap, hits) if cte_first else (hits, cheap)
    statement = (
        select(cheap.c.image_id)
        .join_from(one, other, hits.c.image_id == cheap.c.image_id)
        .order_by(hits.c.score.desc())
    )
    assert found(session, statement) == ids(library.best("dog", K, among=CHEAP))


@pytest.mark.parametrize("kind", ["subquery", "cte"])
def test_within_a_subquery(session: Session, library: Library, kind: str) -> None:
    hits = search("dog", K)
    inner = (
        select(Product.image_id, hits.c.score)
        .join(hits, hits.c.image_id == Product.image_id)
        .where(Product.price < 20)
    )
    best = inner.subquery() if kind == "subquery" else inner.cte("best")
    statement = select(best.c.image_id).order_by(best.c.score.desc())
    assert found(session, statement) == ids(library.best("dog", K, among=CHEAP))
    assert session.scalar(select(func.count()).select_from(best)) == K


def test_a_search_among_those_of_a_cte(session: Session, library: Library) -> None:
    """The CTE has a search of its own."""
    reds, hits = search("red", 20), search("dog", K)
    red = (
        select(Product.image_id)
        .join(reds, reds.c.image_id == Product.image_id)
        .where(Product.price < 40, Product.id < 100)
        .cte("red")
    )
    statement = (
        select(red.c.image_id)
        .join(hits, hits.c.image_id == red.c.image_id)
        .order_by(hits.c.score.desc())
    )
    among = numbers(lambda n: price(n) < 40)
    best = [library.ids.index(id) for id in ids(library.best("red", 20, among=among))]
    assert found(session, statement) == ids(library.best("dog", K, among=best))


def test_a_recursive_cte(session: Session, library: Library) -> None:
    hits = search("dog", K)
    every = select(literal(3).label("id")).cte("every", recursive=True)
    every = every.union_all(select(every.c.id + 5).where(every.c.id < 40))
    statement = (
        select(Product.image_id)
        .join(every, every.c.id == Product.id)
        .join(hits, hits.c.image_id == Product.image_id)
        .order_by(hits.c.score.desc())
    )
    assert found(session, statement) == ids(library.best("dog", K, among=[*range(3, 45, 5)]))


def test_union(session: Session, library: Library) -> None:
    parts = []
    for shop in (1, 2):
        hits = search("dog", 3)
        parts.append(
            select(Product.image_id, hits.c.score)
            .join(hits, hits.c.image_id == Product.image_id)
            .where(Product.shop_id == shop, Product.id < 100)
        )
    rows = session.execute(union_all(*parts)).all()
    expected = [
        *ids(library.best("dog", 3, among=of_shop(1))),
        *ids(library.best("dog", 3, among=of_shop(2))),
    ]
    assert {row.image_id for row in rows} == {*expected}
    assert len(rows) == 6


def test_conditions_with_subqueries(session: Session, library: Library) -> None:
    """EXISTS and IN that are correlated with the app's rows, and with the hits."""
    hits = search("dog", K)
    even = select(Tag.id).where(Tag.product_id == Product.id, Tag.word == "even").exists()
    dear = select(Product.image_id).where(Product.price >= 50)
    statement = (
        select(Product.image_id)
        .join(hits, hits.c.image_id == Product.image_id)
        .where(even, hits.c.image_id.not_in(dear), Product.id < 100)
        .order_by(hits.c.score.desc())
    )
    among = numbers(lambda n: n % 2 == 0 and n >= SHARED)
    assert found(session, statement) == ids(library.best("dog", K, among=among))
    shown = aliased(Product)
    twice = select(func.count()).where(shown.image_id == hits.c.image_id).scalar_subquery() > 1
    alone = select(hits.c.image_id).where(twice).order_by(hits.c.score.desc())
    assert found(session, alone) == ids(library.best("dog", K, among=[*range(SHARED)]))


def test_a_correlated_search(by_functions: Session, library: Library) -> None:
    """The best of each shop: the search is part of a SELECT that the outer rows narrow."""
    hits = search("dog", 2)
    best = (
        select(func.max(hits.c.score))
        .select_from(Product)
        .join(hits, hits.c.image_id == Product.image_id)
        .where(Product.shop_id == Shop.id, Product.id < 100)
        .correlate(Shop)
        .scalar_subquery()
    )
    rows = by_functions.execute(select(Shop.id, best).order_by(Shop.id)).all()
    expected = [library.best("dog", 2, among=of_shop(shop))[0].score for shop in (1, 2)]
    assert np.allclose([score for _, score in rows], expected, atol=2e-3)


def test_a_lateral_search(by_functions: Session, library: Library) -> None:
    hits = search("dog", 2)
    best = (
        select(hits.c.image_id, hits.c.score)
        .join_from(Product, hits, hits.c.image_id == Product.image_id)
        .where(Product.shop_id == Shop.id, Product.id < 100)
        .lateral()
    )
    rows = by_functions.execute(
        select(Shop.id, best.c.image_id)
        .join_from(Shop, best, literal_column("true"))
        .order_by(Shop.id, best.c.score.desc())
    ).all()
    assert [(shop, id) for shop, id in rows] == [
        (shop, id) for shop in (1, 2) for id in ids(library.best("dog", 2, among=of_shop(shop)))
    ]


def test_a_correlated_exists(by_functions: Session, library: Library) -> None:
    """Asked of each row, the only image admitted is the row's: so the threshold decides."""
    every = library.best("dog", SIZE, candidates=SIZE, among=CHEAP)
    least = sorted(hit.itm for hit in every if hit.itm is not None)[-4] - 1e-4
    hits = search("dog", 1, threshold=least)
    statement = select(Product.image_id).where(
        Product.price < 20,
        Product.id < 100,
        select(hits.c.image_id).where(hits.c.image_id == Product.image_id).exists(),
    )
    assert set(found(by_functions, statement)) == {
        hit.image_id for hit in every if (hit.itm or 0) > least
    }


def test_a_search_that_stands_alone_in_a_subquery(session: Session, library: Library) -> None:
    """It knows nothing of the statement around it: the best of all images."""
    hits = search("dog", 20)
    statement = select(Product.image_id).where(
        Product.image_id.in_(select(hits.c.image_id)), Product.price < 20
    )
    best = {*ids(library.best("dog", 20))}
    assert set(found(session, statement)) == best & {library.ids[n] for n in CHEAP}


def test_aggregates(session: Session, library: Library) -> None:
    hits = search("dog", 20)
    rows = session.execute(
        select(Product.shop_id, func.count(), func.max(hits.c.score))
        .join(hits, hits.c.image_id == Product.image_id)
        .where(Product.id < 100, Product.shop_id.is_not(None))
        .group_by(Product.shop_id)
        .having(func.count() > 1)
    ).all()
    among = numbers(lambda n: n % 3 != 0)
    best = library.best("dog", 20, among=among)
    shops = [library.ids.index(hit.image_id) % 3 for hit in best]
    assert {(shop, count) for shop, count, _ in rows} == {(s, shops.count(s)) for s in (1, 2)}


def test_update(session: Session, library: Library) -> None:
    hits = search("dog", K)
    admitted = (Product.image_id == hits.c.image_id, Product.price < 20, Product.id < 100)
    expected = {library.ids.index(id) for id in ids(library.best("dog", K, among=CHEAP))}
    session.execute(
        update(Product)
        .where(*admitted)
        .values(price=999)
        .execution_options(synchronize_session=False)
    )
    changed = session.scalars(select(Product.id).where(Product.price == 999)).all()
    assert set(changed) == expected


def test_delete(session: Session, library: Library) -> None:
    hits = search("dog", K)
    cheap = (Tag.product_id == Product.id, Product.price < 20, Product.id < 100)
    gone = session.execute(
        delete(Tag)
        .where(*cheap, Product.image_id == hits.c.image_id)
        .returning(Tag.product_id)
        .execution_options(synchronize_session=False)
    )
    expected = {library.ids.index(id) for id in ids(library.best("dog", K, among=CHEAP))}
    assert set(gone.scalars()) == expected


def test_update_of_many(by_functions: Session, library: Library) -> None:
    """One statement, several sets of values."""
    hits = search("dog", K)
    products = Product.__table__
    assert isinstance(products, Table)
    change = (
        products.update()
        .where(products.c.image_id == hits.c.image_id, products.c.shop_id == bindparam("of"))
        .values(price=bindparam("to"))
    )
    by_functions.connection().execute(change, [{"of": 1, "to": 901}, {"of": 2, "to": 902}])
    for shop in (1, 2):
        changed = by_functions.scalars(select(Product.image_id).where(Product.price == 900 + shop))
        shared = [n for n in range(SHARED) if (100 + n) % 3 == shop]
        among = [*{*of_shop(shop), *shared}]
        assert set(changed) == {*ids(library.best("dog", K, among=among))}


def test_insert_from_a_search(session: Session, library: Library) -> None:
    hits = search("dog", K)
    best = (
        select(Product.id, literal("best"))
        .join(hits, hits.c.image_id == Product.image_id)
        .where(Product.price < 20, Product.id < 100)
    )
    session.execute(insert(Tag).from_select(["product_id", "word"], best))
    tagged = session.scalars(select(Tag.product_id).where(Tag.word == "best"))
    expected = {library.ids.index(id) for id in ids(library.best("dog", K, among=CHEAP))}
    assert set(tagged) == expected


def test_a_search_among_what_another_found(session: Session, library: Library) -> None:
    reds, hits = search("red", 20), search("dog", K)
    statement = (
        select(Product.image_id)
        .join(hits, hits.c.image_id == Product.image_id)
        .where(Product.image_id.in_(select(reds.c.image_id)), Product.id < 100)
        .order_by(hits.c.score.desc())
    )
    red = [library.ids.index(id) for id in ids(library.best("red", 20))]
    among = [n for n in red if n < PICTURED]
    assert found(session, statement) == ids(library.best("dog", K, among=among))


def test_criteria_of_the_session(session: Session, library: Library) -> None:
    """Criteria that an app adds to all of its statements, to separate tenants for instance."""
    hits = search("dog", K)
    statement = (
        select(Product.image_id)
        .join(hits, hits.c.image_id == Product.image_id)
        .order_by(hits.c.score.desc())
        .options(with_loader_criteria(Product, Product.price < 20))
    )
    assert found(session, statement) == ids(library.best("dog", K, among=CHEAP))


def test_relationships_as_joins(session: Session, library: Library) -> None:
    hits = search("dog", K)
    statement = (
        select(Product.image_id)
        .join(Product.image)
        .join(Product.tags)
        .join(hits, hits.c.image_id == Image.image_id)
        .where(Image.space == "red", Tag.word == "even", Product.id < 100)
        .order_by(hits.c.score.desc())
    )
    among = numbers(lambda n: n % 3 == 1 and n % 2 == 0)
    assert found(session, statement) == ids(library.best("dog", K, among=among))
