"""Searches in an app's own statements, against the same model in numpy.

Everywhere: the hits are the best of the images that the statement admits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from sqlalchemy import (
    Engine,
    Select,
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
from sqlalchemy.orm import Session, aliased, joinedload, selectinload, with_loader_criteria

from blipdb.orm import Image, search
from tests.orm.shop import PICTURED, SHARED, Product, Shop, Tag, price
from tests.sql.library import SIZE, Hit, Library

K = 5


@pytest.fixture(params=["functions", "tables"])
def session(request: pytest.FixtureRequest, models: None) -> Iterator[Session]:
    """On a server with blipdb's functions, and on one that has its tables alone."""
    name = "alchemy" if request.param == "functions" else "alchemy_of_tables"
    with Session(request.getfixturevalue(name)) as session:
        yield session
        session.rollback()


def numbers(admit: Callable[[int], bool]) -> list[int]:
    return [n for n in range(PICTURED) if admit(n)]


def of_shop(shop: int) -> list[int]:
    return numbers(lambda n: n % 3 == shop)


CHEAP = numbers(lambda n: price(n) < 20)


def ids(hits: Iterable[Hit]) -> list[UUID]:
    return [hit.image_id for hit in hits]


def test_the_best_affordable(session: Session, library: Library) -> None:
    """And not the affordable ones among the best of all."""
    hits = search("dog", K)
    rows = session.execute(
        select(Product, hits.c.score, hits.c.itm, hits.c.itc, hits.c.uri, hits.c.caption)
        .join(hits, hits.c.image_id == Product.image_id)
        .where(Product.price < 20)
        .order_by(hits.c.score.desc())
    ).all()
    expected = library.best("dog", K, among=CHEAP)
    assert [row.Product.image_id for row in rows] == ids(expected)
    assert np.allclose(
        [(row.score, row.itm, row.itc) for row in rows],
        [(hit.score, hit.itm or 0, hit.itc) for hit in expected],
        atol=2e-3,
    )
    first = library.ids.index(expected[0].image_id)
    assert (rows[0].uri, rows[0].caption) == (f"/album/{first:02}.png", f"picture {first}")
    assert not {*ids(library.best("dog", K))} >= {*ids(expected)}


def found(session: Session, statement: Select[*tuple[Any, ...]]) -> list[Any]:
    """Its first column, in its order."""
    return list(session.scalars(statement).unique())


def test_core(session: Session, library: Library) -> None:
    hits = search("red dog", K)
    products = Product.__table__
    rows = session.connection().execute(
        select(products.c.id, hits.c.image_id)
        .select_from(products.join(hits, hits.c.image_id == products.c.image_id))
        .where(products.c.price < 20, products.c.id < 100)
        .order_by(hits.c.score.desc(), products.c.id)
    )
    assert [row.image_id for row in rows] == ids(library.best("red dog", K, among=CHEAP))


def test_alone(session: Session, library: Library) -> None:
    hits = search("dog", K)
    statement = select(hits.c.image_id).order_by(hits.c.score.desc())
    assert found(session, statement) == ids(library.best("dog", K))
    two = library.ids[4:6]
    assert set(found(session, statement.where(hits.c.image_id.in_(two)))) == set(two)


def test_a_list_of_froms(session: Session, library: Library) -> None:
    hits = search("dog", K)
    statement = (
        select(Product.image_id)
        .where(Product.image_id == hits.c.image_id)
        .where((Product.price < 20) & (Product.id < 100))
        .order_by(hits.c.score.desc())
    )
    assert found(session, statement) == ids(library.best("dog", K, among=CHEAP))


def test_joins(session: Session, library: Library) -> None:
    """An image counts once, however many rows of a join show it."""
    hits = search("dog", K)
    of_basel = numbers(lambda n: n % 3 == 2 or (n < SHARED and (100 + n) % 3 == 2))
    statement = (
        select(Product.image_id)
        .join(Shop)
        .join(Tag, Tag.product_id == Product.id)
        .join(hits, hits.c.image_id == Product.image_id)
        .where(Shop.town == "Basel")
        .order_by(hits.c.score.desc(), Product.id)
    )
    assert found(session, statement) == ids(library.best("dog", K, among=of_basel))


