"""blip_attach itself: who may attach what, and live, with an engine that answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import psycopg
import pytest
from psycopg import errors

from blipdb.images.decode import Decoder
from blipdb.model.tokens import record_size
from tests.album import picture
from tests.attach import attach, captions, id_of, links, put, shop, stored
from tests.sql.library import Library

Connection = psycopg.Connection[Any]

A, B = picture(1), picture(2)


@pytest.fixture
def products(conn: Connection) -> Connection:
    shop(conn)
    return conn


@pytest.fixture
def shopkeeper(products: Connection) -> Connection:
    """Owns the table, may add to blipdb, and nothing else; ``clerk`` may only sell."""
    products.execute("CREATE ROLE shopkeeper IN ROLE blip_writer; CREATE ROLE clerk")
    products.execute("GRANT INSERT, UPDATE, DELETE, SELECT ON products TO clerk")
    products.execute("ALTER TABLE products OWNER TO shopkeeper")
    products.execute("SET LOCAL ROLE shopkeeper")
    return products


def new_images(conn: Connection, library: Library) -> set[Any]:
    return stored(conn) - set(library.ids)


# Live


def test_live_is_found_within_the_transaction(products: Connection, library: Library) -> None:
    attach(products, mode="live")
    put(products, 1, A, "a red dog")
    assert links(products) == {1: id_of(A)}
    row = products.execute(
        "SELECT v.itc::real[], t.tokens, i.width FROM blip.images i JOIN blip.image_vectors v"
        " USING (image_id) JOIN blip.image_tokens t USING (image_id, model_id)"
        " WHERE image_id = %s",
        [id_of(A)],
        binary=True,
    ).fetchone()
    assert row is not None
    runtime, side = library.runtime, library.model.image_size
    with Decoder(children=1) as decoder:
        encoded = runtime.encode_images(decoder.decode(A, side).pixels[None])
    assert np.allclose(row[0], encoded.itc[0], rtol=0, atol=1e-3)
    assert len(row[1]) == record_size(*library.model.record)
    assert row[2] == 24
    found = products.execute(
        "SELECT image_id, uri, caption FROM blip_search(%s::bytea, 1)", [A]
    ).fetchall()
    assert found == [(id_of(A), f"{here(products)}.products/1", "a red dog")]
    state = products.execute(
        "SELECT state FROM blip.jobs WHERE image_id = %s AND model_id = %s",
        [id_of(A), library.model.model_id],
    ).fetchone()
    assert state == ("d",)


def here(conn: Connection) -> str:
    row = conn.execute("SELECT current_schema()").fetchone()
    assert row is not None
    return str(row[0])


def test_live_follows_changes(products: Connection, library: Library) -> None:
    attach(products, mode="live")
    put(products, 1, A, "old")
    products.execute("UPDATE products SET photo = %s, title = 'new'", [B])
    assert new_images(products, library) == {id_of(B)}
    assert (id_of(B), "new") in captions(products)
    products.execute("UPDATE products SET photo = NULL")
    assert new_images(products, library) == set()
    products.execute("UPDATE products SET photo = %s, id = 5", [A])
    # What came and went in one transaction is looked at once more: it might have come again.
    assert links(products) == {1: None, 5: id_of(A)}
    products.execute("DELETE FROM products")
    assert new_images(products, library) == set()


def test_live_refuses_what_is_no_picture(products: Connection) -> None:
    attach(products, mode="live")
    name = f"{here(products)}.products/1"
    for photo, words in {
        b"text": f"the image of {name} is in no format that is taken",
        b"": f"the image of {name} is empty",
        A[:-20]: f"the image is refused: {name}: damaged PNG",
    }.items():
        with pytest.raises(errors.DataError) as caught, products.transaction():
            put(products, 1, photo)
        assert words in str(caught.value)
    assert products.execute("SELECT FROM products").fetchall() == []
    put(products, 1, None)
    assert links(products) == {}


def test_a_live_load_is_encoded_several_at_a_time(products: Connection, library: Library) -> None:
    """37 rows of 35 pictures: as each would be alone."""
    attach(products, mode="live")
    photos = {number: picture(100 + number % 35, side=20 + number % 35) for number in range(37)}
    put_all(products, photos)
    assert links(products) == {number: id_of(photo) for number, photo in photos.items()}
    rows = products.execute(
        "SELECT image_id, v.itc::real[], i.width, (SELECT count(*) FROM blip.image_tokens t"
        " WHERE t.image_id = i.image_id), j.state FROM blip.images i"
        " JOIN blip.image_vectors v USING (image_id) JOIN blip.jobs j USING (image_id)"
        " WHERE image_id <> ALL (%s) AND v.model_id = %s AND j.model_id = v.model_id",
        [library.ids, library.model.model_id],
    ).fetchall()
    assert len(rows) == 35
    with Decoder(children=1) as decoder:
        sides = {id_of(photo): 20 + number % 35 for number, photo in photos.items()}
        for number, photo in photos.items():
            pixels = decoder.decode(photo, library.model.image_size).pixels[None]
            (row,) = (row for row in rows if row[0] == id_of(photos[number]))
            alone = library.runtime.encode_images(pixels).itc[0]
            assert np.allclose(row[1], alone, rtol=0, atol=1e-3)
            assert row[2:] == (sides[row[0]], 1, "d")


def put_all(conn: Connection, photos: Mapping[int, bytes | None]) -> None:
    conn.execute(
        "INSERT INTO products (id, photo) SELECT * FROM unnest(%s::integer[], %s::bytea[])",
        [list(photos), list(photos.values())],
    )


def test_a_live_load_asks_the_engine_few_times(products: Connection, library: Library) -> None:
    """16 pictures or 8 MB in a request, and one that is larger alone."""
    attach(products, mode="live")
    small = {number: picture(200 + number) for number in range(33)}
    assert requests(products, library, small) == 3
    large = {100 + n: picture(300 + n) + bytes(3 << 20) for n in range(5)}
    assert requests(products, library, large) == 3
    assert requests(products, library, {200: small[0], 201: None}) == 0, "it has its vector"


def requests(conn: Connection, library: Library, photos: Mapping[int, bytes | None]) -> int:
    """To the engine, while rows are inserted: it logs none, so its function is looked at."""
    conn.execute("SET LOCAL track_functions = 'all'")
    counted = "SELECT coalesce(sum(calls), 0) FROM pg_stat_xact_user_functions"
    counted += " WHERE schemaname = 'blip' AND funcname = '_engine'"
    before = conn.execute(counted).fetchone()
    put_all(conn, photos)
    after = conn.execute(counted).fetchone()
    assert before is not None
    assert after is not None
    return int(after[0] - before[0])


def test_one_bad_picture_of_a_live_load_is_named(products: Connection) -> None:
    attach(products, mode="live")
    photos = {number: picture(number) for number in range(20)}
    with pytest.raises(errors.DataError) as caught, products.transaction():
        put_all(products, photos | {18: picture(18)[:-20]})
    assert f"refused: {here(products)}.products/18: damaged PNG" in str(caught.value)
    assert links(products) == {}
    put_all(products, photos)
    assert len(links(products)) == 20


def test_live_of_a_partitioned_table(conn: Connection, library: Library) -> None:
    conn.execute(
        "CREATE TABLE products (id integer PRIMARY KEY, title text, photo bytea)"
        " PARTITION BY RANGE (id);"
        "CREATE TABLE low PARTITION OF products FOR VALUES FROM (0) TO (10);"
        "CREATE TABLE high PARTITION OF products FOR VALUES FROM (10) TO (20)"
    )
    attach(conn, mode="live")
    photos = {9: A, 10: B, 11: A}
    put_all(conn, photos)
    assert links(conn) == {number: id_of(photo) for number, photo in photos.items()}
    conn.execute("INSERT INTO high (id, photo) VALUES (12, %s)", [A])
    assert links(conn)[12] == id_of(A)
    vectors = conn.execute(
        "SELECT count(*) FROM blip.image_vectors WHERE image_id IN (%s, %s)", [id_of(A), id_of(B)]
    ).fetchone()
    assert vectors == (2,)


def test_live_without_an_engine_is_an_error(products: Connection) -> None:
    attach(products, mode="live")
    products.execute("UPDATE blip.settings SET value = '/nowhere' WHERE name = 'engine_socket'")
    with pytest.raises(errors.ConnectionFailure) as caught, products.transaction():
        put(products, 1, A)
    assert "the blipdb engine does not run" in str(caught.value)
    assert attach(products, mode="background") > 0
    put(products, 1, A)
    assert list(links(products)) == [1]


# Rights


@pytest.mark.parametrize("mode", ["live", "background"])
def test_who_changes_the_table_needs_no_right_on_ours(
    shopkeeper: Connection, library: Library, mode: str
) -> None:
    attach(shopkeeper, mode=mode)
    shopkeeper.execute("SET LOCAL ROLE clerk")
    put(shopkeeper, 1, A)
    put(shopkeeper, 2, B)
    shopkeeper.execute("UPDATE products SET photo = %s WHERE id = 2", [A])
    shopkeeper.execute("DELETE FROM products WHERE id = 1")
    for statement in ("SELECT FROM blip.images", "SELECT blip_detach('products')"):
        with pytest.raises(errors.InsufficientPrivilege), shopkeeper.transaction():
            shopkeeper.execute(statement.encode())
    shopkeeper.execute("SET LOCAL ROLE shopkeeper")
    assert list(links(shopkeeper)) == [1, 2], "the first is looked at once more"
    assert links(shopkeeper)[1] is None
    assert shopkeeper.execute("SELECT rows FROM blip_attachments()").fetchone() == (2,)
    assert shopkeeper.execute("SELECT blip_detach('products')").fetchone() == (1,)
    shopkeeper.execute("RESET ROLE")
    assert new_images(shopkeeper, library) == set()


def test_only_its_owner_attaches_a_table(shopkeeper: Connection) -> None:
    shopkeeper.execute("RESET ROLE")
    shopkeeper.execute("CREATE ROLE other IN ROLE blip_writer; GRANT ALL ON products TO other")
    shopkeeper.execute("SET LOCAL ROLE other")
    with pytest.raises(errors.InsufficientPrivilege) as caught, shopkeeper.transaction():
        attach(shopkeeper)
    assert "products is not yours" in str(caught.value)
    with pytest.raises(errors.InsufficientPrivilege) as caught, shopkeeper.transaction():
        shopkeeper.execute(
            "INSERT INTO blip.attachments (source, kind) VALUES ('products', 'content')"
        )
    assert "row-level security" in str(caught.value)


def test_policies_are_not_passed_by(shopkeeper: Connection) -> None:
    """Else a tenant could bring images into another's space."""
    shopkeeper.execute("RESET ROLE")
    shopkeeper.execute("ALTER TABLE blip.images ENABLE ROW LEVEL SECURITY")
    shopkeeper.execute("CREATE POLICY all_of_it ON blip.images USING (true)")
    shopkeeper.execute("SET LOCAL ROLE shopkeeper")
    with pytest.raises(errors.InsufficientPrivilege) as caught, shopkeeper.transaction():
        attach(shopkeeper, space="theirs")
    assert "policies on blip.images hold for shopkeeper" in str(caught.value)
    with pytest.raises(errors.InsufficientPrivilege), shopkeeper.transaction():
        shopkeeper.execute(
            "INSERT INTO blip.attachments (source, kind, space)"
            " VALUES ('products', 'content', 'theirs')"
        )


