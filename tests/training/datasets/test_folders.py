"""Folders with captions beside their images."""

from __future__ import annotations

from pathlib import Path

import pytest

from blipdb.training.datasets.open import open_dataset
from blipdb.training.datasets.sample import DataError, Sample
from tests.album import picture


def test_each_caption_is_a_sample(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("a.png", "deep/b.png", "none.png"):
        (tmp_path / name).write_bytes(picture(1))
    (tmp_path / "a.txt").write_text("a red car\n\na car\n")
    (tmp_path / "deep" / "b.txt").write_text("a dog")
    found = list(open_dataset({"kind": "folder", "path": str(tmp_path)}).once())
    assert all(isinstance(one, Sample) for one in found)
    places = [(Path(one.key).name, one.text) for one in found if isinstance(one, Sample)]
    assert places == [("a.png", "a red car"), ("a.png", "a car"), ("b.png", "a dog")]


def test_a_folder_that_is_none_or_says_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        open_dataset({"kind": "folder", "path": str(tmp_path / "nowhere")})
    (tmp_path / "a.png").write_bytes(picture(1))
    with pytest.raises(DataError, match=r"captions as photo\.txt .*has no samples"):
        open_dataset({"kind": "folder", "path": str(tmp_path)})
