"""blip_similar: image to image by the vector that is stored, against numpy."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import numpy as np
import psycopg
import pytest
from psycopg.types.json import Jsonb

import blipdb
from tests.sql.library import SIZE, Library

Connection = psycopg.Connection[Any]


def rows(conn: Connection, query: str, *values: Any) -> list[tuple[Any, ...]]:
    return conn.execute(query.encode(), values).fetchall()


def nearest(library: Library, number: int, k: int) -> list[Any]:
    """The others' ids, by their cosines to image ``number``."""
    cosines = library.cosines(library.itc[number])
    return [library.ids[other] for other in np.argsort(-cosines) if other != number][:k]


def test_the_most_similar_come_first_without_itself(conn: Connection, library: Library) -> None:
    found = rows(conn, "SELECT * FROM blip_similar(%s, 7)", library.ids[5])
    assert [row[0] for row in found] == nearest(library, 5, 7)
    cosines = library.cosines(library.itc[5])
    for id, uri, caption, score, itm, itc in found:
        number = library.ids.index(id)
        assert (uri, caption) == (f"/album/{number:02}.png", f"picture {number}")
        assert itm is None
        assert score == itc == pytest.approx(cosines[number], abs=1e-4)


def test_all_but_itself(conn: Connection, library: Library) -> None:
    found = rows(conn, "SELECT image_id FROM blip_similar(%s, k => 1000)", library.ids[0])
    assert {id for (id,) in found} == set(library.ids[1:])
    assert len(found) == SIZE - 1


def test_it_is_the_search_for_the_image_less_itself(conn: Connection, library: Library) -> None:
    by_image = rows(conn, "SELECT image_id FROM blip_search(%s::bytea, 11)", library.pictures[8])
    by_id = rows(conn, "SELECT image_id FROM blip_similar(%s, 10)", library.ids[8])
    assert by_image[0] == (library.ids[8],)
    assert by_id == by_image[1:]


def test_candidates_filter_within_and_threshold(conn: Connection, library: Library) -> None:
    order = nearest(library, 20, SIZE)
    tens = [id for id in order if library.ids.index(id) // 10 == 2]
    found = rows(
        conn,
        "SELECT image_id FROM blip_similar(%s, 20, filter => %s)",
        *(library.ids[20], Jsonb({"tens": 2})),
    )
    assert [id for (id,) in found] == tens
    among = library.ids[18:25]
    found = rows(conn, "SELECT image_id FROM blip_similar(%s, within => %s)", among[2], among)
    assert [id for (id,) in found] == [id for id in order if id in among]
    least = library.cosines(library.itc[20])[library.ids.index(order[4])] - 1e-4
    found = rows(
        conn, "SELECT image_id FROM blip_similar(%s, threshold => %s)", library.ids[20], least
    )
    assert [id for (id,) in found] == order[:5]


def test_an_image_that_its_filter_leaves_out_still_counts(
    conn: Connection, library: Library
) -> None:
    """Where it is not among the nearest itself, there is not one hit less."""
    others = library.ids[30:40]
    found = rows(
        conn, "SELECT image_id FROM blip_similar(%s, 10, 10, within => %s)", library.ids[3], others
    )
    assert {id for (id,) in found} == set(others)


def test_a_short_result_is_said(conn: Connection, library: Library) -> None:
    notices: list[str] = []
    conn.add_notice_handler(lambda notice: notices.append(notice.message_primary or ""))
    rows(conn, "SELECT * FROM blip_similar(%s, within => %s)", library.ids[0], library.ids[:3])
    assert notices == ["only 2 of 10: no more images are encoded by model 'tiny' and admitted here"]


def test_null_has_none_like_it(conn: Connection) -> None:
    assert rows(conn, "SELECT * FROM blip_similar(NULL)") == []


def test_an_unknown_image_and_what_is_out_of_range(conn: Connection, library: Library) -> None:
    unknown = pytest.raises(psycopg.errors.NoDataFound, match="is unknown here")
    with unknown as caught, conn.transaction():
        rows(conn, "SELECT * FROM blip_similar(%s)", uuid4())
    assert caught.value.diag.message_hint == "See blip_status() and blip_failures()."
    for arguments, says in (("0", "k must be between"), ("5, 4", "candidates must be between 5")):
        with pytest.raises(psycopg.errors.InvalidParameterValue, match=says), conn.transaction():
            rows(conn, f"SELECT * FROM blip_similar(%s, {arguments})", library.ids[0])
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="no model"):
        rows(conn, "SELECT * FROM blip_similar(%s, model => 'nobody')", library.ids[0])


def test_a_tenant_finds_its_own_alone(conn: Connection, library: Library) -> None:
    conn.execute("ALTER TABLE blip.images ENABLE ROW LEVEL SECURITY")
    conn.execute("CREATE POLICY tenant ON blip.images USING (space = current_setting('app.space'))")
    conn.execute("SET LOCAL ROLE blip_reader")
    conn.execute("SET LOCAL app.space = 'red'")
    own = library.ids[1::3]
    found = rows(conn, "SELECT image_id FROM blip_similar(%s, 100)", own[0])
    assert {id for (id,) in found} == set(own[1:])
    with pytest.raises(psycopg.errors.NoDataFound, match="is unknown here"):
        rows(conn, "SELECT * FROM blip_similar(%s)", library.ids[0])


def test_from_python(conn: Connection, library: Library) -> None:
    found = blipdb.connect(conn).similar(library.ids[5], 4)
    assert [hit.image_id for hit in found] == nearest(library, 5, 4)
