from __future__ import annotations

from pathlib import Path

import pytest

from blipdb.training.evaluation.tasks.models import TorchModel
from tests.training.tasks.tinies import tiny_model


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> TorchModel:
    """A tiny model with random weights."""
    return tiny_model(tmp_path_factory.mktemp("evaluated"))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Indexes of a test's datasets stay with the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
