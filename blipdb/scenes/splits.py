"""Combinations held out from training: a fixed tenth of the colour-kind pairs and of the
(kind, relation, kind) triples, chosen by hash so that they never move."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from .kinds import CONTAINERS, KINDS, SUPPORTS
from .world import COLOURS, Scene, relation_triples

SPLITS = ("train", "test", "unseen")
"""train and test draw from the same world (test is held out by its seeds); every scene of unseen
holds at least one combination that the other two never show."""

Pair = tuple[str, str]
Triple = tuple[str, str, str]

# What the manual asks for stays trainable.
_SHOWN_PAIRS = {("red", "bicycle"), ("yellow", "boat"), ("green", "car"), ("yellow", "star")}
_SHOWN_TRIPLES = {("dog", "left", "house"), ("house", "left", "dog")}


def _rank(item: tuple[str, ...]) -> str:
    return hashlib.sha256(" ".join(item).encode()).hexdigest()


def _tenth(items: Iterable[tuple[str, ...]]) -> list[tuple[str, ...]]:
    ordered = sorted(items, key=_rank)
    return ordered[: round(len(ordered) / 10)]


def _held_out_pairs() -> frozenset[Pair]:
    """A tenth of the pairs, at most two of each kind and five of each colour, so that all kinds and
    colours are learned."""
    pairs = sorted(((c, k) for c in COLOURS for k in KINDS), key=_rank)
    count, selection = round(len(pairs) / 10), list[Pair]()
    for colour, kind in pairs:
        if (colour, kind) in _SHOWN_PAIRS:
            continue
        if sum(c == colour for c, _ in selection) < 5 and sum(k == kind for _, k in selection) < 2:
            selection.append((colour, kind))
        if len(selection) == count:
            break
    return frozenset(selection)


def _held_out_triples() -> frozenset[Triple]:
    triples = [
        (a, relation, b)
        for relation, seconds in (
            ("left", tuple(KINDS)),
            ("above", tuple(KINDS)),
            ("inside", CONTAINERS),
            ("on", SUPPORTS),
        )
        for a in KINDS
        for b in seconds
        if a != b and (a, relation, b) not in _SHOWN_TRIPLES
    ]
    return frozenset((a, relation, b) for a, relation, b in _tenth(triples))


HELD_OUT_PAIRS: frozenset[Pair] = _held_out_pairs()
"""(colour, kind) pairs that never occur in training."""
HELD_OUT_TRIPLES: frozenset[Triple] = _held_out_triples()
"""(kind, relation, kind) that never occur in training; relation is left, above, inside or on
(right and below are their mirror images)."""


def has_held_out_pair(scene: Scene) -> bool:
    return any((thing.colour, thing.kind) in HELD_OUT_PAIRS for thing in scene.things)


def has_held_out_triple(scene: Scene) -> bool:
    return not HELD_OUT_TRIPLES.isdisjoint(relation_triples(scene))


def check_split(split: str) -> None:
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: one of {', '.join(SPLITS)}")


def allowed(scene: Scene, split: str) -> bool:
    """Whether a variant of a scene may be in this split: unseen allows everything."""
    return split == "unseen" or not (has_held_out_pair(scene) or has_held_out_triple(scene))
