"""Functions are short, and few modules lie outside of rooms."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.house.modules import ROOT, trees

MAX_LINES = 60
P90_LINES = 20
MAX_TOP_MODULES = 9


def lengths() -> Iterator[tuple[int, str]]:
    """The lines of each function without its docstring, with a name to find it by."""
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield _length(node), f"{path}: {node.name}"


def _length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    parts = [node, node.body[0]] if ast.get_docstring(node) is not None else [node]
    lines = [(part.end_lineno or 0) - part.lineno + 1 for part in parts]
    return lines[0] - sum(lines[1:])


def test_no_function_is_long() -> None:
    assert {name for lines, name in lengths() if lines > MAX_LINES} == set()


def test_most_functions_are_short() -> None:
    for is_test in (False, True):
        lines = sorted(n for n, name in lengths() if name.startswith("tests/") == is_test)
        assert lines[int(0.9 * len(lines))] <= P90_LINES


def test_modules_are_in_rooms() -> None:
    top = sorted(path.name for path in (ROOT / "blipdb").glob("*.py"))
    assert len(top) <= MAX_TOP_MODULES, top
