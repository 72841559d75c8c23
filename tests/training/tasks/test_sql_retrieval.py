"""The figures through SQL are those in torch: the bundled model, drawn scenes, both protocols."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blipdb import registry
from blipdb.database import connection
from blipdb.errors import DatabaseError, UsageError
from blipdb.ingest.run import ingest
from blipdb.scenes import sampling
from blipdb.settings import Settings
from blipdb.training import evaluate
from blipdb.training.datasets.sample import Sample
from blipdb.training.evaluation.tasks import retrieval, sql_retrieval
from blipdb.training.evaluation.tasks.models import TorchModel, load_model
from blipdb.training.evaluation.tasks.reading import Pairs, read_pairs, see_image
from tests.training.tasks.tinies import CPU

IMAGES, CAPTIONS, K = 24, 3, 12


@pytest.fixture(scope="module")
def album(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list of scenes that training never drew, with captions: two that name everything, and one
    that says less, and so may be true of others."""
    folder = tmp_path_factory.mktemp("album")
    rng = np.random.default_rng(20_220_128)
    records: list[dict[str, Any]] = []
    said: set[str] = set()
    while len(records) < IMAGES:
        scene = sampling.sample_scene(rng, split="test")
        texts = [sampling.full_caption(scene, rng), sampling.full_caption(scene, rng)]
        texts.append(sampling.caption(scene, rng))
        if len({*texts}) < CAPTIONS or said & {*texts}:
            continue
        said.update(texts)
        name = f"{len(records):03}.png"
        Image.fromarray(sampling.draw(scene, 96)).save(folder / name)
        records.append({"image": name, "caption": texts})
    (folder / "captions.json").write_text(json.dumps(records))
    return folder


@pytest.fixture
def bundled() -> TorchModel:
    return load_model(registry.bundled_folder(), CPU)


@pytest.fixture
def stored(served: Settings, elsewhere: str, album: Path) -> str:
    """The URL of a database that holds the album, encoded by the bundled model."""
    report = ingest(Settings(served.home, elsewhere), [album])
    assert report.added == IMAGES
    return elsewhere


def pairs_of(album: Path) -> Pairs:
    records = json.loads((album / "captions.json").read_bytes())
    return read_pairs(
        Sample((album / record["image"],), record["image"], text)
        for record in records
        for text in record["caption"]
    )


@pytest.mark.slow
def test_figures_through_sql_equal_those_in_torch(
    stored: str, album: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate.main(
        [
            *("retrieval", "--model", str(registry.bundled_folder()), "--k", str(K)),
            *("--data", "kind=json", f"path={album / 'captions.json'}"),
            *("--sql", stored, "--out", str(tmp_path / "results.json")),
        ]
    )
    found = json.loads((tmp_path / "results.json").read_bytes())
    figures = found["figures"]
    assert figures["here"] == figures["here, through SQL"]
    assert found["protocol"]["candidates"] == K
    assert (found["protocol"]["images"], found["protocol"]["texts"]) == (IMAGES, IMAGES * CAPTIONS)
    for way in ("image to text", "text to image"):
        assert 50 < figures["here"][f"{way} R@1"] <= 100  # it knows scenes
        assert figures["here"][f"{way} R@10"] < 100 or figures["here"][f"{way} R@1"] > 90
    assert "here, through SQL" in capsys.readouterr().out


@pytest.mark.slow
def test_scores_through_sql_equal_those_in_torch(
    bundled: TorchModel, stored: str, album: Path
) -> None:
    """Candidate by candidate, up to what int8 tokens and halfvec change."""
    pairs = pairs_of(album)
    here = retrieval.retrieve(bundled, pairs, see_image, pairs.images, k=K, batch=64)
    with connection.connect(stored, autocommit=True) as conn:
        there = sql_retrieval.retrieve(conn, bundled.source, pairs, k=K)
    for ours, theirs, count in (
        (here.texts, there.texts, len(pairs.texts)),
        (here.images, there.images, len(pairs.images)),
    ):
        for query in range(len(ours.places)):
            same = np.intersect1d(ours.places[query], theirs.places[query])
            assert len(same) >= K - 1  # one near the edge may differ
            difference = ours.row(query, count)[same] - theirs.row(query, count)[same]
            assert np.abs(difference).max() < 0.1


def test_the_same_picture_twice_is_one_image_there(
    bundled: TorchModel, stored: str, album: Path, tmp_path: Path
) -> None:
    """Both places have its score."""
    copy = tmp_path / "copy.png"
    copy.write_bytes((album / "000.png").read_bytes())
    paths = [*sorted(album.glob("*.png"))[:12], copy]
    texts = pairs_of(album).texts[::CAPTIONS][:12]
    samples = [
        Sample((path,), str(path), text)
        for path, text in zip(paths, [*texts, "a circle"], strict=True)
    ]
    with connection.connect(stored, autocommit=True) as conn:
        both = sql_retrieval.retrieve(conn, bundled.source, read_pairs(samples), k=12)
    for query in range(13):
        row = both.images.row(query, 13)
        assert row[0] == row[12]
        assert (row > -100).all()


def test_images_that_are_not_there_are_counted(
    bundled: TorchModel, elsewhere: str, album: Path
) -> None:
    with (
        connection.connect(elsewhere, autocommit=True) as conn,
        pytest.raises(DatabaseError, match=f"{IMAGES} of {IMAGES} images are not in the space 'x'"),
    ):
        sql_retrieval.retrieve(conn, bundled.source, pairs_of(album), k=K, space="x")


def test_the_database_searches_with_the_same_model(
    model: TorchModel, stored: str, album: Path
) -> None:
    with (
        connection.connect(stored, autocommit=True) as conn,
        pytest.raises(UsageError, match=r"The database searches with scenes .* is another model"),
    ):
        sql_retrieval.retrieve(conn, model.source, pairs_of(album), k=K)


def test_no_search_gives_more_than_a_thousand(
    bundled: TorchModel, stored: str, album: Path
) -> None:
    with (
        connection.connect(stored, autocommit=True) as conn,
        pytest.raises(UsageError, match="k is 1001; blip_search gives 1000"),
    ):
        sql_retrieval.retrieve(conn, bundled.source, pairs_of(album), k=1001)
