"""Search results, as they print and as a notebook shows them."""

from __future__ import annotations

import asyncio
import base64
import io
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any
from uuid import UUID

import psycopg
import pytest
from PIL import Image

import blipdb
from blipdb.client.hits import Hits
from blipdb.database import connection
from blipdb.errors import DatabaseError, ImageError
from blipdb.identity import image_id
from blipdb.work.executors import run_jobs
from tests.album import picture
from tests.attach import attach, id_of, put, shop
from tests.client.conftest import World

ONE, TWO = UUID(int=1), UUID(int=2)
TAGS = {"div", "figure", "figcaption", "img", "b", "br", "code", "p", "i"}
HOSTILE = """<img src=x onerror="alert('1')">&amp;</figure><script>alert(1)</script>"""


def hit(
    id: UUID = ONE, uri: str | None = "/a.png", caption: str | None = None, itm: float | None = 0.5
) -> blipdb.Hit:
    return blipdb.Hit(id, uri, caption, 1.25, itm, 0.25)


def test_it_is_a_sequence() -> None:
    hits = Hits([hit(ONE), hit(TWO)])
    assert len(hits) == 2
    assert [one.image_id for one in hits] == hits.image_ids == [ONE, TWO]
    assert hits[-1].image_id == TWO
    assert isinstance(hits[:1], Hits)
    assert hits[:1] == [hit(ONE)]
    assert hits == Hits(list(hits))
    assert hits != [hit(ONE)]
    assert hits != "hits"
    assert hit(TWO) in hits
    assert len({hits, Hits(list(hits))}) == 1


def test_it_prints_as_a_table() -> None:
    hits = Hits([hit(uri="/longer.png", caption="a dog"), hit(TWO, uri=None, itm=None)])
    assert repr(hits).split("\n") == [
        "score    itm    itc  place                                 caption",
        "1.250  0.500  0.250  /longer.png                           a dog",
        f"1.250         0.250  {TWO}",
    ]
    assert repr(Hits([])) == "no hits"


def test_columns_that_are_empty_are_left_out() -> None:
    assert repr(Hits([hit(itm=None)])).split("\n") == [
        "score    itc  place",
        "1.250  0.250  /a.png",
    ]


def test_what_is_wide_is_cut_and_stays_aligned() -> None:
    title, *lines = repr(
        Hits([hit(caption="自転車" * 40), hit(uri="/" + "b" * 99, caption="c")])
    ).split("\n")
    assert "…" in lines[0]
    assert "…" in lines[1]
    assert lines[1].index("c") == title.index("caption")


def test_control_characters_reach_no_terminal() -> None:
    shown = repr(Hits([hit(uri="/a\x1b[2J\n.png", caption="b\u202ec\x9b")]))
    assert "\\x1b[2J\\n.png" in shown
    assert "\\u202e" in shown
    assert not set("\x1b\u202e\x9b") & set(shown)
    assert len(shown.split("\n")) == 2


