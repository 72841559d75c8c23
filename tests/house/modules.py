"""The modules of the project, and the imports between them: lazy ones and those for types as well.

The tests beside this one hold the rules of docs/design.md: rooms, their layers, sizes and prose.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = {
    "blipdb.workers": "workers",
    "blipdb.training": "training",
    "blipdb.migrations": "migrations",
    "blipdb.sql": "sql",
    "blipdb": "blipdb",
}


@dataclass(frozen=True)
class Module:
    """A module by its dotted name, with its syntax tree."""

    name: str
    path: Path
    tree: ast.Module
    is_package: bool

    @property
    def package(self) -> str:
        """The package that relative imports begin from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


@dataclass(frozen=True)
class Import:
    """An import statement's target: a module, or a package where a name of it is imported."""

    importer: Module
    target: str
    line: int
    is_relative: bool

    def __str__(self) -> str:
        return f"{self.importer.path.relative_to(ROOT)}:{self.line} imports {self.target}"


@cache
def modules() -> dict[str, Module]:
    """All modules by name."""
    found = {}
    for package, folder in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            is_package = parts[-1] == "__init__"
            name = ".".join((package, *(parts[:-1] if is_package else parts)))
            found[name] = Module(name, path, ast.parse(path.read_text()), is_package)
    return found


@cache
def trees() -> dict[str, ast.Module]:
    """The syntax trees of all Python files, those of tests too, by path within the project."""
    folders = ("blipdb", "workers", "training", "migrations", "tests")
    paths = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in paths}


@cache
def imports() -> tuple[Import, ...]:
    """All imports of the project's own modules."""
    return tuple(found for module in modules().values() for found in _imports_of(module))


def _imports_of(module: Module) -> Iterator[Import]:
    known = modules()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                if name.name.split(".")[0] == "blipdb":
                    yield Import(module, name.name, node.lineno, False)
        elif isinstance(node, ast.ImportFrom):
            base = _base(module, node)
            if base.split(".")[0] != "blipdb":
                continue
            for name in node.names:
                full = f"{base}.{name.name}"
                yield Import(module, full if full in known else base, node.lineno, node.level > 0)


def _base(module: Module, node: ast.ImportFrom) -> str:
    """The absolute name of the module that is imported from."""
    if not node.level:
        return node.module or ""
    parts = module.package.split(".")
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, *([node.module] if node.module else [])])
