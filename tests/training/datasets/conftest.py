"""Indexes in a folder of each test's own; the local server without a proxy, and without pauses."""

from __future__ import annotations

from pathlib import Path

import pytest

from blipdb.training.datasets import download


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where indexes are kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download, "PAUSE_SECONDS", 0.001)
    return tmp_path / "cache" / "blipdb" / "datasets"
