"""blip_embed, blip_match and blip_caption: one text, one image, or a pair of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest

from tests.sql.library import Library

Connection = psycopg.Connection[Any]


def value(conn: Connection, expression: str, *values: Any) -> Any:
    row = conn.execute(f"SELECT {expression}".encode(), values).fetchone()
    assert row is not None
    return row[0]


# Embedding


def test_embed_a_text(conn: Connection, library: Library) -> None:
    vector = value(conn, "blip_embed('red bicycle')::real[]")
    assert np.allclose(vector, library.runtime.embed_texts(["red bicycle"])[0], atol=1e-3)


def test_embed_an_image(conn: Connection, library: Library) -> None:
    vector = value(conn, "blip_embed(%b::bytea)::real[]", library.pictures[3])
    assert np.allclose(vector, library.itc[3], atol=1e-3)


def test_embed_orders_by_the_operators_of_pgvector(conn: Connection, library: Library) -> None:
    rows = conn.execute(
        "SELECT image_id FROM blip.image_vectors WHERE model_id = %s"
        " ORDER BY itc <=> (SELECT blip_embed('dog')) LIMIT 5",
        [library.model.model_id],
    ).fetchall()
    cosines = library.cosines(library.runtime.embed_texts(["dog"])[0])
    assert [row[0] for row in rows] == [library.ids[number] for number in np.argsort(-cosines)[:5]]


def test_embed_as_a_subquery_is_evaluated_once(conn: Connection, library: Library) -> None:
    plan = conn.execute(
        "EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off) SELECT image_id"
        " FROM blip.image_vectors ORDER BY itc <=> (SELECT blip_embed('dog')) LIMIT 5"
    ).fetchall()
    (initial,) = (n for n, (line,) in enumerate(plan) if "InitPlan" in line)
    assert "Result (actual rows=1 loops=1)" in plan[initial + 1][0]


def test_embed_nothing(conn: Connection) -> None:
    assert value(conn, "blip_embed(NULL::text)") is None
    assert value(conn, "blip_embed(NULL::bytea)") is None


# Matching


def test_match_a_stored_image(conn: Connection, library: Library) -> None:
    ((no_match, match),) = library.runtime.rerank(
        "red dog", library.tokens[[9]], library.scales[[9]]
    )
    probability = value(conn, "blip_match(%s::uuid, 'red dog')", library.ids[9])
    assert probability == pytest.approx(1 / (1 + np.exp(no_match - match)), abs=1e-3)


def test_match_is_searchs_itm(conn: Connection) -> None:
    rows = conn.execute(
        "SELECT itm, blip_match(image_id, 'red dog') FROM blip_search('red dog', 5)"
    ).fetchall()
    assert len(rows) == 5
    for itm, match in rows:
        assert match == pytest.approx(itm, abs=1e-6)


def test_match_an_image_of_ones_own(conn: Connection, library: Library) -> None:
    stored = value(conn, "blip_match(%s::uuid, 'red dog')", library.ids[9])
    own = value(conn, "blip_match(%b::bytea, 'red dog')", library.pictures[9])
    assert own == pytest.approx(stored, abs=1e-3)


def test_probabilities_beyond_what_exp_can_do(conn: Connection) -> None:
    for logits, probability in (("[900, -900]", 0), ("[-900, 900]", 1), ("[1.5, 1.5]", 0.5)):
        found = value(conn, "blip._probability(%s::jsonb)::real", logits)
        assert found == pytest.approx(probability, abs=1e-30)
    assert value(conn, "blip._probability(NULL)") is None


# Captioning


def test_caption_a_stored_image(conn: Connection, library: Library) -> None:
    (expected,) = library.runtime.caption(library.tokens[[4]], library.scales[[4]])
    assert value(conn, "blip_caption(%s::uuid)", library.ids[4]) == expected


def test_caption_an_image_of_ones_own(conn: Connection, library: Library) -> None:
    (expected,) = library.runtime.caption(library.tokens[[4]], library.scales[[4]])
    assert value(conn, "blip_caption(%b::bytea)", library.pictures[4]) == expected


def test_caption_by_other_decodings(conn: Connection, library: Library) -> None:
    image = library.tokens[[4]], library.scales[[4]]
    call = "blip_caption(%s::uuid, beams => 1, max_tokens => 6)"
    expected = library.runtime.caption(*image, beams=1, max_tokens=6)
    assert [value(conn, call, library.ids[4])] == expected

    call = "blip_caption(%s::uuid, nucleus => 0.9, seed => 5)"
    expected = library.runtime.caption(*image, nucleus=0.9, seed=5)
    assert [value(conn, call, library.ids[4])] == expected


# What can't be done


@pytest.mark.parametrize(
    "expression",
    [
        "blip_match(NULL::uuid, 'dog')",
        "blip_match(gen_random_uuid(), NULL)",
        "blip_match(NULL::bytea, 'dog')",
        "blip_match('x'::bytea, NULL)",
        "blip_caption(NULL::uuid)",
        "blip_caption(NULL::bytea)",
    ],
)
def test_null_gives_null(conn: Connection, expression: str) -> None:
    assert value(conn, expression) is None


@pytest.mark.parametrize(
    ("expression", "state", "message"),
    [
        ("blip_embed('')", "22023", "the query is empty"),
        ("blip_embed('dog', 'cat')", "22023", "no model 'cat'"),
        ("blip_embed(''::bytea)", "22023", "the image is empty"),
        ("blip_match(gen_random_uuid(), ' ')", "22023", "the query is empty"),
        (
            "blip_match(%s, 'dog')",
            "P0002",
            "image .*7b is unknown here or not encoded by model 'ti",
        ),
        ("blip_caption(%s)", "P0002", "image .*7b is unknown here or not encoded by model 'tiny'"),
        ("blip_caption(gen_random_uuid(), 0)", "22023", "beams must be between 1 and 10, not 0"),
        ("blip_caption('x'::bytea, 11)", "22023", "beams must be between 1 and 10, not 11"),
        ("blip_caption('x'::bytea, max_tokens => 0)", "22023", "max_tokens must be between 1 and"),
        ("blip_caption('x'::bytea, nucleus => 1.5)", "22023", "nucleus must be above 0 and at mos"),
        ("blip_caption('x'::bytea, nucleus => 0)", "22023", "nucleus must be above 0 and at most"),
    ],
)
def test_refused(conn: Connection, expression: str, state: str, message: str) -> None:
    values = [UUID(int=123)] if "%s" in expression else []
    with pytest.raises(psycopg.Error, match=message) as caught:
        value(conn, expression, *values)
    assert caught.value.sqlstate == state


def test_an_image_over_the_limit(conn: Connection) -> None:
    with pytest.raises(psycopg.Error, match="has 67108865 bytes; at most 67108864 are taken"):
        value(conn, "blip_embed(convert_to(repeat('x', 67108865), 'UTF8'))")


def test_bytes_that_are_no_image(conn: Connection) -> None:
    with pytest.raises(psycopg.Error) as caught:
        value(conn, "blip_match('no image at all'::bytea, 'dog')")
    assert caught.value.sqlstate == "22P03"  # invalid binary representation
