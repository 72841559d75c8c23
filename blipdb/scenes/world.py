"""Parts of a drawn scene: things, colours, sizes, backgrounds, and the exact geometry.

Coordinates are fractions of the image: x grows to the right, y grows downwards, both 0..1.
Every relation follows from the bounding boxes alone, with a margin, so that the truth of a
caption never depends on how a scene happens to be drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from .kinds import KINDS

Box = tuple[float, float, float, float]

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (222, 32, 38),
    "orange": (250, 138, 20),
    "yellow": (255, 224, 40),
    "green": (34, 150, 60),
    "blue": (30, 88, 222),
    "purple": (128, 50, 178),
    "pink": (252, 138, 196),
    "brown": (126, 76, 38),
    "black": (34, 34, 38),
    "white": (250, 250, 250),
}
"""The ten colours and the sRGB value around which each varies in shade."""

SIZES: dict[str, tuple[float, float]] = {
    "small": (0.24, 0.27),
    "medium": (0.33, 0.37),
    "large": (0.46, 0.56),
}
"""Extent (longer side of the upright outline) as a fraction of the image; never overlapping."""

BACKGROUNDS = ("plain", "sky", "grass", "sand", "water", "night", "room")

GAP = 0.02
"""Least distance between the boxes of two things that stand in a direction to each other."""
DOMINANCE = 1.3
"""A direction holds when its axis differs by this factor more than the other axis."""
NEAR = 0.12
"""Two things are beside each other up to this horizontal distance."""
TOUCH = 0.005
"""A thing stands on another when bottom and top differ by less than this."""

INVERSE = {"left": "right", "right": "left", "above": "below", "below": "above"}


@dataclass(frozen=True, slots=True)
class Thing:
    """A drawn thing. `scale` is its extent (0..1 of the image), `rotation` in radians clockwise,
    `shade` a brightness around 1, `line` a factor on line widths around 1."""

    kind: str
    colour: str
    size: str
    x: float
    y: float
    scale: float
    rotation: float = 0.0
    flip: bool = False
    shade: float = 1.0
    line: float = 1.0


@dataclass(frozen=True, slots=True)
class Scene:
    """One to four things on a background. `seed` fixes noise and backdrop detail."""

    things: tuple[Thing, ...]
    background: str
    seed: int


def box(thing: Thing) -> Box:
    """Bounding box (left, top, right, bottom) of the thing's rotated upright outline."""
    kind = KINDS[thing.kind]
    half, cos, sin = thing.scale / 2, abs(math.cos(thing.rotation)), abs(math.sin(thing.rotation))
    w = half * (kind.half_width * cos + kind.half_height * sin)
    h = half * (kind.half_width * sin + kind.half_height * cos)
    return thing.x - w, thing.y - h, thing.x + w, thing.y + h


def union(things: Iterable[Thing]) -> Box:
    """Bounding box of several things."""
    boxes = [box(thing) for thing in things]
    return (
        min(b[0] for b in boxes),
        min(b[1] for b in boxes),
        max(b[2] for b in boxes),
        max(b[3] for b in boxes),
    )


def interior(container: Thing) -> Box:
    """The upright square inside a frame or ring in which a thing counts as inside."""
    half = container.scale / 2 * KINDS[container.kind].interior
    x, y = container.x, container.y
    return x - half, y - half, x + half, y + half


def separation(a: Box, b: Box) -> tuple[float, float]:
    """Horizontal and vertical distance between two boxes; negative where they overlap."""
    return max(a[0] - b[2], b[0] - a[2]), max(a[1] - b[3], b[1] - a[3])


def _direction(a: Box, b: Box) -> str | None:
    gap_x, gap_y = separation(a, b)
    dx, dy = (b[0] + b[2] - a[0] - a[2]) / 2, (b[1] + b[3] - a[1] - a[3]) / 2
    if gap_x >= GAP and abs(dx) >= DOMINANCE * abs(dy):
        return "left" if dx > 0 else "right"
    if gap_y >= GAP and abs(dy) >= DOMINANCE * abs(dx):
        return "above" if dy > 0 else "below"
    return None


def _inside(a: Box, things: Sequence[Thing]) -> bool:
    if len(things) != 1 or not KINDS[things[0].kind].interior:
        return False
    room = interior(things[0])
    return a[0] >= room[0] and a[1] >= room[1] and a[2] <= room[2] and a[3] <= room[3]


def _on(a: Box, b: Box, things: Sequence[Thing]) -> bool:
    if len(things) != 1 or not KINDS[things[0].kind].supports:
        return False
    return abs(a[3] - b[1]) < TOUCH and b[0] <= (a[0] + a[2]) / 2 <= b[2]


def relations(a: Sequence[Thing], b: Sequence[Thing]) -> frozenset[str]:
    """Every relation that holds of `a` to `b` (each one thing or a group of things).

    Among left, right, above, below (at most one: that of the dominant axis between the boxes),
    inside, around (its inverse), on, under (its inverse; on is also above), and beside.
    """
    box_a, box_b = union(a), union(b)
    if _inside(box_a, b):
        return frozenset({"inside"})
    if _inside(box_b, a):
        return frozenset({"around"})
    if _on(box_a, box_b, b):
        return frozenset({"on", "above"})
    if _on(box_b, box_a, a):
        return frozenset({"under", "below"})
    direction = _direction(box_a, box_b)
    if direction is None:
        return frozenset()
    if direction in ("left", "right") and separation(box_a, box_b)[0] <= NEAR:
        return frozenset({direction, "beside"})
    return frozenset({direction})


def groups(scene: Scene) -> list[tuple[Thing, ...]]:
    """The things by (kind, colour), in the order of their first thing."""
    by_name: dict[tuple[str, str], list[Thing]] = {}
    for thing in scene.things:
        by_name.setdefault((thing.kind, thing.colour), []).append(thing)
    return [tuple(things) for things in by_name.values()]


def relation_triples(scene: Scene) -> set[tuple[str, str, str]]:
    """(kind, relation, kind) of every two groups, as left, above, inside or on."""
    triples = set()
    for a, b in combinations(groups(scene), 2):
        for first, second in ((a, b), (b, a)):
            for relation in relations(first, second) & {"left", "above", "inside", "on"}:
                triples.add((first[0].kind, relation, second[0].kind))
    return triples
