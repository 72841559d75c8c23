"""Tiny BLIPs with random weights, as transformers saves them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.checkpoints.published import TINY, configuration, made, write


def rounded(kind: str) -> Any:
    """Weights that float16 can hold, so that an artifact's are the same."""
    model = made(kind, configuration(TINY))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(parameter.half().float())
    return model


@pytest.fixture(scope="module")
def theirs() -> Any:
    return rounded("retrieval")


@pytest.fixture(scope="module")
def captioner() -> Any:
    return rounded("captioner")


@pytest.fixture(scope="module")
def answerer() -> Any:
    return rounded("answerer")


@pytest.fixture
def folder(theirs: Any, tmp_path: Path) -> Path:
    return write(theirs, tmp_path / "blip-tiny")