def test_a_search_first(session: Session, library: Library) -> None:
    hits = search("dog", K)
    statement = (
        select(Product.image_id)
        .select_from(hits)
        .join(Product, Product.image_id == hits.c.image_id)
        .join(Shop)
        .where(Shop.town == "Aachen", Product.id < 100)
        .order_by(hits.c.score.desc())
    )
    among = of_shop(1)
    assert found(session, statement) == ids(library.best("dog", K, among=among))


def test_a_shared_image_is_one_candidate(session: Session, library: Library) -> None:
    """All that show it are rows; k and candidates count images."""
    hits = search("dog", SHARED, candidates=SHARED)
    rows = session.execute(
        select(Product.id, hits.c.image_id)
        .join(hits, hits.c.image_id == Product.image_id)
        .where(Product.id % 100 < SHARED)
    ).all()
    assert {row.image_id for row in rows} == {*library.ids[:SHARED]}
    assert len(rows) == 2 * SHARED


def test_candidates(session: Session, library: Library) -> None:
    for candidates in (2, 4, 9, len(CHEAP)):
        hits = search("dog", 2, candidates=candidates)
        statement = (
            select(Product.image_id)
            .join(hits, hits.c.image_id == Product.image_id)
            .where(Product.price < 20)
            .order_by(hits.c.score.desc())
        )
        expected = library.best("dog", 2, candidates, among=CHEAP)
        assert found(session, statement) == ids(expected)


def test_pages(session: Session, library: Library) -> None:
    hits = search("dog", 12)
    statement = (
        select(Product.image_id)
        .join(hits, hits.c.image_id == Product.image_id)
        .where(Product.price < 30, Product.id < 100)
        .order_by(hits.c.score.desc(), Product.id)
        .limit(5)
    )
    pages = [found(session, statement.offset(first)) for first in (0, 5, 10, 15)]
    among = numbers(lambda n: price(n) < 30)
    assert [len(page) for page in pages] == [5, 5, 2, 0]
    assert [id for page in pages for id in page] == ids(library.best("dog", 12, among=among))


def test_aliases(session: Session, library: Library) -> None:
    offer, other = aliased(Product, name="offer"), aliased(Product)
    hits = search("dog", K).alias("hits")
    statement = (
        select(offer.image_id)
        .join(hits, hits.c.image_id == offer.image_id)
        .join(other, (other.id == offer.id + 1) & (other.price < 25))
        .where(offer.id < 100)
        .order_by(hits.c.score.desc())
    )
    among = numbers(lambda n: n + 1 < PICTURED and price(n + 1) < 25)
    assert found(session, statement) == ids(library.best("dog", K, among=among))


def test_two_searches_in_one_statement(session: Session, library: Library) -> None:
    """Each is of what the rest admits, whatever the other one finds."""
    dogs, reds = search("dog", 12), search("red", 12)
    statement = (
        select(Product.image_id)
        .join(dogs, dogs.c.image_id == Product.image_id)
        .join(reds, reds.c.image_id == Product.image_id)
        .where(Product.price < 40, Product.id < 100)
    )
    among = numbers(lambda n: price(n) < 40)
    both = {*ids(library.best("dog", 12, among=among))} & {
        *ids(library.best("red", 12, among=among))
    }
    assert set(found(session, statement)) == both
    assert both


def test_a_search_under_two_names(session: Session, library: Library) -> None:
    hits = search("dog", K)
    again = hits.alias()
    one, other = aliased(Product), aliased(Product)
    rows = session.execute(
        select(one.image_id, other.image_id)
        .join_from(one, hits, hits.c.image_id == one.image_id)
        .join(other, other.price == one.price + 1)
        .join(again, again.c.image_id == other.image_id)
        .where(one.id < 100, other.id < 100)
    ).all()
    having = {n: m for n in range(PICTURED) for m in range(PICTURED) if price(m) == price(n) + 1}
    firsts = {*ids(library.best("dog", K, among=list(having)))}
    seconds = {*ids(library.best("dog", K, among=list(having.values())))}
    pairs = {(library.ids[n], library.ids[m]) for n, m in having.items()}
    assert {tuple(row) for row in rows} == {
        (n, m) for n, m in pairs if n in firsts and m in seconds
    }


# Outer joins


