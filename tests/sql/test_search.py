"""blip_search and blip_rerank against the same model in numpy: the same hits, in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.sql.library import SIZE, SPACES, Hit, Library

Connection = psycopg.Connection[Any]

QUERIES = ("red bicycle", "a big dog on the left", "boat")


def found(conn: Connection, call: str, *values: Any) -> list[Hit]:
    statement = f"SELECT image_id, score, itm, itc FROM {call}".encode()
    return [Hit(*row) for row in conn.execute(statement, values).fetchall()]


def assert_same(hits: Sequence[Hit], expected: Sequence[Hit]) -> None:
    assert [hit.image_id for hit in hits] == [hit.image_id for hit in expected]
    for hit, other in zip(hits, expected, strict=True):
        assert hit.itc == pytest.approx(other.itc, abs=1e-3)
        assert hit.score == pytest.approx(other.score, abs=2e-3)
        assert hit.itm == (None if other.itm is None else pytest.approx(other.itm, abs=1e-3))


@pytest.mark.parametrize("query", QUERIES)
def test_search_finds_what_the_model_finds(conn: Connection, library: Library, query: str) -> None:
    assert_same(found(conn, "blip_search(%s)", query), library.best(query))


@pytest.mark.parametrize(("k", "candidates"), [(1, 1), (1, 5), (5, 5), (3, 60), (40, None)])
def test_search_reranks_that_many_candidates(
    conn: Connection, library: Library, k: int, candidates: int | None
) -> None:
    hits = found(conn, "blip_search('red dog', %s, %s)", k, candidates)
    assert_same(hits, library.best("red dog", k, candidates))


def test_score_is_the_match_logit_and_the_cosine(conn: Connection, library: Library) -> None:
    (hit,) = found(conn, "blip_search('red dog', 1)")
    number = library.ids.index(hit.image_id)
    ((_, match),) = library.runtime.rerank(
        "red dog", library.tokens[[number]], library.scales[[number]]
    )
    assert hit.score == pytest.approx(match + hit.itc, abs=1e-4)


def test_filter_within_and_both(conn: Connection, library: Library) -> None:
    tens = [number for number in range(SIZE) if number // 10 == 3]
    hits = found(conn, "blip_search('car', 4, filter => %s)", Jsonb({"tens": 3}))
    assert_same(hits, library.best("car", 4, among=tens))

    few = [1, 2, 33, 34, 35]
    ids = [library.ids[number] for number in few]
    assert_same(
        found(conn, "blip_search('car', 5, within => %s)", ids), library.best("car", 5, among=few)
    )

    call = "blip_search('car', 3, filter => %s, within => %s)"
    hits = found(conn, call, Jsonb({"tens": 3}), ids)
    assert_same(hits, library.best("car", 3, among=[33, 34, 35]))


def test_a_filter_is_no_worse_than_the_whole(conn: Connection, library: Library) -> None:
    """The nearest 32 of all hold none of these; they are found all the same."""
    cosines = library.cosines(library.runtime.embed_texts(["tree"])[0])
    farthest = [int(number) for number in np.argsort(cosines)[:4]]
    ids = [library.ids[number] for number in farthest]
    assert_same(
        found(conn, "blip_search('tree', 4, within => %s)", ids),
        library.best("tree", 4, among=farthest),
    )


def test_threshold_is_the_least_match_probability(conn: Connection, library: Library) -> None:
    every = library.best("house", 32)
    wanted = sorted(hit.itm for hit in every if hit.itm is not None)[20]
    hits = found(conn, "blip_search('house', 32, threshold => %s)", wanted + 1e-3)
    assert_same(hits, [hit for hit in every if hit.itm is not None and hit.itm > wanted + 1e-3])
    assert len(hits) == 11


def test_short_results_are_said(conn: Connection, library: Library) -> None:
    said: list[tuple[str | None, ...]] = []
    conn.add_notice_handler(
        lambda diag: said.append((diag.sqlstate, diag.message_primary, diag.message_detail))
    )
    conn.execute("UPDATE blip.jobs SET state = 'p' WHERE image_id = ANY(%s)", [library.ids[:2]])
    few = [library.ids[5], library.ids[6]]
    assert len(found(conn, "blip_search('dog', 3, within => %s)", few)) == 2
    notice = (
        "00000",
        "only 2 of 3: no more images are encoded by model 'tiny' and admitted here",
        "2 images wait to be encoded; see blip_status().",
    )
    assert said == [notice]
    found(conn, "blip_search('dog', 2, within => %s)", few)
    assert len(found(conn, "blip_rerank('dog', %s)", [*few, None, *few])) == 2
    assert said == [notice]


def test_nothing_admitted(conn: Connection) -> None:
    assert found(conn, "blip_search('dog', filter => %s)", Jsonb({"no": "such"})) == []
    assert found(conn, "blip_search('dog', within => '{}')") == []


def test_an_image_without_tokens_is_no_candidate(conn: Connection, library: Library) -> None:
    best = library.best("dog", 5)
    number = library.ids.index(best[0].image_id)
    conn.execute("DELETE FROM blip.image_tokens WHERE image_id = %s", [best[0].image_id])
    rest = [other for other in range(SIZE) if other != number]
    assert_same(found(conn, "blip_search('dog', 5)"), library.best("dog", 5, among=rest))


def test_arguments_by_position(conn: Connection, library: Library) -> None:
    """Untyped, as people and drivers write them: text and image must be told apart all the same."""
    expected = library.best("dog", 3)
    calls = ("'dog', 3", "'dog', 3, NULL", "'dog', 3, NULL, NULL, NULL, 0.0, NULL")
    for arguments in calls:
        assert_same(found(conn, f"blip_search({arguments})"), expected)
    picture = library.pictures[0]
    assert len(found(conn, "blip_search(%b, 3, NULL, '{}')", picture)) == 3


def test_hits_have_a_place_and_their_best_caption(conn: Connection, library: Library) -> None:
    query = "SELECT image_id, uri, caption FROM blip_search('dog', 3)"
    rows = conn.execute(query).fetchall()
    numbers = [library.ids.index(row[0]) for row in rows]
    assert [row[1:] for row in rows] == [
        (f"/album/{number:02}.png", f"picture {number}") for number in numbers
    ]

    first, second, third = (row[0] for row in rows)
    insert = (
        "INSERT INTO blip.captions"
        " (image_id, caption_id, text, origin, model_id, filter_id, itm)"
        " VALUES (%s, gen_random_uuid(), %s, %s, %s, %s, %s)"
    )
    ours = [library.model.model_id] * 2  # the writer and the filter
    conn.execute(insert, [first, "written", "synthetic", *ours, 0.9])
    conn.execute(insert, [first, "said", "human", None, None, None])
    conn.execute(insert, [second, "written", "synthetic", *ours, 0.1])
    conn.execute("DELETE FROM blip.captions WHERE image_id = %s", [third])
    conn.execute(insert, [third, "unlikely", "synthetic", *ours, 0.1])
    conn.execute(insert, [third, "likely", "synthetic", *ours, 0.8])
    conn.execute("DELETE FROM blip.files WHERE image_id = %s", [second])
    conn.execute("INSERT INTO blip.files (uri, image_id) VALUES ('/a', %s)", [first])
    assert conn.execute(query).fetchall() == [
        (first, "/a", "said"),
        (second, None, f"picture {numbers[1]}"),
        (third, f"/album/{numbers[2]:02}.png", "likely"),
    ]


def test_search_with_a_named_model(conn: Connection, library: Library) -> None:
    """The second is registered and not active; it has encoded nothing."""
    assert_same(found(conn, "blip_search('dog', model => 'tiny')"), library.best("dog"))
    assert found(conn, "blip_search('dog', model => 'deep')") == []


def test_search_by_image(conn: Connection, library: Library) -> None:
    hits = found(conn, "blip_search(%s::bytea, 5)", library.pictures[7])
    assert_same(hits, library.nearest(library.itc[7], 5))
    assert hits[0].image_id == library.ids[7]
    assert hits[0].itc == pytest.approx(1, abs=1e-3)
    least = hits[2].itc
    hits = found(conn, "blip_search(%s::bytea, 5, threshold => %s)", library.pictures[7], least)
    assert_same(hits, library.nearest(library.itc[7], 3))


def test_rerank(conn: Connection, library: Library) -> None:
    numbers = [50, 3, 21, 40]
    ids = [library.ids[number] for number in numbers]
    hits = found(conn, "blip_rerank('dog', %s, 3)", ids)
    assert_same(hits, library.best("dog", 3, among=numbers))
    again = found(conn, "blip_rerank('dog', %s, 3)", [*ids, None, *ids])
    assert again == hits
    assert found(conn, "blip_rerank('dog', '{}')") == []
    assert found(conn, "blip_rerank('dog', %s)", [UUID(int=5)]) == []


def test_rerank_of_what_the_caller_recalled(conn: Connection, library: Library) -> None:
    """Neither embedded nor measured again: the cosines are those that are given."""
    expected = library.best("dog", 60, candidates=60)[:20]
    ids = [hit.image_id for hit in expected]
    call = "blip_rerank('dog', %s, 20, itcs => %s::real[])"
    assert_same(found(conn, call, ids, [hit.itc for hit in expected]), expected)
    more = found(conn, call, ids, [hit.itc + 1 for hit in expected])
    assert [hit.image_id for hit in more] == ids
    assert np.allclose([hit.score for hit in more], [hit.score + 1 for hit in expected], atol=1e-3)
    assert found(conn, "blip_rerank('dog', '{}', itcs => '{}')") == []


def test_rerank_says_what_was_recalled_too_little(conn: Connection, library: Library) -> None:
    said: list[str | None] = []
    conn.add_notice_handler(lambda diag: said.append(diag.message_primary))
    found(conn, "blip_rerank('dog', %s, 3, itcs => '{0.1,0.2}')", library.ids[:2])
    assert said == ["only 2 of 3: no more images are encoded by model 'tiny' and admitted here"]


def test_tokens_go_in_several_requests(conn: Connection, library: Library) -> None:
    """At most a megabyte each: here by records that claim to be larger than they are."""
    expected = library.runtime.rerank("dog", library.tokens[:5], library.scales[:5])
    for records_per_request in (5, 2, 1, 0.3):
        model = (library.model.model_id, "tiny", library.model.digest, 16)
        row = conn.execute(
            "SELECT blip._logits((%s, %s, %s, %s, %s), 'dog', %s)",
            [*model, int(1048576 / records_per_request), library.ids[:5]],
        ).fetchone()
        assert row is not None
        assert np.allclose(row[0], expected, atol=1e-3)


# What can't be searched for


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("blip_search(NULL::text)", "the query is NULL"),
        ("blip_search('')", "the query is empty"),
        ("blip_search(E' \\t\\n')", "the query is empty"),
        ("blip_search(repeat('dog ', 2501))", "has 10004 characters; at most 10000 are read"),
        ("blip_search(repeat(E'\\x01', 10000))", "has no words"),  # six bytes each on the way
        ("blip_search('dog', 0)", "k must be between 1 and 1000, not 0"),
        ("blip_search('dog', NULL)", "k must be between 1 and 1000, not NULL"),
        ("blip_search('dog', -1)", "k must be between 1 and 1000, not -1"),
        ("blip_search('dog', 1000000)", "k must be between 1 and 1000, not 1000000"),
        ("blip_search('dog', 10, 9)", "candidates must be between 10 and 1000, not 9"),
        ("blip_search('dog', 10, 1001)", "candidates must be between 10 and 1000, not 1001"),
        ("blip_search('dog', filter => '3')", "filter must be a JSON object, not number"),
        ("blip_search('dog', model => 'cat')", "no model 'cat' with the role 'retrieval'"),
        ("blip_search('dog', model => '')", "no model '' with the role 'retrieval'"),
        ("blip_search(NULL::bytea)", "the image is NULL"),
        ("blip_search(''::bytea)", "the image is empty"),
        ("blip_search('x'::bytea, 0)", "k must be between 1 and 1000, not 0"),
        ("blip_rerank(NULL, '{}')", "the query is NULL"),
        ("blip_rerank('dog', '{}', itcs => '{0.5}')", "there are 1 itcs for 0 image_ids"),
        (
            "blip_rerank('dog', array_fill(gen_random_uuid(), '{2}'), itcs => '{0.5,0.5}')",
            "an image_id comes twice",
        ),
        (
            "blip_rerank('dog', ARRAY[gen_random_uuid()], itcs => '{NULL}')",
            "an image_id or its itc is NULL",
        ),
        ("blip_rerank('dog', NULL)", "the number of image_ids must be between 0 and 1000"),
        ("blip_rerank('dog', array_fill(gen_random_uuid(), '{1001}'))", "not 1001"),
    ],
)
def test_refused_with_the_limit(conn: Connection, call: str, message: str) -> None:
    with pytest.raises(psycopg.Error, match=message) as caught:
        found(conn, call)
    assert caught.value.sqlstate == "22023"


def test_unknown_model_lists_those_that_are_there(conn: Connection) -> None:
    with pytest.raises(psycopg.Error) as caught:
        found(conn, "blip_search('dog', model => 'cat')")
    assert caught.value.diag.message_hint == "Registered: deep, tiny"


def test_no_model_is_active(conn: Connection) -> None:
    conn.execute("DELETE FROM blip.active_models")
    with pytest.raises(psycopg.Error, match="no model is active in the role 'retrieval'") as caught:
        found(conn, "blip_search('dog')")
    assert caught.value.sqlstate == "55000"
    assert caught.value.diag.message_hint == (
        "Registered: deep, tiny. Activate one with: blipdb models activate"
    )


@pytest.mark.parametrize(
    "call",
    [
        "blip_search('dog')",
        "blip_captions(gen_random_uuid())",
        "blip_status()",
        "blip_failures()",
        "blip_add(%b)",
    ],
)
def test_no_tables(conn: Connection, call: str) -> None:
    conn.execute("DROP TABLE blip.active_models, blip.models CASCADE")
    values = [b"x"] if "%" in call else []
    with pytest.raises(psycopg.Error, match="tables are missing in this database") as caught:
        conn.execute(f"SELECT * FROM {call}".encode(), values)
    assert caught.value.diag.message_hint == "Make them with: blipdb init"


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("qwerty", "knows no word of this text: 'qwerty'"),
        ("!!!", "The text '!!!' has no words"),
        ("dog " * 30, "has 32 tokens; the model reads at most 20"),
    ],
)
def test_what_the_model_cannot_read(conn: Connection, query: str, message: str) -> None:
    with pytest.raises(psycopg.Error, match=message) as caught:
        found(conn, "blip_search(%s)", query)
    assert caught.value.sqlstate == "22023"


def test_control_characters_are_spaces(conn: Connection, library: Library) -> None:
    assert_same(found(conn, "blip_search(E'red\\x01\\tdog\\r\\n')"), library.best("red dog"))


# How it behaves as SQL


def test_settings_are_as_before(conn: Connection) -> None:
    names = ("hnsw.ef_search", "hnsw.iterative_scan", "jit", "search_path")
    before = [conn.execute(f"SHOW {name}".encode()).fetchone() for name in names[2:]]
    conn.execute("SET LOCAL hnsw.ef_search = 77")
    found(conn, "blip_search('dog')")
    assert conn.execute("SHOW hnsw.ef_search").fetchone() == ("77",)
    assert [conn.execute(f"SHOW {name}".encode()).fetchone() for name in names[2:]] == before


def test_joins_like_any_relation(conn: Connection, library: Library) -> None:
    rows = conn.execute(
        "SELECT i.space, h.score FROM blip_search('dog', 20) h JOIN blip.images i USING (image_id)"
        " WHERE i.space = 'red' ORDER BY h.score DESC"
    ).fetchall()
    best = [hit for hit in library.best("dog", 20) if library.ids.index(hit.image_id) % 3 == 1]
    assert len(rows) == len(best) > 0
    assert SPACES[1] == "red"


def test_a_search_path_cannot_mislead_it(conn: Connection, library: Library) -> None:
    """Whoever may create objects can't have another's search run them."""
    conn.execute("CREATE SCHEMA evil")
    conn.execute(
        "CREATE FUNCTION evil.cardinality(uuid[]) RETURNS int LANGUAGE sql AS 'SELECT 1/0'"
    )
    conn.execute("CREATE TEMP TABLE unnest (x int)")
    conn.execute("SET LOCAL search_path = evil, public, pg_catalog, pg_temp")
    assert_same(found(conn, "blip_search('dog')"), library.best("dog"))
