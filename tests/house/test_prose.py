"""Docstrings begin as any engineer expects: with an imperative verb or with a noun."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

import pytest

from tests.house.modules import trees

CLAUSES = {"what", "who", "whom", "whose", "which", "that", "those", "how"}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def refused(docstring: str) -> bool:
    """Whether a docstring begins with a clause, or has nothing but a section."""
    first = docstring.strip().partition("\n")[0]
    word = first.partition(" ")[0].strip("`*,.:").lower()
    return word in CLAUSES or first.strip() in ("", "Args:", "Raises:", "Returns:", "Yields:")


def docstrings() -> Iterator[tuple[str, str]]:
    """Each docstring, those of fields and constants too, with a name to find it by."""
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)) is not None:
                yield f"{path}: {getattr(node, 'name', 'module')}", text
            if isinstance(node, ast.Module | ast.ClassDef):
                yield from ((f"{path}:{line}", text) for line, text in _of_values(node))


def _of_values(node: ast.Module | ast.ClassDef) -> Iterator[tuple[int, str]]:
    """Strings right below assignments, with their lines."""
    for before, after in pairwise(node.body):
        if not isinstance(before, ast.Assign | ast.AnnAssign) or not isinstance(after, ast.Expr):
            continue
        if isinstance(after.value, ast.Constant) and isinstance(after.value.value, str):
            yield after.lineno, after.value.value


def test_docstrings_of_values_are_found() -> None:
    tree = ast.parse('A = 1\n"""One."""\nclass B:\n    c: int = 2\n    """Two."""\n')
    inner = tree.body[2]
    assert isinstance(inner, ast.ClassDef)
    assert [*_of_values(tree), *_of_values(inner)] == [(2, "One."), (5, "Two.")]


def test_docstrings_begin_with_a_verb_or_a_noun() -> None:
    found = [f"{name}: {text.splitlines()[0]}" for name, text in docstrings() if refused(text)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("docstring", "is_refused"),
    [
        ("What is asked.", True),
        ("``How`` it goes.", True),
        ("Raises:\n    ValueError: always.", True),
        ("", True),
        ("Return the rank.\n\nRaises:\n    ValueError: there is none.", False),
        ("Whatever remains of a batch.", False),
    ],
)
def test_the_rule(docstring: str, is_refused: bool) -> None:
    assert refused(docstring) == is_refused
