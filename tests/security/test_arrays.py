"""Arrays and numbers that are allowed by PostgreSQL and make no sense: right results, or 22023."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from blipdb import orm
from blipdb.client import arguments
from blipdb.errors import UsageError
from tests.images.pictures import encode, scene
from tests.sql.library import Library

Connection = psycopg.Connection[Any]
Refused = Callable[..., psycopg.Error]

PICTURE = encode(scene(), "PNG")
BAD = ("'NaN'", "'Infinity'", "'-Infinity'")
RERANK = "SELECT image_id, score, itc FROM blip_rerank('red dog', {}, itcs => {})"


def ranked(conn: Connection, image_ids: str, itcs: str) -> list[tuple[Any, ...]]:
    return conn.execute(RERANK.format(image_ids, itcs).encode()).fetchall()


def test_to_give_an_image_the_score_of_another(
    conn: Connection, library: Library, refused: Refused
) -> None:
    a, b = library.ids[:2]
    plain = ranked(conn, f"'{{{a},{b}}}'", "'{0.1,0.2}'")
    assert {(row[0], round(row[2], 3)) for row in plain} == {(a, 0.1), (b, 0.2)}
    for image_ids, itcs, said in (
        (f"'[0:1]={{{a},{b}}}'", "'{0.1,0.2}'", "image_ids must begin at 1, not at 0"),
        (f"'[7:8]={{{a},{b}}}'", "'{0.1,0.2}'", "image_ids must begin at 1, not at 7"),
        (f"'{{{a},{b}}}'", "'[0:1]={0.1,0.2}'", "itcs must begin at 1, not at 0"),
        (f"'{{{{{a},{b}}}}}'", "'{0.1,0.2}'", "not an array of 2 dimensions: [1:1][1:2]"),
        (f"'{{{a},{b}}}'", "'{{0.1},{0.2}}'", "not an array of 2 dimensions: [1:2][1:1]"),
        (f"'{{{a},NULL}}'", "'{0.1,0.2}'", "an image_id or its itc is NULL"),
        (f"'{{{{{a}}},{{NULL}}}}'", "'{0.1,0.2}'", "an image_id or its itc is NULL"),
        (f"'{{{a},{b}}}'", "'{0.1,NULL}'", "an image_id or its itc is NULL"),
        (f"'{{{a},{b}}}'", "'{{0.1},{NULL}}'", "an image_id or its itc is NULL"),
        (f"'{{{a},{a}}}'", "'{0.1,0.2}'", "an image_id comes twice"),
        (f"'{{{a},{b}}}'", "'{0.1}'", "there are 1 itcs for 2 image_ids"),
    ):
        error = refused(RERANK.format(image_ids, itcs))
        assert error.sqlstate == "22023", said
        assert said in str(error)


@pytest.mark.parametrize("itc", ["NaN", "Infinity", "-Infinity", "2", "-1.1", "1e30"])
def test_to_rank_first_by_a_number_that_is_no_cosine(
    library: Library, refused: Refused, itc: str
) -> None:
    a, b = library.ids[:2]
    error = refused(RERANK.format(f"'{{{a},{b}}}'", f"'{{0.1,{itc}}}'"))
    assert error.sqlstate == "22023"
    assert "an itc is a cosine, from -1 to 1, and not" in str(error)


@pytest.mark.parametrize("shape", ["{%s,%s}", "[0:1]={%s,%s}", "{{%s},{%s}}", "{%s,%s,NULL}"])
@pytest.mark.parametrize(
    "call",
    [
        "blip_search('red dog', within => '{}')",
        "blip_similar('{}', within => '{}')",
        "blip_rerank('red dog', '{}')",
    ],
)
def test_a_set_of_images_is_one_whatever_its_shape(
    conn: Connection, library: Library, shape: str, call: str
) -> None:
    among = library.ids[1:3]
    first = [library.ids[0]] if "similar" in call else []
    query = f"SELECT image_id FROM {call.format(*first, shape % tuple(among))}"
    found = conn.execute(query.encode()).fetchall()
    assert {row[0] for row in found} == set(among)


@pytest.mark.parametrize("threshold", BAD)
@pytest.mark.parametrize(
    "call",
    [
        "blip_search('red dog', threshold => {})",
        "blip_search(%b, threshold => {})",
        "blip_similar(%s, threshold => {})",
        "blip_rerank('red dog', ARRAY[%s]::uuid[], threshold => {})",
    ],
)
def test_a_threshold_that_is_no_number(
    library: Library, refused: Refused, threshold: str, call: str
) -> None:
    values = [PICTURE if "%b" in call else library.ids[0]] if "%" in call else []
    error = refused(f"SELECT * FROM {call.format(threshold)}", *values)
    assert error.sqlstate == "22023"
    assert f"threshold must be a finite number, not {threshold[1:-1]}" in str(error)


@pytest.mark.parametrize(("threshold", "count"), [("1e300", 0), ("-1e300", 10), ("2", 0)])
def test_a_threshold_beyond_every_score(conn: Connection, threshold: str, count: int) -> None:
    query = f"SELECT FROM blip_search('red dog', 10, threshold => {threshold})"
    assert len(conn.execute(query.encode()).fetchall()) == count


@pytest.mark.parametrize("nucleus", [*BAD, "0", "1.5", "-1"])
def test_a_nucleus_that_is_no_mass(library: Library, refused: Refused, nucleus: str) -> None:
    call = f"SELECT blip_caption(%s::uuid, nucleus => {nucleus})"
    error = refused(call, library.ids[0])
    assert error.sqlstate == "22023"
    assert "nucleus must be above 0 and at most 1" in str(error)


@pytest.mark.parametrize("among", ["[0:1]={a,b}", "{{a,b},{c,d}}", "{a,NULL}", "{{a,NULL}}", "{}"])
def test_answers_that_are_no_list(conn: Connection, refused: Refused, among: str) -> None:
    error = refused("SELECT blip._question('what?', %s::text[])", among)
    assert error.sqlstate == "22023"
    assert "among" in str(error)


# The same in Python


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**309])
@pytest.mark.parametrize("name", ["threshold", "nucleus"])
def test_a_client_takes_finite_numbers(value: float, name: str) -> None:
    with pytest.raises(UsageError, match="must be a"):
        arguments.number(name, value)
    with pytest.raises(UsageError, match="threshold must be a"):
        arguments.scope(3, threshold=value)
    with pytest.raises(UsageError, match="nucleus must be a"):
        arguments.decoding(None, None, value, None)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**309, "1", True])
def test_the_orm_takes_finite_numbers(value: Any) -> None:
    with pytest.raises(UsageError, match="threshold must be a"):
        orm.search("red", threshold=value)


def test_a_client_takes_lists_of_one_dimension(library: Library) -> None:
    for value in ([[library.ids[0]]], [None], [library.ids[0], None]):
        with pytest.raises(UsageError, match="it must hold UUIDs"):
            arguments.image_ids("within", value)  # type: ignore[arg-type]
    for texts in ([["a"]], [None]):
        with pytest.raises(UsageError, match="text in among must be a text"):
            arguments.texts("among", texts)  # type: ignore[arg-type]
