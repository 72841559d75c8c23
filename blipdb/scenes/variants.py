"""Scenes that differ from a given one in exactly one fact of its full captions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import cast

import numpy as np

from .captions import Content, content
from .grammar import SIZE_WORDS
from .kinds import KINDS
from .layout import EDGE, cluster, extent, is_tidy, moved, put_inside, put_on
from .splits import allowed, check_split
from .world import BACKGROUNDS, COLOURS, SIZES, Scene, Thing, relations, union

Groups = list[list[Thing]]
Change = Callable[[Groups, Content, np.random.Generator], Groups | None]

_MAX_THINGS = 4


def _any(rng: np.random.Generator, n: int) -> int:
    return int(rng.random() * n)


def _middle(group: Sequence[Thing]) -> tuple[float, float]:
    left, top, right, bottom = union(group)
    return (left + right) / 2, (top + bottom) / 2


def _shifted(group: Sequence[Thing], x: float, y: float) -> list[Thing]:
    """Move the group's middle to (x, y), or as near to it as the image allows."""
    b = union(group)
    w, h = extent(b)
    margin = EDGE + 1e-6
    x = min(max(x, w / 2 + margin), 1 - w / 2 - margin)
    y = min(max(y, h / 2 + margin), 1 - h / 2 - margin)
    return [moved(t, x - (b[0] + b[2]) / 2, y - (b[1] + b[3]) / 2) for t in group]


def _refitted(things: Groups, i: int, statement: Content, rng: np.random.Generator) -> Groups:
    """Group i has changed in shape: arrange it again about its old place, every other time with the
    groups a little off, so that all find room; things on or in another stay there."""
    if len(things[i]) > 1:
        things[i] = _shifted(cluster(things[i], rng), *_middle(things[i]))
    amount = 0.4 if rng.random() < 0.5 else 0.0
    for j, group in enumerate(things):
        x, y = _middle(group)
        off_x, off_y = ((rng.random(2) - 0.5) * amount).tolist()
        things[j] = _shifted(group, x + off_x, y + off_y)
    for a, relation, c in statement.relations:
        if relation in ("on", "inside"):
            move = put_on if relation == "on" else put_inside
            pair = [*move(things[a], things[c][0], rng), things[c][0]]
            pair = _shifted(pair, *_middle(pair))
            things[a], things[c] = pair[:-1], pair[-1:]
    return things


def change_colour(things: Groups, statement: Content, rng: np.random.Generator) -> Groups | None:
    i = _any(rng, len(things))
    colour = tuple(COLOURS)[_any(rng, len(COLOURS))]
    things[i] = [replace(t, colour=colour) for t in things[i]]
    return things


def change_kind(things: Groups, statement: Content, rng: np.random.Generator) -> Groups | None:
    i = _any(rng, len(things))
    kind = tuple(KINDS)[_any(rng, len(KINDS))]
    tilt = KINDS[kind].tilt
    things[i] = [
        replace(t, kind=kind, rotation=float(np.clip(t.rotation, -tilt, tilt))) for t in things[i]
    ]
    return _refitted(things, i, statement, rng)


def change_count(things: Groups, statement: Content, rng: np.random.Generator) -> Groups | None:
    i = _any(rng, len(things))
    if len(things[i]) > 1 and rng.random() < 0.5:
        del things[i][_any(rng, len(things[i]))]
        return things
    if sum(map(len, things)) >= _MAX_THINGS:
        return None
    things[i].append(replace(things[i][0], flip=bool(rng.random() < 0.5)))
    return _refitted(things, i, statement, rng)


def change_size(things: Groups, statement: Content, rng: np.random.Generator) -> Groups | None:
    i = _any(rng, len(things))
    size = tuple(SIZES)[_any(rng, len(SIZES))]
    if not statement.sizes or things[i][0].size == size or things[i][0].size not in SIZE_WORDS:
        return None
    low, high = SIZES[size]
    things[i] = [replace(t, size=size, scale=low + (high - low) * 0.5) for t in things[i]]
    return _refitted(things, i, statement, rng)


def swap_colours(things: Groups, statement: Content, rng: np.random.Generator) -> Groups | None:
    if len(things) < 2:
        return None
    i, j = rng.permutation(len(things))[:2].tolist()
    first, second = things[i][0].colour, things[j][0].colour
    if things[i][0].kind == things[j][0].kind:
        return None
    things[i] = [replace(t, colour=second) for t in things[i]]
    things[j] = [replace(t, colour=first) for t in things[j]]
    return things


