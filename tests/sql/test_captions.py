"""blip_captions and blip_status: an image's captions in order, and how many wait for scores."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from blipdb.identity import caption_id
from tests.sql.library import SIZE, Library

Connection = psycopg.Connection[Any]

CAPTIONS = "SELECT * FROM blip_captions(%s)"


def rows(conn: Connection, query: str, *values: Any) -> list[tuple[Any, ...]]:
    return conn.execute(query.encode(), values).fetchall()


def texts(conn: Connection, id: UUID) -> list[str]:
    return [text for text, *_ in rows(conn, CAPTIONS, id)]


def models(conn: Connection) -> tuple[int, int]:
    """The ids of the active filter and of another model."""
    ((filter_id,),) = rows(conn, "SELECT model_id FROM blip.active_models WHERE role = 'filter'")
    other, *_ = rows(conn, "SELECT model_id FROM blip.models WHERE model_id <> %s", filter_id)
    return filter_id, other[0]


def put(
    conn: Connection,
    id: UUID,
    text: str,
    origin: str = "web",
    itm: float | None = None,
    itc: float | None = None,
    *,
    by: int | None = None,
    unread: str | None = None,
) -> None:
    """Store a caption, scored by a model if ``by`` is given."""
    writer = rows(conn, "SELECT min(model_id) FROM blip.models")[0][0]
    conn.execute(
        "INSERT INTO blip.captions (image_id, caption_id, text, origin, model_id, decoding, itm,"
        " itc, filter_id, unread) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            *(id, caption_id(origin, text), text, origin),
            *((writer, Jsonb({"beams": 3})) if origin == "synthetic" else (None, None)),
            *(itm, itc, by, unread),
        ],
    )


@pytest.fixture
def image(conn: Connection, library: Library) -> UUID:
    """A stored image without captions."""
    conn.execute("DELETE FROM blip.captions WHERE image_id = %s", [library.ids[5]])
    return library.ids[5]


def test_kept_before_unjudged_before_dropped(conn: Connection, image: UUID) -> None:
    judge, _ = models(conn)
    put(conn, image, "unreadable", by=judge, unread="no word of it is known")
    put(conn, image, "dropped", itm=0.49, itc=0.9, by=judge)
    put(conn, image, "not seen yet")
    put(conn, image, "good", itm=0.6, itc=0.1, by=judge)
    put(conn, image, "better", "synthetic", itm=0.9, itc=0.1, by=judge)
    put(conn, image, "of somebody, who is not judged", "human", itm=0.2, itc=0.1, by=judge)
    put(conn, image, "of somebody", "human", itm=0.8, itc=0.1, by=judge)
    put(conn, image, "of somebody, not seen yet", "human")
    assert [(row[0], row[6]) for row in rows(conn, CAPTIONS, image)] == [
        ("of somebody", "kept"),
        ("of somebody, who is not judged", "kept"),
        ("of somebody, not seen yet", "kept"),
        ("better", "kept"),
        ("good", "kept"),
        ("not seen yet", "unjudged"),
        ("dropped", "dropped"),
        ("unreadable", "dropped"),
    ]


def test_what_a_row_holds(conn: Connection, library: Library, image: UUID) -> None:
    judge, _ = models(conn)
    put(conn, image, "a red dog", "synthetic", itm=0.75, itc=0.5, by=judge)
    cursor = conn.execute(CAPTIONS, [image])
    assert [column.name for column in cursor.description or []] == [
        *("text", "origin", "writer", "decoding", "itm", "itc", "verdict")
    ]
    ((writer,),) = rows(conn, "SELECT name FROM blip.models ORDER BY model_id LIMIT 1")
    assert cursor.fetchall() == [
        ("a red dog", "synthetic", writer, {"beams": 3}, 0.75, 0.5, "kept")
    ]


def test_equal_scores_are_ordered_by_itc_and_then_by_origin(conn: Connection, image: UUID) -> None:
    judge, _ = models(conn)
    put(conn, image, "written", "synthetic", itm=0.75, itc=0.25, by=judge)
    put(conn, image, "found", itm=0.75, itc=0.25, by=judge)
    put(conn, image, "nearest", "synthetic", itm=0.75, itc=0.5, by=judge)
    assert texts(conn, image) == ["nearest", "found", "written"]


def test_scores_of_another_filter_are_left_out(conn: Connection, image: UUID) -> None:
    judge, other = models(conn)
    put(conn, image, "by another", itm=0.9, itc=0.9, by=other)
    put(conn, image, "dropped by another", itm=0.1, itc=0.1, by=other)
    put(conn, image, "unread by another", by=other, unread="no word of it is known")
    put(conn, image, "by this", itm=0.6, itc=0.1, by=judge)
    first, *rest = rows(conn, CAPTIONS, image)
    assert first[0] == "by this"
    assert [row[4:] for row in rest] == [(None, None, "unjudged")] * 3
    conn.execute("UPDATE blip.active_models SET model_id = %s WHERE role = 'filter'", [other])
    assert [(row[0], row[6]) for row in rows(conn, CAPTIONS, image)] == [
        ("by another", "kept"),
        ("by this", "unjudged"),
        ("dropped by another", "dropped"),
        ("unread by another", "dropped"),
    ]


def test_without_a_filter_nothing_is_judged(conn: Connection, image: UUID) -> None:
    judge, _ = models(conn)
    put(conn, image, "dropped", itm=0.1, itc=0.1, by=judge)
    put(conn, image, "of somebody", "human")
    conn.execute("DELETE FROM blip.active_models WHERE role = 'filter'")
    assert [(row[0], row[4], row[6]) for row in rows(conn, CAPTIONS, image)] == [
        ("of somebody", None, "kept"),
        ("dropped", None, "unjudged"),
    ]


def test_an_edited_caption_is_unjudged(conn: Connection, image: UUID) -> None:
    judge, _ = models(conn)
    put(conn, image, "a red dog", itm=0.9, itc=0.9, by=judge)
    conn.execute("UPDATE blip.captions SET text = 'a dog' WHERE image_id = %s", [image])
    assert rows(conn, CAPTIONS, image) == [("a dog", "web", None, None, None, None, "unjudged")]


def test_a_hit_shows_the_best(conn: Connection, image: UUID) -> None:
    """A dropped caption is shown if there is no other."""
    judge, _ = models(conn)
    search = "SELECT caption FROM blip_search('red dog', within => ARRAY[%s]::uuid[])"
    assert rows(conn, search, image) == [(None,)]
    put(conn, image, "dropped", itm=0.1, itc=0.1, by=judge)
    assert rows(conn, search, image) == [("dropped",)]
    put(conn, image, "not seen yet")
    assert rows(conn, search, image) == [("not seen yet",)]
    put(conn, image, "kept", "synthetic", itm=0.6, itc=0.1, by=judge)
    assert rows(conn, search, image) == [("kept",)]
    put(conn, image, "of somebody", "human")
    assert rows(conn, search, image) == [("of somebody",)]


def test_captions_of_each_image(conn: Connection, library: Library) -> None:
    found = rows(
        conn,
        "SELECT f.uri, c.text FROM blip.files f, blip_captions(f.image_id) c"
        " WHERE f.uri LIKE '/album/0%%.png' ORDER BY f.uri",
    )
    assert found == [(f"/album/{n:02}.png", f"picture {n}") for n in range(10)]


def test_none_null_and_unknown(conn: Connection, image: UUID) -> None:
    assert rows(conn, CAPTIONS, image) == []
    assert rows(conn, CAPTIONS, None) == []
    unknown = uuid4()
    with pytest.raises(psycopg.errors.NoDataFound) as caught:
        rows(conn, CAPTIONS, unknown)
    assert caught.value.diag.message_primary == f"image {unknown} is unknown here"
    assert caught.value.diag.message_hint == (
        "blip.images and blip.files have the ids of those that are stored."
    )


def test_policies_hold(conn: Connection, library: Library) -> None:
    conn.execute("ALTER TABLE blip.images ENABLE ROW LEVEL SECURITY")
    conn.execute("CREATE POLICY tenant ON blip.images USING (space = 'red')")
    conn.execute("SET LOCAL ROLE blip_reader")
    assert texts(conn, library.ids[1]) == ["picture 1"]
    with pytest.raises(psycopg.errors.NoDataFound, match=f"{library.ids[2]} is unknown here"):
        rows(conn, CAPTIONS, library.ids[2])


def test_a_policy_on_captions_holds(conn: Connection, image: UUID) -> None:
    put(conn, image, "secret", "human")
    put(conn, image, "for all")
    conn.execute("CREATE POLICY web ON blip.captions AS RESTRICTIVE USING (origin = 'web')")
    conn.execute("ALTER TABLE blip.captions ENABLE ROW LEVEL SECURITY")
    conn.execute("SET LOCAL ROLE blip_reader")
    assert texts(conn, image) == ["for all"]
    search = "SELECT caption FROM blip_search('red dog', within => ARRAY[%s]::uuid[])"
    assert rows(conn, search, image) == [("for all",)]
    assert unscored(conn) == [("tiny", SIZE)]


def unscored(conn: Connection) -> list[tuple[Any, ...]]:
    return rows(
        conn,
        "SELECT model, count FROM blip_status() WHERE (what, state) = ('captions', 'unscored')",
    )


def test_status_counts_what_the_filter_has_not_scored(conn: Connection, image: UUID) -> None:
    judge, other = models(conn)
    waiting = SIZE - 1
    assert unscored(conn) == [("tiny", waiting)]
    put(conn, image, "kept", itm=0.9, itc=0.9, by=judge)
    put(conn, image, "unreadable", by=judge, unread="no word of it is known")
    assert unscored(conn) == [("tiny", waiting)]
    put(conn, image, "by another", itm=0.9, itc=0.9, by=other)
    put(conn, image, "not seen yet", "synthetic")
    assert unscored(conn) == [("tiny", waiting + 2)]
    conn.execute("UPDATE blip.active_models SET model_id = %s WHERE role = 'filter'", [other])
    assert unscored(conn) == [("deep", waiting + 3)]
    conn.execute("DELETE FROM blip.active_models WHERE role = 'filter'")
    assert unscored(conn) == [(None, waiting + 4)]


def test_status_lists_it_after_the_captions(conn: Connection) -> None:
    found = rows(conn, "SELECT what, state FROM blip_status()")
    assert found[3:5] == [("captions", "stored"), ("captions", "unscored")]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM blip.ranked_captions c WHERE c.image_id = %s",
        "SELECT (SELECT t.text FROM blip.ranked_captions t"
        " WHERE t.image_id = h.image_id AND t.rank = 1) FROM unnest(ARRAY[%s]::uuid[])"
        " h (image_id)",
    ],
)
def test_the_captions_of_an_image_are_found_by_an_index(
    conn: Connection, library: Library, query: str
) -> None:
    """And those of no other image are ranked for it."""
    conn.execute(
        "INSERT INTO blip.captions (image_id, caption_id, text, origin)"
        " SELECT i.image_id, gen_random_uuid(), 'text ' || n, 'web'"
        " FROM blip.images i, generate_series(1, 200) n"
    )
    conn.execute("ANALYZE blip.captions")
    plan = "\n".join(line for (line,) in rows(conn, f"EXPLAIN {query}", library.ids[0]))
    assert "captions_pkey" in plan
    assert "Seq Scan on captions" not in plan
