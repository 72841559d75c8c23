"""The model that the wheel carries is whole, small, and computes what torch computes."""

from __future__ import annotations

from pathlib import Path

import pytest

from blipdb import bundled
from blipdb.model.artifact import MANIFEST, Artifact

LIMIT = 12_000_000  # bytes, with its README and picture


@pytest.fixture(scope="module")
def scenes() -> Artifact:
    return Artifact.open(Path(bundled.__file__).parent / "scenes")


def test_the_bundled_model_is_small(scenes: Artifact) -> None:
    files = sorted(path.name for path in scenes.folder.iterdir())
    assert files == sorted([MANIFEST, *scenes.manifest.files])
    assert sum((scenes.folder / file).stat().st_size for file in files) <= LIMIT


def test_the_bundled_model_says_what_it_knows(scenes: Artifact) -> None:
    assert scenes.name == "scenes"
    assert scenes.manifest.roles == ("retrieval", "captioner")
    assert scenes.manifest.knows == "drawn scenes"
    readme = scenes.read("README.md").decode()
    assert "| text to image, R@1 with the ITM rerank |" in readme
    assert "(curve.png)" in readme
    assert scenes.read("curve.png").startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_bundled_model_agrees_with_torch(scenes: Artifact) -> None:
    from blipdb.training.evaluation.agreement import check

    assert max(check(scenes).values()) < 1e-5