def change_relation(things: Groups, statement: Content, rng: np.random.Generator) -> Groups | None:
    """Mirror the scene, swap the places of two groups, or move one group elsewhere."""
    if not statement.relations:
        return None
    style = rng.random()
    if style < 0.2:
        return [[replace(t, x=1 - t.x) for t in group] for group in things]
    if style < 0.4:
        middle = union([t for group in things for t in group])
        return [[replace(t, y=middle[1] + middle[3] - t.y) for t in g] for g in things]
    a, _, b = statement.relations[_any(rng, len(statement.relations))]
    if style < 0.6:
        at_a, at_b = _middle(things[a]), _middle(things[b])
        things[a], things[b] = _shifted(things[a], *at_b), _shifted(things[b], *at_a)
        return things
    i = (a, b)[_any(rng, 2)]
    things[i] = _shifted(things[i], *rng.random(2).tolist())
    return things


CHANGES: dict[str, tuple[float, Change]] = {
    "colour": (0.24, change_colour),
    "kind": (0.2, change_kind),
    "count": (0.14, change_count),
    "size": (0.08, change_size),
    "colours": (0.14, swap_colours),
    "relation": (0.2, change_relation),
}
"""Possible differences: probability of a try, and the function that makes the change."""
_PLACE_PROBABILITY = 0.04  # probability to try the place, where captions state it


def _described(things: Groups, statement: Content, background: str) -> tuple[object, ...]:
    """Content of a full caption, as one value per fact: groups, then relations, then place."""
    facts: list[object] = []
    for group in things:
        first = group[0]
        size = first.size if statement.sizes and first.size in SIZE_WORDS else None
        facts.append((first.kind, first.colour, len(group), size))
    for a, _, b in statement.relations:
        facts.append(frozenset(relations(things[a], things[b]) - {"beside"}))
    return (*facts, background)


def _is_clean(
    name: str, old: tuple[object, ...], new: tuple[object, ...], statement: Content, things: Groups
) -> bool:
    """Whether exactly one fact differs (the colours of two groups, for "colours"), and groups
    that were different have not become one."""
    kinds = [(group[0].kind, group[0].colour) for group in things]
    if len(set(kinds)) != len(kinds):
        return False
    n = len(statement.groups)
    differing = [i for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
    if name == "relation":
        # What was said must be false now (on is above too), and something else be true.
        if len(differing) != 1 or not n <= differing[0] < len(old) - 1:
            return False
        fact = new[differing[0]]
        return bool(fact) and statement.relations[differing[0] - n][1] not in cast(
            frozenset[str], fact
        )
    if name == "colours":
        return len(differing) == 2 and differing[1] < n
    return len(differing) == 1 and (differing[0] < n or name == "place")


def _preferred(often: Mapping[str, float], rng: np.random.Generator) -> str | None:
    point = rng.random()
    for name, share in often.items():
        point -= share
        if point < 0:
            return name
    return None


def variants(
    scene: Scene,
    rng: np.random.Generator,
    n: int,
    *,
    split: str = "train",
    often: Mapping[str, float] | None = None,
) -> list[tuple[Scene, str]]:
    """`n` different scenes with the name of what differs from `scene`: "colour", "kind", "count",
    "size", "colours" (swapped between two groups), "relation" or "place".

    Each differs in exactly one attribute or relation that every full caption of `scene` says, so
    no full caption of `scene` is true of any of them. `often` says of some of these names how
    often they are tried before any other. With split "train" or "test" no variant holds a held-out
    combination.

    Raises ValueError when `n` different ones are not found (a scene allows well over 31).
    """
    check_split(split)
    statement = content(scene)
    base: Groups = [list(group) for group in statement.groups]
    old = _described(base, statement, scene.background)
    names = list(CHANGES)
    bounds = np.cumsum([CHANGES[name][0] for name in names])
    results: list[tuple[Scene, str]] = []
    descriptions = {old}
    for _ in range(200 * n + 2000):
        if len(results) == n:
            return results
        name = _preferred(often, rng) if often else None
        if name is None and statement.place and rng.random() < _PLACE_PROBABILITY:
            name = "place"
        if name is None:
            name = names[int(np.searchsorted(bounds, rng.random() * bounds[-1], side="right"))]
        things, background = [list(group) for group in base], scene.background
        if name == "place":
            if not statement.place:
                continue
            background = BACKGROUNDS[_any(rng, len(BACKGROUNDS))]
        elif (changed := CHANGES[name][1](things, statement, rng)) is None:
            continue
        else:
            things = changed
        new = _described(things, statement, background)
        if new in descriptions or not _is_clean(name, old, new, statement, things):
            continue
        flat = tuple(t for group in things for t in group)
        other = Scene(flat, background, scene.seed)
        if not is_tidy(other) or not allowed(other, split):
            continue
        descriptions.add(new)
        results.append((other, name))
    raise ValueError(f"only {len(results)} of {n} variants were found for {scene}")
