"""The notebook runs from top to bottom, shows its pictures, and is stored without outputs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

from blipdb.settings import Settings

NOTEBOOK = Path(__file__).parents[2] / "docs" / "examples" / "notebook.ipynb"


@pytest.fixture
def notebook(
    elsewhere: str, served: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """The notebook after its run on a fresh database."""
    monkeypatch.setenv("BLIPDB_URL", elsewhere)
    monkeypatch.setenv("BLIPDB_HOME", str(served.home))
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "jupyter"))
    notebook = read()
    runner = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    runner.execute()
    return notebook


def read() -> Any:
    return nbformat.read(NOTEBOOK, as_version=4)  # type: ignore[no-untyped-call]


def shown(cell: Any, kind: str) -> str:
    """Return the output of a cell, as text/plain, text/html, or what it printed."""
    parts = []
    for output in cell.outputs:
        assert output.output_type in ("execute_result", "stream"), output
        parts.append(output.get("text", "") or output.get("data", {}).get(kind, ""))
    return "".join(parts)


@pytest.mark.slow
def test_it_runs_and_shows_pictures(notebook: Any) -> None:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    first, search, table, similar, texts, added, close = cells
    assert shown(first, "text/plain") == "(16, 16, [])"
    for cell, count in ((search, 4), (similar, 3), (added, 1)):
        html = shown(cell, "text/html")
        assert len(re.findall(r'src="data:image/jpeg;base64,[^"]+"', html)) == count
        assert "no picture" not in html
    assert len(shown(table, "text/plain").strip().split("\n")) == 5
    caption, match, other = eval(shown(texts, "text/plain"))
    assert caption
    assert match > 0.5 > other
    assert "the first of them" in shown(added, "text/html")
    assert close.outputs == []


def test_it_is_stored_without_outputs() -> None:
    notebook = read()
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert (cell.outputs, cell.execution_count) == ([], None)