class _Tags(HTMLParser):
    """The tags and attributes that a browser would see."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_what_strangers_wrote_is_text_in_html() -> None:
    jpeg = b"\xff\xd8\xff"
    hits = Hits([hit(uri=HOSTILE, caption=HOSTILE)])
    for shown in (
        hits.with_pictures({ONE: jpeg}),
        hits.with_pictures({ONE: ImageError(HOSTILE)}),
        hits,
    ):
        page = _Tags(shown._repr_html_())
        assert {tag for tag, _ in page.tags} <= TAGS
        assert not any("onerror" in attributes for _, attributes in page.tags)
        assert HOSTILE in page.texts
        for tag, attributes in page.tags:
            if tag == "img":
                assert attributes["alt"] == HOSTILE
                assert attributes["src"] == "data:image/jpeg;base64,/9j/"


def test_a_hit_without_a_picture_says_so() -> None:
    hits = Hits([hit(ONE), hit(TWO)]).with_pictures({ONE: b"\xff", TWO: ImageError("gone")})
    html = hits._repr_html_()
    assert html.count("<img") == 1
    assert "<i>no picture: gone</i>" in html
    assert "not fetched" in Hits([hit()])._repr_html_()
    assert Hits([])._repr_html_() == "<p>no hits</p>"


def test_a_notebook_shows_so_many_and_says_how_many_more() -> None:
    asked: list[UUID] = []

    def show(ids: Sequence[UUID]) -> dict[UUID, bytes]:
        asked.extend(ids)
        return dict.fromkeys(ids, b"\xff")

    hits = Hits([hit(UUID(int=number)) for number in range(130)], show)
    html = hits._repr_html_()
    assert html.count("<img") == 100
    assert html.endswith("<p>and 30 more</p>")
    assert asked == hits.image_ids[:100]
    assert len(repr(hits).split("\n")) == 131


def test_pictures_that_can_not_be_fetched_do_not_hide_the_hits() -> None:
    def show(ids: Any) -> Any:
        raise DatabaseError("The client is closed.")

    html = Hits([hit()], show)._repr_html_()
    assert "1.250" in html
    assert "no picture: The client is closed." in html


# With a database


def sources(html: str) -> list[Image.Image]:
    """The pictures that a notebook would show."""
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    return [Image.open(io.BytesIO(base64.b64decode(data))) for data in found]


def test_a_notebook_shows_the_pictures(read: World) -> None:
    with blipdb.connect(read.url, home=read.home) as db:
        hits = db.search("red bicycle", 3)
        shown = sources(hits._repr_html_())
        assert [image.size for image in shown] == [(256, 256)] * 3
        assert len(sources(hits[:1]._repr_html_())) == 1
        first = read.paths[read.ids.index(hits[0].image_id)]
        with Image.open(first) as original:
            mean = original.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))
        assert shown[0].resize((1, 1), Image.Resampling.BOX).getpixel((0, 0)) == pytest.approx(
            mean, abs=4
        )
    assert "no picture: The client is closed." in hits._repr_html_()


def test_a_notebook_shows_what_an_async_client_found(read: World) -> None:
    async def main() -> None:
        async with blipdb.aconnect(read.url, home=read.home) as db:
            hits = await db.search("red bicycle", 3)
            assert len(sources(hits._repr_html_())) == 3
        async with await psycopg.AsyncConnection.connect(read.url) as conn:
            db = blipdb.aconnect(conn, home=read.home)
            hits = await db.search("red bicycle", 3)
            assert hits._repr_html_().count("not fetched") == 3
            hits = hits.with_pictures(await db.pictures(hits.image_ids))
            assert len(sources(hits._repr_html_())) == 3

    asyncio.run(main())


def test_pictures_from_contents_and_files(write: World) -> None:
    with blipdb.connect(write.url, home=write.home) as db, psycopg.connect(write.admin) as admin:
        kept = db.add(picture(1, side=400))
        damaged = db.add(picture(2)[:60])
        moved, elsewhere, lied = write.ids[1:4]
        for id, uri in (
            (moved, "/nowhere/at/all.jpg"),
            (elsewhere, "https://example.com/x.jpg"),
            (lied, f"{write.paths[0].parent}/./{write.paths[0].name}"),  # another image's file
        ):
            admin.execute("UPDATE blip.files SET uri = %s WHERE image_id = %s", [uri, id])
        admin.commit()
        seen = db._fetch_pictures([kept, damaged, *write.ids[:5], ONE])
    assert isinstance(seen[write.ids[0]], bytes)
    jpeg = seen[kept]
    assert isinstance(jpeg, bytes)
    with Image.open(io.BytesIO(jpeg)) as image:
        assert (image.format, image.size) == ("JPEG", (320, 320))
    assert isinstance(seen[write.ids[4]], bytes)
    reasons = {id: str(seen[id]) for id in (damaged, moved, elsewhere, lied, ONE)}
    assert "truncated" in reasons[damaged]
    for id in (moved, elsewhere, lied):
        assert reasons[id] == "its content is not stored, and no file of it can be read here"
    assert reasons[ONE] == "no such image is visible here"


def test_what_is_known_of_an_image(write: World) -> None:
    content = picture(5)
    with blipdb.connect(write.url, home=write.home) as db:
        id = db.add(content, uri="a://b", caption="c", metadata={"d": [1]}, space="e")
        db.add(content, uri="a://a", space="e")
        image = db.image(id)
    assert id == image_id("e", content)
    assert (image.space, image.mime, image.bytes) == ("e", "image/png", len(content))
    assert (image.uris, image.captions, image.metadata) == (("a://a", "a://b"), ("c",), {"d": [1]})
    assert (image.width, image.height) == (None, None)  # until it is encoded
    with connection.connect(write.url) as conn:
        row = conn.execute(
            "SELECT sha256(content) = sha256, created_at FROM blip.images WHERE image_id = %s", [id]
        ).fetchone()
    assert row == (True, image.created_at)


@pytest.mark.parametrize("kind", ["server"])
def test_images_of_attached_tables(write: World) -> None:
    """Their place is the app's row, whose content is shown; whoever computes."""
    with psycopg.connect(write.url) as conn:
        shop(conn)
        put(conn, 1, picture(1, side=64), "a thing")
        put(conn, 2, picture(2)[:60])
        attach(conn)
    run_jobs(write.settings)
    one, damaged = id_of(picture(1, side=64)), id_of(picture(2)[:60])
    found = []
    for inference in ("server", "client"):
        with blipdb.connect(write.url, home=write.home, inference=inference) as db:
            (hit,) = db.search("red bicycle", within=[one])
            assert hit.uri == "public.products/1"
            assert db.image(one).uris == ("public.products/1",)
            failed = db.failures()
            assert {line.uri for line in failed} == {"public.products/2"}
            jpeg = db.pictures([one, damaged])[one]
            with Image.open(io.BytesIO(jpeg)) as image:
                assert image.size == (64, 64)
            with psycopg.connect(write.url) as conn:
                conn.execute("ALTER TABLE blip.attachments DISABLE TRIGGER USER")
                conn.execute("ALTER TABLE products DISABLE TRIGGER USER")
                for photo, shown in ((picture(3), set()), (picture(1, side=64), {one})):
                    conn.execute("UPDATE products SET photo = %s WHERE id = 1", [photo])
                    conn.commit()
                    held = blipdb.connect(conn, home=write.home, inference=inference)
                    assert held.pictures([one]).keys() == shown  # nothing else in its place
            found.append((hit.image_id, hit.uri, hit.caption, failed, jpeg))
    assert found[0] == found[1]