def test_a_setting_is_not_passed_by_by_hand(shopkeeper: Connection) -> None:
    with pytest.raises(errors.InsufficientPrivilege), shopkeeper.transaction():
        shopkeeper.execute(
            "INSERT INTO blip.attachments (source, kind) VALUES ('products', 'path')"
        )


def test_a_trigger_of_ones_own_can_name_no_other_attachment(shopkeeper: Connection) -> None:
    id = attach(shopkeeper)
    shopkeeper.execute("RESET ROLE")
    shopkeeper.execute("CREATE ROLE other IN ROLE blip_writer")
    shopkeeper.execute("CREATE TABLE mine (id int PRIMARY KEY, title text, photo bytea)")
    shopkeeper.execute("ALTER TABLE mine OWNER TO other; SET LOCAL ROLE other")
    for function, timing in {
        "_attached_added": "INSERT ON mine REFERENCING NEW TABLE AS changed",
        "_attached_changed": "INSERT ON mine FOR EACH ROW",
    }.items():
        shopkeeper.execute(
            f"CREATE TRIGGER {function} AFTER {timing}"
            f" EXECUTE FUNCTION blip.{function}({id})".encode()
        )
    shopkeeper.execute("INSERT INTO mine VALUES (1, 'x', %s)", [A])
    shopkeeper.execute("RESET ROLE")
    assert links(shopkeeper) == {}


