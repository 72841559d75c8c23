"""Noisy captions as on the web: drawn scenes with the noise of alt-texts, whose truth is known
(arXiv 2201.12086, section 4, is about such texts)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import NamedTuple

import numpy as np

from .grammar import NOUNS, is_true
from .plain import plain_caption
from .sampling import EVERYTHING, World, sample_scene
from .world import Scene, Thing

BOILERPLATE = (
    "click to enlarge", "free shipping on all orders", "image not available", "stock photo",
    "shop now and save", "download free wallpaper", "buy it online today", "photo of the day",
    "home page banner", "my holiday album", "see more like this", "add to cart",
)  # fmt: skip
"""Texts that would stand beside any picture."""
VAGUE = ("a photo", "a nice picture", "some things", "something on a background")
"""Texts that are true of every scene, and say nothing of one."""


@dataclass(frozen=True)
class Mix:
    """Shares of the web's texts that are not a caption of their image.

    `other`: of another image. `half`: of this one with a colour, a kind or the order wrong.
    `vague`: naming a kind or nothing. `boilerplate`. The rest are true and complete.
    """

    other: float = 0.0
    half: float = 0.0
    vague: float = 0.0
    boilerplate: float = 0.0

    def __post_init__(self) -> None:
        shares = [getattr(self, field.name) for field in fields(self)]
        if min(shares) < 0 or sum(shares) > 1:
            raise ValueError(f"shares are at least 0 and at most 1 together, not {self}")

    @property
    def noise(self) -> float:
        """Share of texts that are no caption of their image."""
        return self.other + self.half + self.vague + self.boilerplate


class WebText(NamedTuple):
    """A text beside an image; `kind` is a field of `Mix`, or "true"."""

    text: str
    kind: str


def web_text(
    scene: Scene,
    mix: Mix,
    rng: np.random.Generator,
    *,
    things: Sequence[float],
    world: World = EVERYTHING,
) -> WebText:
    """Write a text as the web might have it beside a scene. things, world: as `sample_scene`'s."""
    kind = _kind(mix, rng)
    if kind == "other":
        return WebText(_other(scene, rng, things, world), kind)
    if kind == "half":
        return WebText(half_right(scene, rng, world), kind)
    if kind == "vague":
        return WebText(_vague(scene, rng), kind)
    if kind == "boilerplate":
        return WebText(_one_of(BOILERPLATE, rng), kind)
    return WebText(plain_caption(scene), kind)


def says_something(text: str, scene: Scene) -> bool:
    """Whether a text is true of the scene and names a colour or more than a thing, and so is worth
    learning from. A text outside the grammar is not."""
    return is_true(text, scene) and len(text.split()) > 2


def web_words() -> set[str]:
    """Words that occur in noise only."""
    return {word for text in (*BOILERPLATE, *VAGUE) for word in text.split()}


def half_right(scene: Scene, rng: np.random.Generator, world: World = EVERYTHING) -> str:
    """A caption with one error: a colour, a kind, or, of two things, their order."""
    while True:
        changed = _changed(scene, rng, world)
        text = plain_caption(changed)
        if not is_true(text, scene):
            return text


def _changed(scene: Scene, rng: np.random.Generator, world: World) -> Scene:
    kinds_and_colours = sorted({(thing.kind, thing.colour) for thing in scene.things})
    kind, colour = kinds_and_colours[int(rng.integers(len(kinds_and_colours)))]
    if len(kinds_and_colours) > 1 and rng.random() < 1 / 3:
        return replace(scene, things=tuple(_mirrored(thing) for thing in scene.things))
    if rng.random() < 0.5:
        colour_now, kind_now = _one_of([c for c in world.colours if c != colour], rng), kind
    else:
        colour_now, kind_now = colour, _one_of([k for k in world.kinds if k != kind], rng)
    return replace(
        scene,
        things=tuple(
            replace(thing, kind=kind_now, colour=colour_now)
            if (thing.kind, thing.colour) == (kind, colour)
            else thing
            for thing in scene.things
        ),
    )


def _mirrored(thing: Thing) -> Thing:
    """Mirror a relation on both axes: left becomes right, and above becomes below."""
    return replace(thing, x=1 - thing.x, y=1 - thing.y)


def _other(scene: Scene, rng: np.random.Generator, things: Sequence[float], world: World) -> str:
    while True:
        text = plain_caption(sample_scene(rng, things=things, world=world))
        if not is_true(text, scene):
            return text


def _vague(scene: Scene, rng: np.random.Generator) -> str:
    if rng.random() < 0.5:
        return _one_of(VAGUE, rng)
    thing = scene.things[int(rng.integers(len(scene.things)))]
    return NOUNS[thing.kind][0]


def _kind(mix: Mix, rng: np.random.Generator) -> str:
    point = rng.random()
    for field in fields(mix):
        point -= getattr(mix, field.name)
        if point < 0:
            return field.name
    return "true"


def _one_of(items: Sequence[str], rng: np.random.Generator) -> str:
    return items[int(rng.integers(len(items)))]
