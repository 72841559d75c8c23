"""docs/client.md: its code runs, from top to bottom, and prints what it says."""

from __future__ import annotations

import io
import shutil
from contextlib import redirect_stdout
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

import blipdb
from blipdb.client.client import Client
from blipdb.scenes.demo import draw_missing, plan_album
from blipdb.settings import Settings
from tests.test_readme import examples, is_shown

PAGE = Path(__file__).parents[2] / "docs" / "client.md"
PICTURES = 12


@pytest.mark.slow
def test_the_page_shows_what_happens(
    elsewhere: str, served: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in islice(draw_missing(plan_album(tmp_path / "photos")), PICTURES):
        pass
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BLIPDB_URL", elsewhere)
    monkeypatch.setenv("BLIPDB_HOME", str(served.home))
    blocks = list(examples(PAGE.read_text(encoding="utf-8")))
    assert len(blocks) == 5
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks:
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(block.code, f"{PAGE}:{block.line}", "exec"), names)  # noqa: S102
        assert is_shown(block.shown, printed.getvalue()), (block.line, printed.getvalue())
    shutil.rmtree(tmp_path / "photos")


def test_every_method_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    methods = [name for name in vars(Client) if not name.startswith("_")]
    assert len(methods) > 10
    assert [name for name in methods if f"{name}(" not in text] == []
    asynchronous = {name for name in vars(blipdb.AsyncClient) if not name.startswith("_")}
    assert asynchronous - {"aclose"} == set(methods) - {"close"}
