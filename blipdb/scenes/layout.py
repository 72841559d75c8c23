"""Placement of things: blocks (a group, or two groups that touch), spread over the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from .world import (
    Box,
    Scene,
    Thing,
    box,
    groups,
    interior,
    relations,
    separation,
    union,
)

EDGE = 0.015
"""Least distance of a thing from the border of the image."""
BLOCK_DISTANCE = 0.035
"""Least distance between the boxes of two blocks."""


def moved(thing: Thing, dx: float, dy: float) -> Thing:
    return replace(thing, x=thing.x + dx, y=thing.y + dy)


def extent(b: Box) -> tuple[float, float]:
    return b[2] - b[0], b[3] - b[1]


def cluster(things: Sequence[Thing], rng: np.random.Generator) -> list[Thing]:
    """A group's things around the origin: in a row, a column, or two rows, a little uneven."""
    if len(things) == 1:
        return [replace(things[0], x=0.0, y=0.0)]
    cells = (
        np.array([extent(box(t)) for t in things]).max(axis=0)
        + BLOCK_DISTANCE
        + 0.02 * rng.random(2)
    )
    style = rng.random()
    per_row = len(things) if style < 0.4 else 1 if style < 0.65 else 2
    if per_row * cells[0] > 0.95 or -(-len(things) // per_row) * cells[1] > 0.95:
        per_row = 2
    jitter = (rng.random((len(things), 2)) - 0.5) * 0.018
    if len(things) == 2 and per_row == 2:
        jitter[:, 1] *= 6
    return [
        replace(
            thing,
            x=float((i % per_row) * cells[0] + jitter[i, 0]),
            y=float((i // per_row) * cells[1] + jitter[i, 1]),
        )
        for i, thing in enumerate(things)
    ]


def put_inside(things: Sequence[Thing], container: Thing, rng: np.random.Generator) -> list[Thing]:
    """Move the things to a random place in the container's interior, which must hold them."""
    room, inner = interior(container), union(things)
    free_x = extent(room)[0] - extent(inner)[0]
    free_y = extent(room)[1] - extent(inner)[1]
    share_x, share_y = 0.2 + 0.6 * rng.random(2)
    dx = room[0] + free_x * share_x - inner[0]
    dy = room[1] + free_y * share_y - inner[1]
    return [moved(t, float(dx), float(dy)) for t in things]


def put_on(things: Sequence[Thing], support: Thing, rng: np.random.Generator) -> list[Thing]:
    """Move the things so that they stand on the support's upper edge."""
    top, bottom = box(support), union(things)
    slack = max(0.0, (extent(top)[0] - extent(bottom)[0]) / 2)
    dx = support.x + (2 * rng.random() - 1) * slack - (bottom[0] + bottom[2]) / 2
    return [moved(t, float(dx), top[1] - bottom[3]) for t in things]


def within_image(b: Box) -> bool:
    return min(b[0], b[1]) >= EDGE and max(b[2], b[3]) <= 1 - EDGE


def apart(a: Box, b: Box, distance: float = BLOCK_DISTANCE) -> bool:
    return max(separation(a, b)) >= distance


def spread(
    blocks: Sequence[Sequence[Thing]], rng: np.random.Generator, tries: int = 12
) -> list[list[Thing]] | None:
    """Move each block as a whole to a random free place; None if a block finds none."""
    order = sorted(range(len(blocks)), key=lambda i: -np.prod(extent(union(blocks[i]))))
    placed: dict[int, list[Thing]] = {}
    boxes: list[Box] = []
    for i in order:
        b = union(blocks[i])
        free_x, free_y = (1 - 2 * EDGE - side for side in extent(b))
        if free_x < 0 or free_y < 0:
            return None
        for x, y in rng.random((tries, 2)).tolist():
            dx, dy = EDGE + x * free_x - b[0], EDGE + y * free_y - b[1]
            target = (b[0] + dx, b[1] + dy, b[2] + dx, b[3] + dy)
            if all(apart(target, other) for other in boxes):
                placed[i] = [moved(t, dx, dy) for t in blocks[i]]
                boxes.append(target)
                break
        else:
            return None
    return [placed[i] for i in range(len(blocks))]


def is_tidy(scene: Scene) -> bool:
    """Whether everything is within the image and no two things overlap unless one is inside or
    on the other."""
    if not all(within_image(box(thing)) for thing in scene.things):
        return False
    all_groups = groups(scene)
    for i, a in enumerate(all_groups):
        for j, one in enumerate(a):
            if not all(apart(box(one), box(other), 0.015) for other in a[j + 1 :]):
                return False
        for b in all_groups[i + 1 :]:
            if relations(a, b) & {"inside", "around", "on", "under"}:
                continue
            if not all(apart(box(one), box(other), 0.02) for one in a for other in b):
                return False
    return True
