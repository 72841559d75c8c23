"""Every method, sync and async, on both kinds of servers: one and the same result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
import psycopg
import pytest

import blipdb
from blipdb import Caption
from blipdb.client.hits import Hits
from tests.client.conftest import SCENES, World

Call = Callable[[Any, World], Any]

CALLS: dict[str, Call] = {
    "search": lambda db, w: db.search("red bicycle"),
    "few": lambda db, w: db.search("an orange cup", 3, candidates=4),
    "named": lambda db, w: db.search("a red car", model="scenes"),
    "threshold": lambda db, w: db.search("a pink kite", SCENES, threshold=0.2),
    "nothing": lambda db, w: db.search("red", threshold=1.1),
    "within": lambda db, w: db.search("red", within=w.ids[:3]),
    "within_none": lambda db, w: db.search("red", within=[]),
    "filter": lambda db, w: db.search("red", filter={"third": 1}),
    "filter_list": lambda db, w: db.search("red", filter={"tags": [5]}),
    "filter_all": lambda db, w: db.search("red", SCENES, filter={}),
    "filter_none": lambda db, w: db.search("red", filter={"third": "1"}),
    "filter_within": lambda db, w: db.search("red", filter={"third": 1}, within=w.ids[:6]),
    "by_image": lambda db, w: db.search(w.contents[4], 3),
    "image_threshold": lambda db, w: db.search(w.contents[4], SCENES, threshold=0.5),
    "similar": lambda db, w: db.similar(w.ids[4], 3),
    "similar_few": lambda db, w: db.similar(w.ids[4], 3, candidates=3),
    "similar_all": lambda db, w: db.similar(w.ids[0], SCENES),
    "similar_filter": lambda db, w: db.similar(w.ids[0], 2, filter={"third": 0}),
    "similar_within": lambda db, w: db.similar(w.ids[0], within=w.ids[:4]),
    "rerank": lambda db, w: db.rerank("a pink kite", w.ids[1:6], 4),
    "rerank_none": lambda db, w: db.rerank("a pink kite", []),
    "rerank_twice": lambda db, w: db.rerank("a pink kite", [w.ids[1], w.ids[1], w.ids[2]], 4),
    "embed": lambda db, w: db.embed("red bicycle"),
    "embed_image": lambda db, w: db.embed(w.contents[0]),
    "match": lambda db, w: db.match(w.ids[2], "an orange cup"),
    "match_image": lambda db, w: db.match(w.contents[2], "an orange cup"),
    "caption": lambda db, w: db.caption(w.ids[2]),
    "caption_image": lambda db, w: db.caption(w.contents[2], beams=2, max_tokens=9),
    "caption_sampled": lambda db, w: db.caption(w.ids[2], nucleus=0.9, seed=3),
    "captions": lambda db, w: db.captions(w.ids[2]),
    "captions_none": lambda db, w: db.captions(w.ids[0]),
    "answer": lambda db, w: db.answer(w.ids[3], "what is red"),
    "answer_image": lambda db, w: db.answer(w.contents[3], "what is red"),
    "answer_among": lambda db, w: db.answer(w.ids[3], "what is red", among=["a dog", "the car"]),
    "status": lambda db, w: db.status(),
    "failures": lambda db, w: db.failures(),
    "pictures": lambda db, w: db.pictures(w.ids[:2]),
}
EMPTY = ("nothing", "within_none", "filter_none", "rerank_none", "captions_none", "failures")


def ask(world: World, call: Call) -> Any:
    with blipdb.connect(world.url, home=world.home) as db:
        assert db.inference == world.kind
        return call(db, world)


async def aask(world: World, call: Call) -> Any:
    async with blipdb.aconnect(world.url, home=world.home) as db:
        assert db.inference == world.kind
        return await call(db, world)


def same(one: Any, other: Any) -> bool:
    """Equal, numbers to 1e-3."""
    if isinstance(one, Hits):
        assert isinstance(other, Hits)
        assert one.image_ids == other.image_ids
        numbers = [[(hit.score, hit.itm or 0.0, hit.itc) for hit in hits] for hits in (one, other)]
        texts = [[(hit.uri, hit.caption, hit.itm is None) for hit in hits] for hits in (one, other)]
        near = bool(np.allclose(numbers[0], numbers[1], atol=1e-3, rtol=0))
        return near and texts[0] == texts[1]
    if isinstance(one, np.ndarray):
        return (one.shape, one.dtype) == (other.shape, other.dtype) and bool(
            np.allclose(one, other, atol=1e-3)
        )
    if isinstance(one, float):
        return one == pytest.approx(other, abs=1e-3)
    return bool(one == other)


@pytest.mark.parametrize("name", CALLS)
def test_all_four_agree(name: str, with_functions: World, with_tables: World) -> None:
    call = CALLS[name]
    expected = ask(with_functions, call)
    assert same(ask(with_tables, call), expected)
    assert same(asyncio.run(aask(with_functions, call)), expected)
    assert same(asyncio.run(aask(with_tables, call)), expected)
    if name not in EMPTY:
        assert len(expected) if hasattr(expected, "__len__") else expected > 0


def test_captions_and_filters_are_as_stored(read: World) -> None:
    with blipdb.connect(read.url, home=read.home) as db:
        hits = db.search("red bicycle", SCENES)
        for hit in hits:
            number = read.ids.index(hit.image_id)
            said = (None, f"web text of {number}", f"human text of {number}")[number % 3]
            assert (hit.uri, hit.caption) == (str(read.paths[number]), said)
        assert set(db.search("red", filter={"third": 1}).image_ids) == set(read.ids[1::3])
        image = db.image(read.ids[2])
    assert image.captions == ("human text of 2", "web text of 2")
    assert (image.width, image.height, image.mime) == (256, 256, "image/jpeg")
    assert image.metadata == {"third": 2, "tags": ["scene", 2]}


def test_captions_in_order(write: World) -> None:
    """A hit, an image and the list of captions all go by the scores of the active filter."""
    id = write.ids[2]
    with psycopg.connect(write.admin) as conn:
        ((filter_id, other),) = conn.execute(
            "SELECT a.model_id, (SELECT max(m.model_id) FROM blip.models m)"
            " FROM blip.active_models a WHERE a.role = 'filter'"
        ).fetchall()
        for text, itm, by in (("bad", 0.25, filter_id), ("good", 0.75, filter_id), ("?", 1, other)):
            conn.execute(
                "INSERT INTO blip.captions (image_id, caption_id, text, origin, model_id, decoding,"
                " itm, itc, filter_id) VALUES (%s, gen_random_uuid(), %s, 'synthetic', %s,"
                """ '{"beams": 3}', %s, 0.5, %s)""",
                [id, text, filter_id, itm, by],
            )
        conn.execute("DELETE FROM blip.captions WHERE origin = 'human'")
    web = Caption("web text of 2", "web", None, None, None, None, "unjudged")
    written = ("synthetic", "scenes", {"beams": 3})
    with blipdb.connect(write.url, home=write.home) as db:
        assert db.captions(id) == [
            Caption("good", *written, 0.75, 0.5, "kept"),
            web,
            Caption("?", *written, None, None, "unjudged"),
            Caption("bad", *written, 0.25, 0.5, "dropped"),
        ]
        assert db.image(id).captions == ("good", "web text of 2", "?", "bad")
        assert [hit.caption for hit in db.search("red", within=[id])] == ["good"]


@pytest.mark.parametrize("kind", ["server"])
def test_status_and_failures_whatever_went_on(write: World) -> None:
    """One database with jobs in every state and files that failed, asked in both ways."""
    states = [
        ("p", 0, None),
        ("r", 60, None),
        ("r", -60, None),
        ("x", 0, "damaged"),
        ("d", 0, None),
    ]
    with psycopg.connect(write.url) as conn:
        for id, (state, seconds, error) in zip(write.ids, states, strict=False):
            conn.execute(
                "UPDATE blip.jobs SET state = %s, run_after = now() + %s * interval '1 s',"
                " lease = CASE WHEN %s = 'r' THEN gen_random_uuid() END, error = %s, attempts = 3"
                " WHERE image_id = %s AND model_id = 1",
                [state, seconds, state, error, id],
            )
        conn.execute(
            "INSERT INTO blip.failed_files (uri, reason) VALUES ('/b', 'no image'), ('/a', 'gone')"
        )
        conn.execute("DELETE FROM blip.files WHERE image_id = %s", [write.ids[3]])
        conn.execute("UPDATE blip.captions SET filter_id = 2 WHERE origin = 'human'")
        conn.execute("UPDATE blip.captions SET filter_id = 1 WHERE image_id = %s", [write.ids[2]])
    found = []
    for inference in ("server", "client"):
        with blipdb.connect(write.url, home=write.home, inference=inference) as db:
            found.append((db.status(), db.failures()))
    assert found[0] == found[1]
    counts = {(line.what, line.model, line.state): line.count for line in found[0][0]}
    assert counts["encode", "scenes", "pending"] == 2
    assert counts["encode", "scenes", "running"] == 1
    assert counts["files", None, "failed"] == 2
    assert counts["captions", "scenes", "unscored"] == counts["captions", None, "stored"] - 2
    assert [(line.uri, line.reason, line.attempts) for line in found[0][1]] == [
        *(("/a", "gone", 1), ("/b", "no image", 1), (None, "damaged", 3))
    ]