def test_rows_without_a_hit(session: Session, library: Library) -> None:
    hits = search("dog", K)
    rows = session.execute(
        select(Product.id, hits.c.image_id)
        .outerjoin(hits, hits.c.image_id == Product.image_id)
        .where(Product.price < 20)
        .order_by(hits.c.score.desc().nulls_last())
    ).all()
    assert len(rows) == len(CHEAP) + 1  # one shows no image
    expected = ids(library.best("dog", K, among=CHEAP))
    assert [row.image_id for row in rows] == expected + [None] * (len(rows) - K)


def test_what_is_no_hit(session: Session, library: Library) -> None:
    hits = search("dog", K)
    statement = (
        select(Product.image_id)
        .outerjoin(hits, hits.c.image_id == Product.image_id)
        .where(Product.price < 20, Product.image_id.is_not(None), hits.c.image_id.is_(None))
    )
    best = ids(library.best("dog", K, among=CHEAP))
    assert set(found(session, statement)) == {library.ids[n] for n in CHEAP} - {*best}


def test_hits_without_a_row(session: Session, library: Library) -> None:
    """The hits are kept: images that no product shows are found too."""
    hits = search("dog", SIZE, candidates=SIZE)
    joined = select(hits.c.image_id, Product.id).outerjoin_from(
        hits, Product, hits.c.image_id == Product.image_id
    )
    rows = session.execute(joined.where(Product.id.is_(None)).order_by(hits.c.score.desc())).all()
    none = [*range(PICTURED, SIZE)]
    assert [row.image_id for row in rows] == ids(library.best("dog", SIZE, among=none))
    few = search("dog", 3)
    lonely = (
        select(few.c.image_id)
        .outerjoin_from(few, Product, few.c.image_id == Product.image_id)
        .where(Product.id.is_(None))
        .order_by(few.c.score.desc())
    )
    assert found(session, lonely) == ids(library.best("dog", 3, among=none))


def test_a_full_join(session: Session, library: Library) -> None:
    hits = search("dog", K)
    rows = session.execute(
        select(hits.c.image_id, Product.id).join_from(
            Product, hits, hits.c.image_id == Product.image_id, full=True
        )
    ).all()
    assert {row.image_id for row in rows} - {None} == {*ids(library.best("dog", K))}
    assert {row.id for row in rows} >= {*range(PICTURED)}
    lonely = (
        select(hits.c.image_id)
        .join_from(Product, hits, hits.c.image_id == Product.image_id, full=True)
        .where(Product.id.is_(None))
        .order_by(hits.c.score.desc())
    )
    none = [*range(PICTURED, SIZE)]
    assert found(session, lonely) == ids(library.best("dog", K, among=none))


def test_an_optional_row_beside_the_hits(session: Session, library: Library) -> None:
    """A left join that no condition mentions, one that does, and one that asks for absence."""
    hits = search("dog", K)
    base = (
        select(Product.image_id)
        .join(hits, hits.c.image_id == Product.image_id)
        .outerjoin(Shop, Shop.id == Product.shop_id)
        .where(Product.id < 100)
        .order_by(hits.c.score.desc())
    )
    every = [*range(PICTURED)]
    for statement, among in (
        (base, every),
        (base.where(Shop.town == "Basel"), of_shop(2)),
        (base.where(Shop.id.is_(None)), of_shop(0)),
    ):
        assert found(session, statement) == ids(library.best("dog", K, among=among))


def test_an_optional_row_that_depends_on_the_score(session: Session, library: Library) -> None:
    """What the score decides can't be asked before; the rest is."""
    hits = search("dog", K)
    statement = (
        select(Product.image_id, Shop.id)
        .join(hits, hits.c.image_id == Product.image_id)
        .outerjoin(Shop, (Shop.id == Product.shop_id) & (hits.c.score > -1000))
        .where(Product.price < 20, (Shop.id.is_(None)) | (Shop.id == 2), Product.id < 100)
        .order_by(hits.c.score.desc())
    )
    best = ids(library.best("dog", K, among=CHEAP))
    assert found(session, statement) == [id for id in best if library.ids.index(id) % 3 in (0, 2)]


