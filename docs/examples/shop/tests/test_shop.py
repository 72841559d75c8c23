"""The shop through HTTP."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from conftest import FOLDER, Item, sell
from fastapi.testclient import TestClient


def found(client: TestClient, **query: object) -> list[int]:
    """The ids of what a search finds."""
    reply = client.get("/search", params=query)
    assert reply.status_code == 200, reply.text
    hits = reply.json()
    assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)
    return [hit["product"]["id"] for hit in hits]


def test_words_find_what_they_describe(client: TestClient, items: list[Item]) -> None:
    right = sum(found(client, q=item.text, size=1) == [item.id] for item in items)
    assert right >= 0.7 * len(items)


def test_the_best_that_is_affordable(client: TestClient, items: list[Item]) -> None:
    """As many as there are on a page, and in the order that they have among all."""
    text = items[0].text
    every = found(client, q=text, size=len(items))
    assert len(every) == len(items)
    cheap = {item.id for item in items if item.price <= 10}
    assert found(client, q=text, max_price=10, size=5) == [id for id in every if id in cheap][:5]
    assert found(client, q=text, max_price=0) == []


def test_pages(client: TestClient, items: list[Item]) -> None:
    text = items[3].text
    every = found(client, q=text, max_price=30, size=30)
    pages = [found(client, q=text, max_price=30, size=3, page=page) for page in range(1, 11)]
    assert [id for page in pages for id in page] == every[:30]
    assert client.get("/search", params={"q": text, "page": 11}).status_code == 422


def test_an_image_finds_itself(client: TestClient, items: list[Item]) -> None:
    item = items[7]
    reply = client.post("/search", params={"size": 3}, files={"image": item.picture})
    hits = reply.json()
    assert hits[0]["product"]["id"] == item.id
    assert hits[0]["score"] == pytest.approx(1, abs=0.01)


def test_two_products_of_one_image(client: TestClient, items: list[Item]) -> None:
    first = items[9]
    second = sell(client, "The same for less", Decimal("0.10"), first.picture)
    assert found(client, q=first.text, max_price=1, size=5).count(second["id"]) == 1
    assert client.get(f"/products/{second['id']}/image").content == first.picture


def test_a_product_and_its_image(client: TestClient, items: list[Item]) -> None:
    item = items[0]
    shown = client.get(f"/products/{item.id}").json()
    assert shown == {"id": item.id, "name": "Thing 0", "price": "0.90"}
    reply = client.get(f"/products/{item.id}/image")
    assert (reply.content, reply.headers["content-type"]) == (item.picture, "image/png")
    assert client.get("/products/999999").status_code == 404


@pytest.mark.parametrize("query", [{"q": " "}, {"q": "a " * 9000}, {"q": "cup", "size": 0}])
def test_what_can_not_be_searched_for(
    client: TestClient, items: list[Item], query: dict[str, object]
) -> None:
    reply = client.get("/search", params=query)
    assert reply.status_code == 422
    assert reply.json()["detail"]


def test_a_product_that_is_refused_leaves_no_image(client: TestClient) -> None:
    before = found(client, q="cup", size=100)
    for price, image in (("-1", b"x"), ("1", b"")):
        product = {"name": "x", "price": price}
        reply = client.post("/products", data=product, files={"image": image})
        assert reply.status_code == 422
    assert found(client, q="cup", size=100) == before


def test_models_and_migrations_agree(client: TestClient) -> None:
    command.check(Config(Path(FOLDER) / "alembic.ini"))
