"""NLVR2 (arXiv 1811.00491): accuracy of judgements, and their consistency over a statement's pairs
of images."""

from __future__ import annotations

from collections.abc import Sequence


def figures(
    right: Sequence[bool], statements: Sequence[str], ids: Sequence[str]
) -> dict[str, float]:
    """Compute accuracy and consistency. accuracy: percentage of examples that are right.
    consistency: percentage of statements that are right with each pair of images that they come
    with.

    ids: the release's, as `dev-850-0-1`: split, set, pair of images, statement; where an example
    has none like it, its statement is known by its words.
    """
    always: dict[str, bool] = {}
    for is_right, statement, id in zip(right, statements, ids, strict=True):
        name = statement_of(id) or statement
        always[name] = always.get(name, True) and is_right
    return {
        "accuracy": 100 * sum(right) / len(right),
        "consistency": 100 * sum(always.values()) / len(always),
    }


def statement_of(id: str) -> str:
    """Identify the statement of an example by the example's id: `dev-850-0-1` -> `dev-850--1`; ''
    for an id of another form."""
    parts = id.split("-")
    if len(parts) != 4:
        return ""
    split, images, _, statement = parts
    return f"{split}-{images}--{statement}"
