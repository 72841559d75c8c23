"""One plain caption for each scene, as the target of the captioner.

The varied captions of the grammar leave open which thing comes first and in which words, so a
captioner spends its capacity on guessing them. Here everything follows from the picture: the
groups from left to right in their usual words, in pairs with the relation between them.
"""

from __future__ import annotations

from collections.abc import Sequence

from .grammar import COLOUR_WORDS, NOUNS, NUMBERS, RELATION_WORDS, plural
from .world import Scene, Thing, groups, relations, union

_RELATION_ORDER = ("inside", "around", "on", "under", "left", "right", "above", "below")


def plain_caption(scene: Scene) -> str:
    """Every thing's kind, colour and number: "a red car left of two stars and also a blue dog"."""
    all_groups = sorted(groups(scene), key=_middle)
    return " and also ".join(_pair(all_groups[i : i + 2]) for i in range(0, len(all_groups), 2))


def _middle(group: Sequence[Thing]) -> float:
    left, _, right, _ = union(group)
    return left + right


def _pair(pair: Sequence[Sequence[Thing]]) -> str:
    if len(pair) == 1:
        return _phrase(pair[0])
    names = relations(*pair)
    relation = next((RELATION_WORDS[name][0] for name in _RELATION_ORDER if name in names), "and")
    return f"{_phrase(pair[0])} {relation} {_phrase(pair[1])}"


def _phrase(group: Sequence[Thing]) -> str:
    noun, colour = NOUNS[group[0].kind][0], COLOUR_WORDS[group[0].colour][0]
    if len(group) > 1:
        return f"{NUMBERS[len(group)][0]} {colour} {plural(noun)}"
    return f"{'an' if colour[0] in 'aeiou' else 'a'} {colour} {noun}"
