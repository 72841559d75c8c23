"""The scene world: seeded drawn scenes whose structure is known exactly, with true captions.

    rng = np.random.default_rng(1)
    scene = sample_scene(rng)
    pixels = draw(scene, 96)
    text = caption(scene, rng)

Needs NumPy and Pillow only. As a program it draws an album:

    python -m blipdb.scenes.sampling --out FOLDER --count 500 --size 192 --seed 1
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from .captions import caption, full_caption
from .drawing import draw
from .grammar import CaptionError, is_true, named_things, vocabulary
from .kinds import CONTAINERS, KINDS, SUPPORTS
from .layout import cluster, put_inside, put_on, spread
from .splits import (
    HELD_OUT_PAIRS,
    HELD_OUT_TRIPLES,
    Pair,
    allowed,
    check_split,
    has_held_out_pair,
    has_held_out_triple,
)
from .variants import variants
from .world import (
    BACKGROUNDS,
    COLOURS,
    SIZES,
    Scene,
    Thing,
    groups,
    relation_triples,
    relations,
)

__all__ = [
    "BACKGROUNDS",
    "COLOURS",
    "EVERYTHING",
    "HELD_OUT_PAIRS",
    "HELD_OUT_TRIPLES",
    "KINDS",
    "SIZES",
    "CaptionError",
    "Scene",
    "Thing",
    "World",
    "caption",
    "draw",
    "full_caption",
    "groups",
    "has_held_out_pair",
    "has_held_out_triple",
    "is_true",
    "named_things",
    "relation_triples",
    "relations",
    "sample_scene",
    "variants",
    "vocabulary",
]

_KINDS, _SIZES = tuple(KINDS), tuple(SIZES)


@dataclass(frozen=True)
class World:
    """Vocabulary of scenes: kinds of things, colours and backgrounds."""

    kinds: tuple[str, ...] = _KINDS
    colours: tuple[str, ...] = tuple(COLOURS)
    backgrounds: tuple[str, ...] = BACKGROUNDS


EVERYTHING = World()
_COUNTS: dict[int, tuple[tuple[float, tuple[int, ...]], ...]] = {
    1: ((1.0, (1,)),),
    2: ((0.75, (1, 1)), (0.25, (2,))),
    3: ((0.55, (1, 1, 1)), (0.3, (2, 1)), (0.15, (3,))),
    4: ((0.5, (1, 1, 1, 1)), (0.22, (2, 1, 1)), (0.08, (2, 2)), (0.12, (3, 1)), (0.08, (4,))),
}
"""For each number of things: probabilities of its divisions into groups of equal things."""
_SIZE_WEIGHTS = {
    1: (0.14, 0.36, 0.5),
    2: (0.3, 0.42, 0.28),
    3: (0.5, 0.4, 0.1),
    4: (0.7, 0.28, 0.02),
}
_TOUCHING_SHARE = 0.16
"""Share of the scenes of several groups in which one group is inside or on another."""
_ALIKE_SHARE = 0.12
"""Share of the further groups that repeat an earlier kind, and as many an earlier colour."""


_T = TypeVar("_T")


def _pick(rng: np.random.Generator, items: Sequence[_T]) -> _T:
    return items[int(rng.random() * len(items))]


def _weighted(rng: np.random.Generator, weights: Sequence[float]) -> int:
    point = rng.random() * sum(weights)
    for i, weight in enumerate(weights):
        point -= weight
        if point < 0:
            return i
    return len(weights) - 1


def _choose_pairs(
    rng: np.random.Generator,
    roles: Sequence[Sequence[str]],
    world: World,
    forced: Pair | None,
    held_out: bool,
) -> list[Pair]:
    """Choose a (colour, kind) for each group; no two equal. Roles are the kinds each may have."""
    pairs: list[Pair] = []
    for i, kinds in enumerate(roles):
        while True:
            colour, kind = _pick(rng, world.colours), _pick(rng, kinds)
            alike = rng.random()
            if pairs and alike < _ALIKE_SHARE and len(kinds) == len(world.kinds):
                kind = _pick(rng, pairs)[1]
            elif pairs and alike > 1 - _ALIKE_SHARE:
                colour = _pick(rng, pairs)[0]
            pair = forced if forced and i == 0 else (colour, kind)
            if pair not in pairs and (held_out or pair == forced or pair not in HELD_OUT_PAIRS):
                break
        pairs.append(pair)
    return pairs


def _make_group(
    rng: np.random.Generator, pair: Pair, size: str, count: int, upright: bool
) -> list[Thing]:
    colour, kind = pair
    low, high = SIZES[size]
    if upright and KINDS[kind].interior:
        low = high - 0.03  # wide enough for every small thing
    tilt = 0.0 if upright else KINDS[kind].tilt
    shade, line = 0.9 + 0.17 * rng.random(), 0.75 + 0.7 * rng.random()
    lean = (rng.random() * 2 - 1) * tilt
    things = []
    for a, b, c in rng.random((count, 3)).tolist():
        things.append(
            Thing(
                kind=kind,
                colour=colour,
                size=size,
                x=0.5,
                y=0.5,
                scale=low + (high - low) * a,
                rotation=lean + (b - 0.5) * min(tilt, 0.15),
                flip=c < 0.5,
                shade=shade,
                line=line,
            )
        )
    return things


def _choose_sizes(rng: np.random.Generator, counts: Sequence[int], touch: str | None) -> list[str]:
    total = sum(counts)
    sizes = []
    for count in counts:
        size = _SIZES[_weighted(rng, _SIZE_WEIGHTS[total])]
        if size == "large" and count > 1:
            size = "medium"
        if count > 2 and rng.random() < 0.6:
            size = "small"
        sizes.append(size)
    if touch == "inside":
        sizes[:2] = ["small", "large"]
    elif touch == "on":
        sizes[:2] = [_pick(rng, ("small", "small", "medium")), "medium" if total > 2 else
                     _pick(rng, ("medium", "large"))]  # fmt: skip
    return sizes


def _arrange(
    rng: np.random.Generator, grouped: Sequence[list[Thing]], touch: str | None
) -> tuple[Thing, ...] | None:
    """Place things group after group; None where they did not fit this time."""
    if touch is None:
        blocks = [cluster(things, rng) for things in grouped]
    else:
        move = put_inside if touch == "inside" else put_on
        inner, holder = grouped[0], grouped[1][0]
        blocks = [[*move(inner, holder, rng), holder], *(cluster(g, rng) for g in grouped[2:])]
    placed = spread(blocks, rng)
    return None if placed is None else tuple(thing for block in placed for thing in block)


def _attempt(
    rng: np.random.Generator, total: int, world: World, forced: Pair | None, held_out: bool
) -> Scene | None:
    choices = _COUNTS[total]
    counts = choices[_weighted(rng, [weight for weight, _ in choices])][1]
    touch = None
    if world is EVERYTHING and counts[-2:] == (1, 1) and rng.random() < _TOUCHING_SHARE:
        touch, counts = _pick(rng, ("inside", "on")), tuple(sorted(counts))
    roles: list[Sequence[str]] = [world.kinds] * len(counts)
    if touch is not None:
        roles[0] = tuple(k for k in _KINDS if k not in CONTAINERS + SUPPORTS)
        roles[1] = CONTAINERS if touch == "inside" else SUPPORTS
        if forced and forced[1] not in roles[0]:
            return None
    pairs = _choose_pairs(rng, roles, world, forced, held_out)
    sizes = _choose_sizes(rng, counts, touch)
    grouped = [
        _make_group(rng, pair, size, count, upright=touch is not None and i < 2)
        for i, (pair, size, count) in enumerate(zip(pairs, sizes, counts, strict=True))
    ]
    background = _pick(rng, world.backgrounds)
    for _ in range(6):
        things = _arrange(rng, grouped, touch)
        if things is None:
            continue
        scene = Scene(things, background, int(rng.integers(2**32)))
        if (len(counts) == 1 or relation_triples(scene)) and (held_out or allowed(scene, "train")):
            return scene
    return None


def sample_scene(
    rng: np.random.Generator,
    *,
    things: Sequence[float] = (0.3, 0.35, 0.2, 0.15),
    split: str = "train",
    unseen: str | None = None,
    world: World = EVERYTHING,
) -> Scene:
    """A random scene; all randomness comes from `rng`.

    In a smaller `world` no thing is inside or on another, and nothing unseen can be asked for.

    `things` are the probabilities of 1, 2, 3, 4 things. A scene of several groups always holds at
    least one relation. split "train" and "test" never hold a held-out combination; "unseen"
    always does: unseen="pair" a held-out colour-kind pair, "relation" a held-out
    (kind, relation, kind), None one of the two at random.

    Raises ValueError for an unknown split or unseen, or weights that aren't 1 to 4 numbers >= 0.
    """
    check_split(split)
    if world is not EVERYTHING and split == "unseen":
        raise ValueError("a smaller world holds nothing unseen")
    if unseen not in (None, "pair", "relation") or (unseen and split != "unseen"):
        raise ValueError(f"unseen is 'pair' or 'relation' with split 'unseen', not {unseen!r}")
    weights = list(things)
    if not 1 <= len(weights) <= 4 or min(weights) < 0 or sum(weights) <= 0:
        raise ValueError(f"things are 1 to 4 weights >= 0, not all 0; got {weights}")
    forced = None
    if split == "unseen":
        relation_possible = sum(weights[1:]) > 0
        if unseen is None:
            unseen = "relation" if relation_possible and rng.random() < 0.5 else "pair"
        if unseen == "pair":
            forced = _pick(rng, sorted(HELD_OUT_PAIRS))
        elif not relation_possible:
            raise ValueError(f"a relation needs two things; the weights {weights} allow only one")
        else:
            weights[0] = 0.0
    total = _weighted(rng, weights) + 1
    while True:
        scene = _attempt(rng, total, world, forced, held_out=split == "unseen")
        if scene is None:
            continue
        if split != "unseen":
            return scene
        pair, triple = has_held_out_pair(scene), has_held_out_triple(scene)
        # Exactly one sort of novelty per scene, so that each is measured by itself.
        if (pair, triple) == (unseen == "pair", unseen == "relation"):
            return scene


def write_album(
    folder: Path, count: int, size: int, seed: int, *, captions: bool = False, split: str = "test"
) -> None:
    """Draw `count` scenes as PNG files, named by number and a fragment of their caption; with
    `captions`, write a full caption into a .txt file beside each."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    digits = len(str(count))
    for i in range(1, count + 1):
        scene = sample_scene(rng, split=split)
        first = scene.things[0]
        name = f"{i:0{digits}d}-{first.colour}-{first.kind}"
        Image.fromarray(draw(scene, size)).save(folder / f"{name}.png", compress_level=1)
        text = full_caption(scene, rng)
        if captions:
            (folder / f"{name}.txt").write_text(text + "\n", encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Draw an album of scenes as PNG files.")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--count", type=int, default=500, help="how many scenes (500)")
    parser.add_argument("--size", type=int, default=192, help="pixels on each side (192)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another album (1)")
    parser.add_argument("--split", default="test", choices=("train", "test", "unseen"))
    parser.add_argument("--captions", action="store_true", help="write a .txt beside each picture")
    options = parser.parse_args(argv)
    if options.count < 1:
        parser.error(f"--count must be 1 or more, not {options.count}")
    if options.size < 8:
        parser.error(f"--size must be 8 or more, not {options.size}")
    write_album(
        options.out,
        options.count,
        options.size,
        options.seed,
        captions=options.captions,
        split=options.split,
    )


if __name__ == "__main__":
    main()