def test_a_reader_can_attach_nothing(shopkeeper: Connection) -> None:
    shopkeeper.execute("RESET ROLE")
    shopkeeper.execute("CREATE ROLE looker IN ROLE blip_reader")
    shopkeeper.execute("ALTER TABLE products OWNER TO looker; SET LOCAL ROLE looker")
    with pytest.raises(errors.InsufficientPrivilege), shopkeeper.transaction():
        attach(shopkeeper)


def test_an_attached_image_is_seen_as_policies_say(products: Connection, library: Library) -> None:
    products.execute("ALTER TABLE blip.images ENABLE ROW LEVEL SECURITY")
    products.execute(
        "CREATE POLICY tenant ON blip.images USING (space = current_setting('a.space'))"
    )
    products.execute("CREATE ROLE looker IN ROLE blip_reader")
    attach(products, mode="live", space="red")
    put(products, 1, A)
    query = "SELECT uri FROM blip_search(%s::bytea, 1)"
    for space, uris in {"red": [(None,)], "blue": []}.items():
        products.execute("RESET ROLE")
        products.execute("SELECT set_config('a.space', %s, true)", [space])
        products.execute("SET LOCAL ROLE looker")
        ids = products.execute("SELECT image_id FROM blip.attached").fetchall()
        assert ids == []  # it may not read the table
        found = products.execute(
            "SELECT uri FROM blip_search(%s::bytea, 60, threshold => 0.9999)", [A]
        ).fetchall()
        assert (uris[0] in found) if uris else all(uri for (uri,) in found), query


