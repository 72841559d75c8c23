"""Searches in an app's own statements, against the same model in numpy.

Everywhere: the hits are the best of the images that the statement admits.
"""

from __future__ import annotations

import numpy as np
import pytest
from sqlalchemy import (
    select,
)
from sqlalchemy.orm import Session, aliased, joinedload, selectinload

from blipdb.orm import Image, search
from tests.orm.queries import CHEAP, K, found, ids, numbers, of_shop
from tests.orm.shop import PICTURED, SHARED, Product, Shop, Tag, price
from tests.sql.library import SIZE, Library


@pytest.fixture
def session(anywhere: Session) -> Session:
    return anywhere


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
    """Conditions on the score are not in the prefilter; the others are."""
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
