"""A writer adds: it overwrites and erases nothing, and has no file opened but those of ingest."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from blipdb.client.pictures import pictures
from blipdb.database.steps import run
from blipdb.errors import ImageError
from blipdb.identity import caption_id, image_id
from blipdb.sources import stored as contents
from tests.images.pictures import encode, scene
from tests.sql.library import Library

Connection = psycopg.Connection[Any]
Refused = Callable[..., psycopg.Error]
ActAs = Callable[..., None]

PICTURE = encode(scene(), "PNG")
OTHER = encode(scene(9, 9), "PNG")
DENIED = "42501"
ADD = "SELECT blip_add(%b, uri => %s, metadata => %s)"
INSERT = (
    "INSERT INTO blip.images (image_id, sha256, mime, bytes, content, metadata)"
    " VALUES (%s, sha256(%b), %s, %s, %b, %s) ON CONFLICT DO NOTHING"
)


def insert(conn: Connection, image: bytes, metadata: dict[str, Any]) -> None:
    """Insert an image as blip_add does, by hand."""
    id = image_id("", image)
    conn.execute(INSERT, [id, image, "image/png", len(image), image, Jsonb(metadata)])


def stored(conn: Connection, id: UUID) -> Any:
    query = "SELECT content, metadata FROM blip.images WHERE image_id = %s"
    return conn.execute(query, [id]).fetchone()


def add(conn: Connection, image: bytes, uri: str | None = None, **metadata: Any) -> UUID:
    row = conn.execute(ADD, [image, uri, Jsonb(metadata)]).fetchone()
    assert row is not None
    assert isinstance(row[0], UUID)
    return row[0]


# Overwriting and erasing


@pytest.mark.parametrize(
    "change",
    [
        "content = NULL",
        "metadata = '{}'",
        "metadata = metadata || '{\"a\": 2}'",
        "space = 'mine'",
        "preview = 'x'",
        "mime = 'text/html'",
        "width = 1, height = 1",
        "created_at = '-infinity'",
    ],
)
def test_to_erase_or_overwrite_an_image(
    conn: Connection, act_as: ActAs, refused: Refused, change: str
) -> None:
    add(conn, PICTURE, a=1)
    act_as("blip_writer")
    assert refused(f"UPDATE blip.images SET {change}").sqlstate == DENIED


@pytest.mark.parametrize("table", ["images", "files", "captions", "jobs", "image_tokens"])
def test_to_delete(refused: Refused, act_as: ActAs, table: str) -> None:
    act_as("blip_writer")
    assert refused(f"DELETE FROM blip.{table}").sqlstate == DENIED
    assert refused(f"TRUNCATE blip.{table}").sqlstate == DENIED


def test_to_overwrite_metadata_by_adding_again(conn: Connection, act_as: ActAs) -> None:
    """The bytes prove nothing, as whoever sees an image can read them. The role is told so."""
    id = add(conn, PICTURE, a=1, nested={"deep": [1]})
    said: list[str | None] = []
    conn.add_notice_handler(lambda diag: said.append(diag.message_primary))
    act_as("blip_writer")
    add(conn, PICTURE, a=2, nested={"deep": [1, 2]}, b=2)
    insert(conn, PICTURE, {"a": 3, "b": 3, "c": 3})
    assert stored(conn, id) == (PICTURE, {"a": 1, "nested": {"deep": [1]}, "b": 2, "c": 3})
    (sentence,) = said
    assert f"the metadata of image {id} keeps its values of 'a', 'nested'" in str(sentence)


def test_who_may_change_images_still_merges_metadata(conn: Connection, act_as: ActAs) -> None:
    id = add(conn, PICTURE, a=1, b=1)
    act_as("blip_worker")
    assert add(conn, PICTURE, b=2) == id
    assert stored(conn, id) == (PICTURE, {"a": 1, "b": 2})


def test_an_add_still_completes_what_is_missing(conn: Connection, act_as: ActAs) -> None:
    id = add(conn, PICTURE, a=1)
    conn.execute("UPDATE blip.images SET content = NULL WHERE image_id = %s", [id])
    act_as("blip_writer")
    for _ in range(2):
        add(conn, PICTURE, "u", b=2)
        assert stored(conn, id) == (PICTURE, {"a": 1, "b": 2})


def test_to_fill_in_other_content(conn: Connection, library: Library, act_as: ActAs) -> None:
    """Nothing of it stays, as the whole statement fails."""
    act_as("blip_writer")
    values = [library.ids[0], OTHER, "image/png", len(OTHER), OTHER, Jsonb({"x": 1})]
    with pytest.raises(psycopg.errors.CheckViolation), conn.transaction():
        conn.execute(INSERT, values)
    assert stored(conn, library.ids[0]) == (None, {"number": 0, "tens": 0})


def test_to_run_the_triggers_elsewhere(conn: Connection, act_as: ActAs, refused: Refused) -> None:
    conn.execute("CREATE SCHEMA mine AUTHORIZATION blip_writer")
    act_as("blip_writer")
    conn.execute("CREATE TABLE mine.images (image_id uuid, content bytea, metadata jsonb)")
    for function in ("_complete_image", "_guard_image"):
        trigger = (
            f"CREATE TRIGGER t BEFORE INSERT ON mine.images EXECUTE FUNCTION blip.{function}()"
        )
        assert refused(trigger).sqlstate == DENIED


# What an image may say of itself


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        ("content", "NULL"),
        ("content, preview", "content, 'bomb'"),
        ("content, width, height", "content, 1, 1"),
        ("content, created_at", "content, now()"),
    ],
)
def test_to_invent_facts_of_an_image(
    refused: Refused, act_as: ActAs, columns: str, values: str
) -> None:
    act_as("blip_writer")
    error = refused(
        f"INSERT INTO blip.images (image_id, sha256, mime, bytes, {columns})"
        f" SELECT %s, sha256(content), 'image/png', octet_length(content), {values}"
        " FROM (SELECT %b) AS p (content)",
        image_id("", PICTURE),
        PICTURE,
    )
    assert error.sqlstate == DENIED


@pytest.mark.parametrize("mime", ["text/html", "image/jpeg", "image/svg+xml", ""])
def test_to_have_a_page_served_as_an_image(refused: Refused, act_as: ActAs, mime: str) -> None:
    act_as("blip_writer")
    id = image_id("", PICTURE)
    error = refused(INSERT, id, PICTURE, mime, len(PICTURE), PICTURE, Jsonb({}))
    assert "is not of the type" in str(error)


def test_to_invent_facts_with_all_rights_but_update(
    conn: Connection, refused: Refused, act_as: ActAs
) -> None:
    """Where the tables' owner grants whole tables, as on servers without our roles."""
    conn.execute("GRANT INSERT ON blip.images TO blip_writer")
    act_as("blip_writer")
    statement = (
        "INSERT INTO blip.images (image_id, sha256, mime, bytes, content, {})"
        " VALUES (%s, sha256(%b), 'image/png', %s, %b, {})"
    )
    for columns, values in (("preview", "'bomb'"), ("width, height", "1, 1")):
        error = refused(
            statement.format(columns, values),
            *(image_id("", PICTURE), PICTURE, len(PICTURE), PICTURE),
        )
        assert "may not set preview, width and height" in str(error)
    claim = "INSERT INTO blip.images (image_id, sha256, mime, bytes) VALUES (%s, %s, 'x', 1)"
    assert "without its content" in str(refused(claim, uuid4(), bytes(32)))


