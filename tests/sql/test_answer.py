"""blip_answer: a question about an image, in the model's own words or among given ones."""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest
from PIL import Image

import blipdb
from blipdb import registry
from blipdb.model.artifact import Artifact, Decoding
from blipdb.model.runtime import Encoded, Runtime
from blipdb.model.tokens import pack_batch
from blipdb.settings import Settings
from tests.engine.engines import Engine, install
from tests.sql.library import Library

Connection = psycopg.Connection[Any]

QUESTION = "is the big dog on the left of a red car"
AMONG = ["red", "a blue dog", "the car", "yellow boat on a tree"]


@pytest.fixture(scope="module")
def artifact(engine: Engine) -> Artifact:
    return install(engine.settings, 3, "vqa", roles=("answerer",), decoding=Decoding("", 3, 1, 10))


@pytest.fixture(scope="module")
def runtime(artifact: Artifact) -> Runtime:
    return Runtime.load(artifact.folder)


@pytest.fixture
def image(
    conn: Connection, library: Library, engine: Engine, artifact: Artifact, runtime: Runtime
) -> Encoded:
    """The library's fifth image, whose tokens by the answerer are stored, too."""
    conn.execute("SELECT 1")  # so that what is registered is rolled back with the rest
    settings = Settings(engine.settings.home, library.url)
    model = registry.register(conn, settings, artifact.folder)
    side = runtime.artifact.architecture.image_size
    pixels = np.asarray(Image.open(io.BytesIO(library.pictures[4])))
    assert pixels.shape == (side, side, 3)
    encoded = runtime.encode_images(pixels[None])
    (record,) = pack_batch(encoded.tokens, encoded.scales)
    conn.execute(
        "INSERT INTO blip.image_tokens VALUES (%s, %s, %s)",
        [library.ids[4], model.model_id, record],
    )
    return encoded


def answer(conn: Connection, expression: str, *values: Any) -> Any:
    row = conn.execute(f"SELECT {expression}".encode(), values).fetchone()
    assert row is not None
    return row[0]


def test_of_a_stored_image(
    conn: Connection, library: Library, image: Encoded, runtime: Runtime
) -> None:
    expected = runtime.answer(image.tokens, image.scales, [QUESTION])
    assert [answer(conn, "blip_answer(%s::uuid, %s)", library.ids[4], QUESTION)] == expected
    assert expected != [""]
    assert [blipdb.connect(conn).answer(library.ids[4], QUESTION)] == expected


def test_of_an_image_of_ones_own(
    conn: Connection, library: Library, image: Encoded, runtime: Runtime
) -> None:
    expected = runtime.answer(image.tokens, image.scales, [QUESTION])
    assert [answer(conn, "blip_answer(%b::bytea, %s)", library.pictures[4], QUESTION)] == expected
    assert [blipdb.connect(conn).answer(library.pictures[4], QUESTION, model="vqa")] == expected


def test_among_given_answers(
    conn: Connection, library: Library, image: Encoded, runtime: Runtime
) -> None:
    expected = runtime.answer(image.tokens, image.scales, [QUESTION], among=AMONG)
    call = "blip_answer(%s::uuid, %s, among => %s::text[])"
    assert [answer(conn, call, library.ids[4], QUESTION, AMONG)] == expected
    call = "blip_answer(%b::bytea, %s, NULL, %s::text[])"
    assert [answer(conn, call, library.pictures[4], QUESTION, AMONG)] == expected
    assert [blipdb.connect(conn).answer(library.ids[4], QUESTION, among=AMONG)] == expected
    assert blipdb.connect(conn).answer(library.ids[4], QUESTION, among=["the car"]) == "the car"


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize(
    "expression",
    [
        "blip_answer(NULL::uuid, 'dog')",
        "blip_answer(gen_random_uuid(), NULL)",
        "blip_answer(NULL::bytea, 'dog')",
        "blip_answer('x'::bytea, NULL)",
    ],
)
def test_null_gives_null(conn: Connection, expression: str) -> None:
    assert answer(conn, expression) is None


@pytest.mark.usefixtures("image")
@pytest.mark.parametrize(
    ("expression", "state", "message"),
    [
        ("blip_answer(%s, 'red')", "P0002", "image .*7b is unknown here or not encoded by model"),
        ("blip_answer(%s, ' ')", "22023", "the question is empty"),
        ("blip_answer('x'::bytea, '')", "22023", "the question is empty"),
        ("blip_answer(''::bytea, 'red')", "22023", "the image is empty"),
        ("blip_answer('x'::bytea, 'red')", "22P03", "the image is refused"),
        ("blip_answer(%s, 'red', 'tiny')", "22023", "no model 'tiny' with the role 'answerer'"),
        ("blip_answer(%s, 'red', among => '{}')", "22023", "must be between 1 and 4000, not 0"),
        ("blip_answer(%s, 'red', among => '{red,NULL}')", "22023", "among holds a NULL"),
        ("blip_answer(%s, repeat('x', 60000))", "22023", "take 600.. bytes; at most 60000 are"),
    ],
)
def test_refused(conn: Connection, expression: str, state: str, message: str) -> None:
    values = [UUID(int=123)] if "%s" in expression else []
    with pytest.raises(psycopg.Error, match=message) as caught:
        answer(conn, expression, *values)
    assert caught.value.sqlstate == state


def test_words_that_the_model_does_not_know(
    conn: Connection, library: Library, image: Encoded
) -> None:
    for question, among in (("zebra", None), ("red", ["red", "zebra"])):
        message = r"knows no word .*zebra"
        with pytest.raises(psycopg.Error, match=message) as caught, conn.transaction():
            answer(conn, "blip_answer(%s::uuid, %s, NULL, %s)", library.ids[4], question, among)
        assert caught.value.sqlstate == "22023"


def test_nobody_answers(conn: Connection, library: Library) -> None:
    with pytest.raises(psycopg.Error, match="no model is active in the role 'answerer'") as caught:
        answer(conn, "blip_answer(%s::uuid, 'red')", library.ids[4])
    assert caught.value.sqlstate == "55000"