# What can't be attached, or no longer


def test_a_table_that_becomes_a_partition_is_in_trouble(products: Connection) -> None:
    attach(products)
    products.execute("CREATE TABLE whole (LIKE products INCLUDING ALL) PARTITION BY RANGE (id)")
    trouble = "SELECT trouble FROM blip_attachments()"
    assert products.execute(trouble).fetchall() == [(None,)]
    products.execute("ALTER TABLE whole ATTACH PARTITION products FOR VALUES FROM (0) TO (9)")
    said = products.execute(trouble).fetchall()
    assert said == [("it is a partition: rows pass its triggers by",)]


@pytest.mark.parametrize(
    ("options", "kind", "words"),
    [
        ({"image": "nope"}, errors.UndefinedColumn, "products has no column nope"),
        ({"image": "title"}, errors.DatatypeMismatch, "must be bytea"),
        ({"caption": "price"}, errors.DatatypeMismatch, "must be text or varchar or bpchar"),
        ({"mode": "sometimes"}, errors.InvalidParameterValue, "background or live, not sometimes"),
        ({"kind": "blob"}, errors.InvalidParameterValue, "content or path or url, not blob"),
        ({"source": "pg_class"}, errors.InsufficientPrivilege, "pg_class is not yours"),
        ({"source": "views"}, errors.WrongObjectType, "it is no table of an app"),
        ({"source": "temporary"}, errors.WrongObjectType, "can't read a temporary table"),
        ({"source": "part"}, errors.WrongObjectType, "it is a partition"),
        ({"source": "parent"}, errors.WrongObjectType, "tables inherit from it"),
        ({"source": "keyless"}, errors.ObjectNotInPrerequisiteState, "has no primary key"),
        ({"source": "timed"}, errors.DatatypeMismatch, "id timestamp with time zone"),
    ],
)
def test_what_can_not_be_attached(
    shopkeeper: Connection, options: dict[str, str], kind: type[Exception], words: str
) -> None:
    shopkeeper.execute("RESET ROLE")
    shopkeeper.execute(
        """
        CREATE VIEW views AS SELECT * FROM products;
        CREATE TEMP TABLE temporary (id int PRIMARY KEY, title text, photo bytea);
        CREATE TABLE whole (id int PRIMARY KEY, title text, photo bytea) PARTITION BY LIST (id);
        CREATE TABLE part PARTITION OF whole FOR VALUES IN (1);
        CREATE TABLE parent (id int PRIMARY KEY, title text, photo bytea);
        CREATE TABLE child () INHERITS (parent);
        CREATE TABLE keyless (title text, photo bytea);
        CREATE TABLE timed (id timestamptz PRIMARY KEY, title text, photo bytea);
        ALTER VIEW views OWNER TO shopkeeper; ALTER TABLE temporary OWNER TO shopkeeper;
        ALTER TABLE part OWNER TO shopkeeper; ALTER TABLE keyless OWNER TO shopkeeper;
        ALTER TABLE parent OWNER TO shopkeeper;
        ALTER TABLE timed OWNER TO shopkeeper;
        SET LOCAL ROLE shopkeeper
        """
    )
    with pytest.raises(kind) as caught, shopkeeper.transaction():
        attach(shopkeeper, **options)
    assert words in str(caught.value)
    assert shopkeeper.execute("SELECT FROM blip.attachments").fetchall() == []


def test_a_path_can_not_be_live(products: Connection) -> None:
    products.execute("INSERT INTO blip.settings VALUES ('attach_paths', '/srv')")
    with pytest.raises(errors.InvalidParameterValue) as caught:
        attach(products, image="title", caption=None, kind="path", mode="live")
    assert "the server opens no files and no URLs" in str(caught.value)


def test_detaching_what_is_not_attached(products: Connection) -> None:
    with pytest.raises(errors.UndefinedObject) as caught, products.transaction():
        products.execute("SELECT blip_detach('products')")
    assert "products is not attached" in str(caught.value)
    attach(products)
    with pytest.raises(errors.UndefinedObject) as caught:
        products.execute("SELECT blip_detach('products', 'title')")
    assert "not attached by its column title" in str(caught.value)


def test_another_space_needs_detaching(products: Connection) -> None:
    attach(products)
    with pytest.raises(errors.ObjectNotInPrerequisiteState) as caught:
        attach(products, space="other")
    assert "SELECT blip_detach('products')" in (caught.value.diag.message_hint or "") or (
        ".products')" in (caught.value.diag.message_hint or "")
    )
