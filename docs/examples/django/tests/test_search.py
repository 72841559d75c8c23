"""The search, on a real database."""

from __future__ import annotations

from catalog.models import Product
from catalog.search import search
from django.core.management import call_command
from django.db.models import F, Q


def numbers(found: list[Product]) -> list[int]:
    assert [p.score for p in found] == sorted((p.score for p in found), reverse=True)
    return [int(product.price) for product in found]


def test_words_find_what_they_describe(texts: list[str]) -> None:
    found = [numbers(search(Product.objects.all(), text, 1)) for text in texts]
    assert sum(one == [number] for number, one in enumerate(found)) >= 0.7 * len(texts)


def test_the_best_of_a_queryset(texts: list[str]) -> None:
    """As many as were asked for, in the order that they have among all."""
    every = numbers(search(Product.objects.all(), texts[0], len(texts)))
    assert len(every) == len(texts)
    for queryset, admits in (
        (Product.objects.filter(price__lt=12), lambda n: n < 12),
        (Product.objects.filter(shop__town="Basel"), lambda n: n % 2 == 1),
        (
            Product.objects.select_related("shop").exclude(price__in=[1, 2]),
            lambda n: n > 2 or n < 1,
        ),
        (Product.objects.filter(Q(name__contains="100%") & Q(price__gte=20)), lambda n: n >= 20),
        (Product.objects.order_by("price")[3:12], lambda n: 3 <= n < 12),
        (Product.objects.annotate(twice=F("price") * 2).filter(twice__lt=9), lambda n: n < 5),
    ):
        assert numbers(search(queryset, texts[0], 5)) == [n for n in every if admits(n)][:5]


def test_annotations_and_relations(texts: list[str]) -> None:
    queryset = Product.objects.annotate(twice=F("price") * 2).filter(shop__town="Aachen")
    for product in search(queryset, texts[4], 3):
        assert (product.twice, product.shop.town) == (2 * product.price, "Aachen")


def test_two_products_of_one_image(texts: list[str]) -> None:
    first = Product.objects.get(price=8)
    second = Product.objects.create(
        name="again", price=1000, shop=first.shop, image_id=first.image_id
    )
    found = search(Product.objects.filter(image_id=first.image_id), texts[8], 1)
    assert {product.pk for product in found} == {first.pk, second.pk}
    second.delete()


def test_nothing(texts: list[str]) -> None:
    assert search(Product.objects.none(), texts[0]) == []
    assert search(Product.objects.filter(price__lt=-1), texts[0]) == []


def test_by_image(texts: list[str]) -> None:
    from django.db import connection

    product = Product.objects.get(price=5)
    with connection.cursor() as cursor:
        cursor.execute("SELECT content FROM blip.images WHERE image_id = %s", [product.image_id])
        content = bytes(cursor.fetchone()[0])
    assert numbers(search(Product.objects.filter(price__gt=3), content, 3))[0] == 5


def test_models_and_migrations_agree(texts: list[str]) -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
