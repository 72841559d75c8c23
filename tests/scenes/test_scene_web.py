"""Web captions are as true and as false as they are labelled."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from blipdb.scenes.grammar import is_true
from blipdb.scenes.plain import plain_caption
from blipdb.scenes.sampling import World, sample_scene, vocabulary
from blipdb.scenes.web import Mix, half_right, says_something, web_text, web_words

WORLD = World(("car", "house", "tree"), ("red", "blue"), ("plain",))
THINGS = (0.5, 0.5)
MIX = Mix(other=0.25, half=0.15, vague=0.1, boilerplate=0.1)


def drawn(count: int, mix: Mix = MIX) -> list[tuple[str, str, bool, bool]]:
    rng = np.random.default_rng(1)
    found = []
    for _ in range(count):
        scene = sample_scene(rng, things=THINGS, world=WORLD)
        text, kind = web_text(scene, mix, rng, things=THINGS, world=WORLD)
        found.append((text, kind, is_true(text, scene), says_something(text, scene)))
    return found


def test_each_sort_is_what_it_is_called() -> None:
    for text, kind, true, says in drawn(400):
        if kind in ("other", "half"):
            assert not true, text
        if kind == "true":
            assert true, text
        assert says == (kind == "true"), (text, kind)


def test_the_shares_are_the_mix() -> None:
    counts = Counter(kind for _, kind, _, _ in drawn(4000))
    for kind, share in (("true", 0.4), ("other", 0.25), ("half", 0.15), ("vague", 0.1)):
        assert counts[kind] / 4000 == pytest.approx(share, abs=0.03)
    assert MIX.noise == pytest.approx(0.6)


def test_a_world_holds_nothing_else() -> None:
    rng = np.random.default_rng(2)
    for _ in range(200):
        scene = sample_scene(rng, things=THINGS, world=WORLD)
        assert {thing.kind for thing in scene.things} <= set(WORLD.kinds)
        assert {thing.colour for thing in scene.things} <= set(WORLD.colours)
        assert scene.background == "plain"


def test_half_right_differs_in_one_thing() -> None:
    rng = np.random.default_rng(3)
    for _ in range(100):
        scene = sample_scene(rng, things=(0.0, 1.0), world=WORLD)
        right, wrong = plain_caption(scene).split(), half_right(scene, rng, WORLD).split()
        assert set(wrong) & set(right) - {"a", "and"}


def test_every_word_is_known() -> None:
    known = web_words() | set(vocabulary())
    assert {word for text, *_ in drawn(400) for word in text.split()} <= known


@pytest.mark.parametrize("shares", [{"other": -0.1}, {"other": 0.6, "half": 0.5}])
def test_impossible_mixes(shares: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="at least 0 and at most 1 together"):
        Mix(**shares)
