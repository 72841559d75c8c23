"""From a checkpoint to a search."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from PIL import Image

import blipdb
from blipdb import registry
from blipdb.checkpoints.add import DOWNLOADS, add, name_after
from blipdb.errors import ModelError, UsageError
from blipdb.ingest.run import ingest
from blipdb.model.compute import EXACT, Compute
from blipdb.model.runtime import Runtime
from blipdb.settings import Settings
from tests.checkpoints.hub import COMMIT, Hub, serving
from tests.checkpoints.published import write


@pytest.fixture
def settings(served: Settings, elsewhere: str) -> Settings:
    return Settings(served.home, elsewhere)


@pytest.mark.parametrize(
    ("options", "compute"),
    [
        ({}, Compute("int8")),
        ({"precision": "fp32"}, EXACT),
        ({"tokens": 4}, Compute("int8", 4)),
        ({"tokens": "all"}, Compute("int8")),
    ],
)
def test_a_checkpoint_is_searched_with(
    folder: Path, settings: Settings, tmp_path: Path, options: Any, compute: Compute
) -> None:
    with psycopg.connect(settings.database_url(), autocommit=True) as conn:
        model = add(conn, settings, str(folder), **options)
        assert (model.name, model.roles) == ("blip-tiny", ["retrieval", "filter"])
        assert model.active == ["filter", "retrieval"]
        again = add(conn, settings, str(folder), **options)
        assert (again.digest, again.model_id) == (model.digest, model.model_id)

        rng = np.random.default_rng(1)
        pixels = rng.integers(0, 256, (6, 24, 24, 3), dtype=np.uint8)
        (tmp_path / "in").mkdir()
        for n, image in enumerate(pixels):
            Image.fromarray(image).save(tmp_path / "in" / f"{n}.png")
        assert ingest(settings, [tmp_path / "in"]).encoded == 6

        runtime = Runtime.load(model.folder(settings))
        assert runtime.artifact.manifest.compute == compute
        encoded = runtime.encode_images(pixels)
        logits = runtime.rerank("a red dog", encoded.tokens, encoded.scales)[:, 1]
        scores = logits + encoded.itc @ runtime.embed_texts(["a red dog"])[0]
        hits = blipdb.connect(conn).search("a red dog", 6)
        order = [int(Path(hit.uri or "").stem) for hit in hits]
        assert order == np.argsort(-scores).tolist()
        np.testing.assert_allclose([hit.score for hit in hits], -np.sort(-scores), atol=1e-3)


@pytest.mark.parametrize("options", [{}, {"tokens": 4}], ids=["all", "merged"])
def test_a_captioner_and_an_answerer_beside_it(
    folder: Path, captioner: Any, answerer: Any, settings: Settings, tmp_path: Path, options: Any
) -> None:
    """Each is active in its own role, ingest encodes with all three, and SQL asks the right one."""
    with psycopg.connect(settings.database_url(), autocommit=True) as conn:
        add(conn, settings, str(folder))
        captions = add(conn, settings, str(write(captioner, tmp_path / "captions")), **options)
        answers = add(conn, settings, str(write(answerer, tmp_path / "answers")), **options)
        assert (captions.active, answers.active) == (["captioner"], ["answerer"])
        pixels = np.random.default_rng(1).integers(0, 256, (3, 24, 24, 3), dtype=np.uint8)
        (tmp_path / "in").mkdir()
        for n, image in enumerate(pixels):
            Image.fromarray(image).save(tmp_path / "in" / f"{n}.png")
        assert ingest(settings, [tmp_path / "in"], caption=True).captioned == 3
        rows = conn.execute("SELECT uri, image_id FROM blip.files ORDER BY uri").fetchall()
        question = "is the red dog a picture of a bicycle?"
        for n, (_, image_id) in enumerate(rows):
            runtime = Runtime.load(captions.folder(settings))
            encoded = runtime.encode_images(pixels[n : n + 1])
            (expected,) = runtime.caption(encoded.tokens, encoded.scales)
            assert blipdb.connect(conn).caption(image_id) == expected
            stored = "SELECT text FROM blip.captions WHERE image_id = %s"
            assert conn.execute(stored, [image_id]).fetchall() == [(expected,)]
            runtime = Runtime.load(answers.folder(settings))
            encoded = runtime.encode_images(pixels[n : n + 1])
            (expected,) = runtime.answer(encoded.tokens, encoded.scales, [question])
            assert blipdb.connect(conn).answer(image_id, question) == expected
        assert len(blipdb.connect(conn).search("a red dog")) == 3


def test_a_repository_of_the_hub(
    folder: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    with (
        serving(Hub(files, large={"model.safetensors"})) as hub,
        psycopg.connect(settings.database_url(), autocommit=True) as conn,
    ):
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        model = add(conn, settings, "you/blip-tiny", name="theirs", activate=False)
        assert (model.name, model.active) == ("theirs", [])
        readme = (model.folder(settings) / "README.md").read_text()
        assert f"you/blip-tiny at {COMMIT}" in readme
        assert list((settings.home / DOWNLOADS).glob("*/*")) == []
        with pytest.raises(ModelError, match="no repository you/other"):
            add(conn, settings, "you/other")


def test_what_is_no_source(settings: Settings, tiny_folder: Path) -> None:
    with psycopg.connect(settings.database_url(), autocommit=True) as conn:
        with pytest.raises(ModelError, match="neither a folder or file here nor a repository"):
            add(conn, settings, "./nowhere")
        with pytest.raises(UsageError, match="has its name; leave out --name"):
            add(conn, settings, str(tiny_folder), name="other")


@pytest.mark.destructive
@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk")
def test_a_full_disk(folder: Path, settings: Settings, tmp_path: Path) -> None:
    small = Settings(tmp_path / "small", settings.url)
    small.home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small.home], check=True)
    try:
        with psycopg.connect(settings.database_url(), autocommit=True) as conn:
            before = registry.models(conn)
            with pytest.raises(ModelError, match=r"The disk is full: the model finds no room in"):
                add(conn, small, str(folder))
            assert registry.models(conn) == before
        assert list(small.home.iterdir()) == []
    finally:
        subprocess.run(["umount", small.home], check=True)


def test_names_come_from_the_source() -> None:
    assert name_after("BLIP_itm (Base)!") == "blip_itm-base"
    assert name_after("\u00fc") == "blip"