def test_eager_loading(session: Session, library: Library) -> None:
    hits = search("dog", K)
    expected = ids(library.best("dog", K, among=CHEAP))
    statement = (
        select(Product)
        .join(hits, hits.c.image_id == Product.image_id)
        .where(Product.price < 20, Product.id < 100)
        .order_by(hits.c.score.desc())
    )
    for loading in (joinedload, selectinload):
        for limit in (None, 3):
            session.expunge_all()
            options = loading(Product.tags), loading(Product.shop), loading(Product.image)
            products = found(session, statement.options(*options).limit(limit))
            assert [product.image_id for product in products] == expected[:limit]
            assert all(
                f"own {product.id}" in {t.word for t in product.tags} for product in products
            )
            assert all(product.image.image_id == product.image_id for product in products)


@pytest.fixture
def by_functions(alchemy: Engine) -> Iterator[Session]:
    """For what only a server with functions can do; see test_alone."""
    with Session(alchemy) as session:
        yield session
        session.rollback()


# Statements within statements


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
    """What an app adds to all of its statements, to tell tenants apart for instance."""
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


# What the hits' own columns say


def test_conditions_on_scores_hold_for_the_hits(session: Session, library: Library) -> None:
    """They do not change which images are recalled: of the k best, those that satisfy them."""
    best = library.best("dog", K, among=CHEAP)
    least = (best[1].score + best[2].score) / 2
    hits = search("dog", K)
    statement = (
        select(Product.image_id)
        .join(hits, (hits.c.image_id == Product.image_id) & (hits.c.score > least))
        .where(Product.price < 20)
        .order_by(hits.c.score.desc())
    )
    assert found(session, statement) == ids(best[:2])
    name = f"/album/{library.ids.index(best[3].image_id):02}.png"
    by_uri = (
        select(Product.image_id)
        .join(hits, hits.c.image_id == Product.image_id)
        .where(Product.price < 20, hits.c.uri == name)
    )
    assert found(session, by_uri) == ids(best[3:4])


def test_threshold(session: Session, library: Library) -> None:
    every = library.best("house", 32, among=[*range(PICTURED)])
    least = sorted(hit.itm for hit in every if hit.itm is not None)[21] + 1e-4
    hits = search("house", 32, threshold=np.float32(least).item())
    statement = (
        select(Product.image_id)
        .join(hits, hits.c.image_id == Product.image_id)
        .order_by(hits.c.score.desc(), Product.id)
    )
    expected = [hit for hit in every if (hit.itm or 0) > least]
    assert found(session, statement) == ids(expected)
    assert 0 < len(expected) < 12


def test_by_image(session: Session, library: Library) -> None:
    hits = search(library.pictures[7], 3)
    statement = (
        select(Product.image_id, hits.c.score, hits.c.itm, hits.c.itc)
        .join(hits, hits.c.image_id == Product.image_id)
        .where(Product.price < 20)
        .order_by(hits.c.score.desc())
    )
    rows = session.execute(statement).all()
    cosines = library.cosines(library.itc[7])
    order = sorted(CHEAP, key=lambda n: -cosines[n])[:3]
    assert [row.image_id for row in rows] == [library.ids[n] for n in order]
    assert all(row.itm is None and row.score == row.itc for row in rows)
    alone = search(library.pictures[7], 1)
    assert found(session, select(alone.c.image_id)) == [library.ids[7]]


def test_a_named_model(session: Session, library: Library) -> None:
    for model, expected in (("tiny", ids(library.best("dog", K, among=CHEAP))), ("deep", [])):
        hits = search("dog", K, model=model)
        statement = (
            select(Product.image_id)
            .join(hits, hits.c.image_id == Product.image_id)
            .where(Product.price < 20)
            .order_by(hits.c.score.desc())
        )
        assert found(session, statement) == expected


def test_nothing_is_admitted(session: Session) -> None:
    hits = search("dog")
    statement = (
        select(Product).join(hits, hits.c.image_id == Product.image_id).where(Product.price < 0)
    )
    assert found(session, statement) == []


def test_images_of_blipdb(session: Session, library: Library) -> None:
    hits = search("dog", K)
    statement = (
        select(Image)
        .join(hits, hits.c.image_id == Image.image_id)
        .where(Image.metadata_["tens"].as_integer() == 2)
        .order_by(hits.c.score.desc())
    )
    images = found(session, statement)
    assert [i.image_id for i in images] == ids(library.best("dog", K, among=[*range(20, 30)]))
    first = library.ids.index(images[0].image_id)
    assert [file.uri for file in images[0].files] == [f"/album/{first:02}.png"]
    assert [caption.text for caption in images[0].captions] == [f"picture {first}"]