# Captions and jobs


@pytest.mark.parametrize("all_rights", [False, True])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("caption_id", uuid4()),
        ("caption_id", caption_id("human", "red")),
        ("origin", "synthetic"),
        ("text", "x" * 10_001),
        ("decoding", Jsonb({"beams": 3})),
        ("itc", 1.0),
        ("itm", 1.0),
        ("filter_id", 1),
        ("encoder_id", 1),
    ],
)
def test_to_forge_a_caption(
    conn: Connection,
    library: Library,
    act_as: ActAs,
    refused: Refused,
    all_rights: bool,
    column: str,
    value: Any,
) -> None:
    if all_rights:
        conn.execute("GRANT ALL ON blip.captions TO blip_writer")
    act_as("blip_writer")
    row = {"image_id": library.ids[0], "text": "red", "origin": "web", column: value}
    if column == "origin":
        row["model_id"] = library.model.model_id
    row.setdefault("caption_id", caption_id(row["origin"], row["text"]))
    names = ", ".join(row)
    places = ", ".join(["%s"] * len(row))
    error = refused(f"INSERT INTO blip.captions ({names}) VALUES ({places})", *row.values())
    assert error.sqlstate == DENIED


def test_what_a_caption_may_say(conn: Connection, library: Library, act_as: ActAs) -> None:
    act_as("blip_writer")
    for text in ("red", "x" * 10_000, "größer als ☃"):
        conn.execute(
            "INSERT INTO blip.captions (image_id, caption_id, text, origin) VALUES"
            " (%s, %s, %s, 'web')",
            [library.ids[0], caption_id("web", text), text],
        )


