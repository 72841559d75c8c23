"""The boundary between public names and private modules, in code and in the manual."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"

RESULTS = ["Caption", "Count", "Failed", "Hit", "Hits", "Image"]
CLIENT = ["AsyncClient", "Client", *RESULTS, "aconnect", "connect"]
ERRORS = [
    "BlipdbError",
    "BrokerError",
    "DatabaseError",
    "EngineError",
    "ImageError",
    "ModelError",
    "SetupError",
    "StoppedError",
    "TextError",
    "UsageError",
]
ORM = [
    "ActiveModel",
    "AttachedRow",
    "Attachment",
    "Caption",
    "FailedFile",
    "File",
    "Hits",
    "Image",
    "ImageTokens",
    "ImageVector",
    "Job",
    "Model",
    "attached",
    "capfilt",
    "captions",
    "image_column",
    "ranked_captions",
    "search",
    "verdicts",
]
PUBLIC = {
    "blipdb": sorted([*CLIENT, *ERRORS]),
    "blipdb.client": sorted(CLIENT),
    "blipdb.errors": ERRORS,
    "blipdb.orm": ORM,
    "blipdb.orm.alembic": ["include_name"],
}
"""The modules that users import, and their names. A name that is gone breaks an app."""

APPS = {"blipdb.workers"}
"""Modules that a program is told to load."""

PAGES = {
    "blipdb": ["client.md"],
    "blipdb.client": ["client.md"],
    "blipdb.errors": ["client.md"],
    "blipdb.orm": ["orm.md"],
    "blipdb.orm.alembic": ["orm.md"],
}

COMMANDS = ("capfilt", "evaluate", "export", "finetune", "pretrain", "tables")
"""Modules of blipdb.training that are run by ``python -m``."""


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_these(module: str) -> None:
    found = import_module(module)
    assert sorted(found.__all__) == sorted(PUBLIC[module])
    assert list(found.__all__) == sorted(found.__all__)


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_can_be_imported(module: str) -> None:
    found = import_module(module)
    assert [name for name in PUBLIC[module] if not hasattr(found, name)] == []
    assert set(PUBLIC[module]) <= set(dir(found))
    namespace: dict[str, object] = {}
    exec(f"from {module} import *", namespace)  # noqa: S102
    assert set(PUBLIC[module]) <= set(namespace)
    assert not hasattr(found, "no_such_name")


def test_names_in_two_places_are_the_same() -> None:
    package = import_module("blipdb")
    for module in ("blipdb.client", "blipdb.errors"):
        found = import_module(module)
        for name in PUBLIC[module]:
            assert getattr(package, name) is getattr(found, name)


@pytest.mark.parametrize("module", PUBLIC)
def test_public_names_are_in_the_manual(module: str) -> None:
    text = "".join((DOCS / page).read_text() for page in PAGES[module])
    words = set(re.findall(r"\w+", " ".join(re.findall(r"`[^`\n]+`", text))))
    assert [name for name in PUBLIC[module] if name not in words] == []


def test_public_names_have_docstrings() -> None:
    found = import_module("blipdb")
    assert [name for name in PUBLIC["blipdb"] if not getattr(found, name).__doc__] == []


def test_packages_say_that_they_are_private() -> None:
    for path in sorted((ROOT / "blipdb").glob("*/__init__.py")):
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        assert re.search(r"^Private: ", docstring, re.MULTILINE), path
        is_public = f"blipdb.{path.parent.name}" in PUBLIC
        assert ("``__all__``" in docstring) == is_public, path


@pytest.mark.parametrize("command", COMMANDS)
def test_training_commands_are_there(command: str) -> None:
    folder = ROOT / "training"
    path = next(
        path
        for path in (folder / f"{command}.py", folder / command / "__main__.py")
        if path.exists()
    )
    assert '__name__ == "__main__"' in path.read_text()


def sources() -> dict[str, str]:
    """The code of the manual and of the examples' apps, by where it is."""
    found: dict[str, str] = {}
    pages = sorted({page for pages in PAGES.values() for page in pages})
    for path in (ROOT / "README.md", *(DOCS / page for page in pages)):
        blocks = re.findall(r"^```python\n(.*?)^```", path.read_text(), re.M | re.S)
        found |= {f"{path.name}, block {number}": code for number, code in enumerate(blocks, 1)}
    for path in sorted((DOCS / "examples").rglob("*.py")):
        if "tests" not in path.parts:
            found[str(path.relative_to(DOCS))] = path.read_text()
    return found


def imported(code: str) -> set[str]:
    """The modules and names of blipdb that code imports."""
    found = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in found if name.split(".")[0] == "blipdb"}


@pytest.mark.parametrize("place", sources())
def test_the_manual_imports_public_names_alone(place: str) -> None:
    for name in imported(sources()[place]) - {*PUBLIC, *APPS}:
        module, _, member = name.rpartition(".")
        assert member in PUBLIC.get(module, ()), name
