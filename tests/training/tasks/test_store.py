from __future__ import annotations

import gc
from pathlib import Path

import pytest
import torch

from blipdb.errors import SetupError
from blipdb.training.evaluation.tasks.store import TokenStore
from tests.training.tasks.tinies import CPU


def test_what_was_put_is_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    tokens = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(0))
    store = TokenStore(5, 3, 4)
    store.put(0, tokens[:2])
    store.put(2, tokens[2:])
    gc.collect()
    for image in (4, 0, 2):
        assert torch.equal(store.get(image, CPU), tokens[image : image + 1])
    assert list(tmp_path.iterdir()) == []  # its file has no name


def test_a_full_disk_is_said_before_the_work() -> None:
    with pytest.raises(SetupError, match=r"(?s)GB of image tokens find no room in .*TMPDIR"):
        TokenStore(2**20, 2**20, 2**10)