def test_to_add_a_caption_of_megabytes(refused: Refused) -> None:
    error = refused("SELECT blip_add(%b, caption => repeat('x', 10001))", PICTURE)
    assert error.sqlstate == "22023"
    assert "the caption has 10001 characters; at most 10000 are taken" in str(error)


@pytest.mark.parametrize("all_rights", [False, True])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("stage", "caption"),
        ("stage", "attach"),
        ("stage", "write"),
        ("stage", "of my own"),
        ("model_id", 2),  # registered, and active in no role
        ("state", "d"),
        ("attempts", 99),
        ("run_after", "infinity"),
        ("run_after", "-infinity"),
        ("error", "forged"),
        ("lease", uuid4()),
    ],
)
def test_to_have_workers_do_other_work(
    conn: Connection,
    library: Library,
    act_as: ActAs,
    refused: Refused,
    all_rights: bool,
    column: str,
    value: Any,
) -> None:
    conn.execute("DELETE FROM blip.jobs")
    if all_rights:
        conn.execute("GRANT ALL ON blip.jobs TO blip_writer")
    act_as("blip_writer")
    row = {"image_id": library.ids[0], "stage": "encode", "model_id": library.model.model_id}
    row[column] = value
    names = ", ".join(row)
    places = ", ".join(["%s"] * len(row))
    error = refused(f"INSERT INTO blip.jobs ({names}) VALUES ({places})", *row.values())
    assert error.sqlstate == DENIED


# Files


SECRET = b"\x89PNG\r\n\x1a\n the secret of another user"


@pytest.fixture
def bait(conn: Connection, act_as: ActAs, tmp_path: Path) -> tuple[UUID, Path]:
    """A writer's claim that an image lies in a file that is not its own."""
    path = tmp_path / "secret"
    path.write_bytes(SECRET)
    id = image_id("", SECRET)
    conn.execute(
        "INSERT INTO blip.images (image_id, sha256, mime, bytes) VALUES (%s, sha256(%b), 'x', 1)",
        [id, SECRET],
    )
    act_as("blip_writer")
    conn.execute("INSERT INTO blip.files (uri, image_id) VALUES (%s, %s)", [str(path), id])
    conn.execute("RESET ROLE")
    return id, path


def test_to_have_a_worker_open_a_file(conn: Connection, bait: tuple[UUID, Path]) -> None:
    """The error is the same whether the file is there or not."""
    id, path = bait
    said = []
    for _ in range(2):
        ((_, found),) = contents.read(conn, [id], 1 << 20)
        assert isinstance(found, ImageError)
        said.append(found.reason)
        path.unlink(missing_ok=True)
    assert said == ["neither its content nor a file of it is known that can be read here"] * 2


def test_to_have_a_client_open_a_file(conn: Connection, bait: tuple[UUID, Path]) -> None:
    found = run(conn, pictures([bait[0]]))[bait[0]]
    assert isinstance(found, ImageError)
    assert "no file of it can be read here" in found.reason


@pytest.mark.parametrize("uri", ["/etc/passwd", "http://169.254.169.254/", "s3://bucket/key"])
@pytest.mark.parametrize("columns", ["is_ingested", "mtime"])
@pytest.mark.parametrize("all_rights", [False, True])
def test_to_pass_a_file_off_as_ingested(
    conn: Connection,
    library: Library,
    act_as: ActAs,
    refused: Refused,
    uri: str,
    columns: str,
    all_rights: bool,
) -> None:
    if all_rights:
        conn.execute("GRANT ALL ON blip.files TO blip_writer")
    value = "true" if columns == "is_ingested" else "1"
    act_as("blip_writer")
    statement = f"INSERT INTO blip.files (uri, image_id, {columns}) VALUES (%s, %s, {value})"
    assert refused(statement, uri, library.ids[0]).sqlstate == DENIED
    conn.execute("INSERT INTO blip.files (uri, image_id) VALUES (%s, %s)", [uri, library.ids[0]])
    change = f"UPDATE blip.files SET {columns} = {value} WHERE uri = %s"
    assert refused(change, uri).sqlstate == DENIED


@pytest.mark.parametrize("mark", ["is_ingested = true", "mtime = 1"])
def test_to_move_the_place_of_an_ingested_image(
    conn: Connection, library: Library, act_as: ActAs, refused: Refused, mark: str
) -> None:
    uri = "/album/00.png"
    conn.execute(f"UPDATE blip.files SET {mark}".encode())
    act_as("blip_writer")
    error = refused("SELECT blip_add(%b, uri => %s)", OTHER, uri)
    assert error.sqlstate == "22023"
    assert f"ingest found another image at '{uri}'" in str(error)
    for change in ("image_id = %s", "size = 1, image_id = %s"):
        done = conn.execute(f"UPDATE blip.files SET {change}".encode(), [library.ids[0]])
        assert done.rowcount == 0
    assert add(conn, library.pictures[0], uri) == library.ids[0]  # which moves nothing
    direct = (
        "INSERT INTO blip.files AS f (uri, image_id) VALUES (%s, %s)"
        " ON CONFLICT ON CONSTRAINT files_pkey DO UPDATE SET image_id = excluded.image_id"
    )
    assert refused(direct, uri, library.ids[3]).sqlstate == DENIED
    query = "SELECT image_id FROM blip.files WHERE uri = %s"
    assert conn.execute(query, [uri]).fetchone() == (library.ids[0],)


def test_a_place_that_was_added_still_moves(conn: Connection, act_as: ActAs) -> None:
    act_as("blip_writer")
    add(conn, PICTURE, "shop:7")
    other = add(conn, OTHER, "shop:7")
    query = "SELECT image_id FROM blip.files WHERE uri = 'shop:7'"
    assert conn.execute(query).fetchall() == [(other,)]


def test_to_be_shown_as_the_place_of_an_ingested_image(
    conn: Connection, library: Library, act_as: ActAs
) -> None:
    conn.execute("UPDATE blip.files SET is_ingested = true")
    act_as("blip_writer")
    statement = "INSERT INTO blip.files (uri, space, image_id) VALUES ('!', 'red', %s)"
    conn.execute(statement, [library.ids[1]])
    query = "SELECT uri FROM blip_similar(%s, 60) WHERE image_id = %s"
    found = conn.execute(query, [library.ids[0], library.ids[1]]).fetchone()
    assert found == ("/album/01.png",)
