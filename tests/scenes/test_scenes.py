"""Scenes: geometry with exact answers, splits, drawing, variants, albums."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blipdb.scenes import sampling
from blipdb.scenes.layout import is_tidy
from blipdb.scenes.sampling import Scene, Thing
from blipdb.scenes.world import box


def thing(kind: str, colour: str, x: float, y: float, scale: float = 0.25) -> Thing:
    return Thing(kind, colour, "small", x, y, scale)


def sampled(seed: int, n: int, **options: Any) -> list[Scene]:
    rng = np.random.default_rng(seed)
    return [sampling.sample_scene(rng, **options) for _ in range(n)]


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ((0.2, 0.5), (0.8, 0.5), {"left"}),
        ((0.8, 0.5), (0.2, 0.5), {"right"}),
        ((0.5, 0.2), (0.5, 0.8), {"above"}),
        ((0.5, 0.8), (0.5, 0.2), {"below"}),
        ((0.2, 0.2), (0.8, 0.8), set()),  # a diagonal has no dominant direction
        ((0.4, 0.5), (0.6, 0.5), set()),  # overlapping boxes have no direction
        ((0.2, 0.5), (0.5, 0.5), {"left", "beside"}),
    ],
)
def test_directions_follow_from_the_boxes(
    a: tuple[float, float], b: tuple[float, float], expected: set[str]
) -> None:
    first, second = thing("star", "red", *a), thing("star", "blue", *b)
    assert sampling.relations([first], [second]) == expected


def test_a_group_stands_in_a_direction_as_a_whole() -> None:
    row = [thing("star", "yellow", x, 0.2) for x in (0.2, 0.5, 0.8)]
    assert sampling.relations(row, [thing("car", "red", 0.5, 0.7)]) == {"above"}
    assert sampling.relations(row, [thing("car", "red", 0.5, 0.2)]) == frozenset()


def test_inside_and_on_exclude_left_and_right() -> None:
    dog, frame = thing("dog", "red", 0.52, 0.5), thing("frame", "blue", 0.5, 0.5, 0.55)
    assert sampling.relations([dog], [frame]) == {"inside"}
    assert sampling.relations([frame], [dog]) == {"around"}
    table = thing("table", "brown", 0.5, 0.7, 0.4)
    cup = thing("cup", "pink", 0.5, 0.0)
    cup = replace(cup, y=box(table)[1] - box(cup)[3])
    assert sampling.relations([cup], [table]) == {"on", "above"}
    assert sampling.relations([table], [cup]) == {"under", "below"}
    lifted = replace(cup, y=cup.y - 0.05)
    assert sampling.relations([lifted], [table]) == {"above"}


def test_the_world_is_as_large_as_promised() -> None:
    assert len(sampling.KINDS) == 34
    assert len(sampling.COLOURS) == 10
    seen = sampled(1, 400)
    assert {len(scene.things) for scene in seen} == {1, 2, 3, 4}
    assert {t.kind for scene in seen for t in scene.things} == set(sampling.KINDS)
    assert {t.colour for scene in seen for t in scene.things} == set(sampling.COLOURS)
    assert {t.size for scene in seen for t in scene.things} == set(sampling.SIZES)
    assert {scene.background for scene in seen} == set(sampling.BACKGROUNDS)


def test_the_size_word_is_the_size_drawn() -> None:
    for scene in sampled(2, 200):
        for t in scene.things:
            low, high = sampling.SIZES[t.size]
            assert low <= t.scale <= high


def test_things_lie_within_the_image_and_apart() -> None:
    assert all(is_tidy(scene) for scene in sampled(3, 500))


def test_several_groups_always_have_a_relation() -> None:
    several = [s for s in sampled(4, 300, things=(0, 1, 1, 1)) if len(sampling.groups(s)) > 1]
    assert len(several) > 200
    assert all(sampling.relation_triples(scene) for scene in several)


def test_the_same_seed_gives_the_same_scenes_and_pixels() -> None:
    first, second = sampled(5, 20), sampled(5, 20)
    assert first == second
    for a, b in zip(first, second, strict=True):
        assert np.array_equal(sampling.draw(a, 48), sampling.draw(b, 48))
    assert sampled(6, 20) != first


@pytest.mark.parametrize("size", [8, 48, 97, 300])
def test_a_scene_is_drawn_at_any_size(size: int) -> None:
    pixels = sampling.draw(sampled(7, 1)[0], size)
    assert pixels.shape == (size, size, 3)
    assert pixels.dtype == np.uint8


def test_drawing_refuses_a_size_too_small() -> None:
    with pytest.raises(ValueError, match="8 pixels or more, not 7"):
        sampling.draw(sampled(7, 1)[0], 7)


@pytest.mark.parametrize("colour", list(sampling.COLOURS))
@pytest.mark.parametrize("background", sampling.BACKGROUNDS)
def test_each_colour_shows_as_itself_on_each_background(colour: str, background: str) -> None:
    """The middle of a heart is nearer to its own colour than to any other, and to the backdrop."""
    pixels = sampling.draw(Scene((thing("heart", colour, 0.5, 0.5, 0.5),), background, 9), 96)
    middle = pixels[44:52, 44:52].reshape(-1, 3).mean(axis=0)
    distances = {
        name: float(np.linalg.norm(middle - np.array(rgb)))
        for name, rgb in sampling.COLOURS.items()
    }
    assert min(distances, key=distances.__getitem__) == colour
    edges = np.concatenate([pixels[:, :6].reshape(-1, 3), pixels[:, -6:].reshape(-1, 3)])
    assert np.linalg.norm(edges - middle, axis=1).min() > 18


def test_no_two_kinds_draw_the_same_silhouette() -> None:
    masks = {}
    for kind in sampling.KINDS:
        empty = sampling.draw(Scene((), "plain", 3), 64).astype(int)
        full = sampling.draw(Scene((thing(kind, "black", 0.5, 0.5, 0.8),), "plain", 3), 64)
        masks[kind] = np.abs(full.astype(int) - empty).max(axis=2) > 40
        assert masks[kind].mean() > 0.05
    names = list(masks)
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            overlap = (masks[a] & masks[b]).sum() / (masks[a] | masks[b]).sum()
            assert overlap < 0.86, (a, b)


def test_a_tenth_is_held_out_and_everything_still_occurs() -> None:
    pairs = sampling.HELD_OUT_PAIRS
    assert len(pairs) == round(len(sampling.COLOURS) * len(sampling.KINDS) / 10)
    assert max(Counter(kind for _, kind in pairs).values()) <= 2
    assert max(Counter(colour for colour, _ in pairs).values()) <= 5
    assert ("red", "bicycle") not in pairs
    kinds = len(sampling.KINDS)
    shown_always = 2
    possible = 2 * kinds * (kinds - 1) + 2 * 2 * (kinds - 1) - shown_always
    assert len(sampling.HELD_OUT_TRIPLES) == round(possible / 10)


def test_what_is_held_out_never_moves() -> None:
    """Changing these sets would make every published figure on unseen pairs wrong."""
    assert sorted(sampling.HELD_OUT_PAIRS)[:3] == [
        ("black", "bird"),
        ("black", "box"),
        ("black", "cup"),
    ]
    assert sorted(sampling.HELD_OUT_TRIPLES)[:3] == [
        ("airplane", "above", "balloon"),
        ("airplane", "above", "box"),
        ("airplane", "above", "clock"),
    ]


@pytest.mark.parametrize("split", ["train", "test"])
def test_training_never_shows_what_is_held_out(split: str) -> None:
    for scene in sampled(10, 1500, split=split):
        assert not sampling.has_held_out_pair(scene)
        assert not sampling.has_held_out_triple(scene)


@pytest.mark.slow
def test_twenty_thousand_training_scenes_keep_every_promise() -> None:
    rng, words = np.random.default_rng(11), set[str]()
    for scene in sampled(12, 20_000):
        assert not sampling.has_held_out_pair(scene)
        assert not sampling.has_held_out_triple(scene)
        assert is_tidy(scene)
        for text in (sampling.full_caption(scene, rng), sampling.caption(scene, rng)):
            assert sampling.is_true(text, scene)
            words |= set(text.split())
    assert sorted(words) == sampling.vocabulary()


def test_unseen_scenes_are_new_in_the_way_asked_for() -> None:
    for scene in sampled(13, 100, split="unseen", unseen="pair"):
        assert sampling.has_held_out_pair(scene)
        assert not sampling.has_held_out_triple(scene)
    for scene in sampled(14, 60, split="unseen", unseen="relation"):
        assert sampling.has_held_out_triple(scene)
        assert not sampling.has_held_out_pair(scene)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "dev"}, "unknown split 'dev': one of train, test, unseen"),
        ({"unseen": "pair"}, "with split 'unseen'"),
        ({"things": (0, 0)}, "not all 0"),
        ({"things": (1,), "split": "unseen", "unseen": "relation"}, "needs two things"),
    ],
)
def test_impossible_requests_say_why(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sampled(15, 1, **options)


def test_a_variant_differs_in_one_thing_that_the_caption_says() -> None:
    rng, names = np.random.default_rng(16), Counter[str]()
    for scene in sampled(17, 40, split="test"):
        others = sampling.variants(scene, rng, 31, split="test")
        assert len({other for other, _ in others}) == 31
        texts = [sampling.full_caption(scene, rng) for _ in range(4)]
        for other, name in others:
            names[name] += 1
            assert not any(sampling.is_true(text, other) for text in texts), (name, texts)
            assert not sampling.has_held_out_pair(other)
            assert not sampling.has_held_out_triple(other)
            assert is_tidy(other)
    assert set(names) == {"colour", "kind", "count", "size", "colours", "relation", "place"}


def test_some_differences_can_be_preferred() -> None:
    rng = np.random.default_rng(20)
    often = {"relation": 0.6, "place": 0.3}
    names = Counter[str]()
    for scene in sampled(21, 60, things=(0, 1, 1)):
        for other, name in sampling.variants(scene, rng, 2, often=often):
            names[name] += 1
            assert not sampling.is_true(sampling.full_caption(scene, rng), other)
    assert names["relation"] > 0.4 * names.total()
    assert names["place"] > 5


def test_a_relation_variant_keeps_every_thing() -> None:
    rng, seen = np.random.default_rng(18), 0
    for scene in sampled(19, 30, things=(0, 1, 1)):
        for other, name in sampling.variants(scene, rng, 20):
            if name == "relation":
                seen += 1
                assert Counter((t.kind, t.colour, t.size) for t in other.things) == Counter(
                    (t.kind, t.colour, t.size) for t in scene.things
                )
    assert seen > 10


def test_an_album_is_the_same_each_time_and_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from blipdb.scenes import sampling; sampling.main(sys.argv[1:]);"
        "sys.exit('torch' in sys.modules)"
    )
    for name in ("one", "two"):
        arguments = ["--out", str(tmp_path / name), "--count", "6", "--size", "40", "--captions"]
        subprocess.run([sys.executable, "-c", code, *arguments], check=True)
    files = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(files) == 12
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    with Image.open(tmp_path / "one" / files[0]) as image:
        assert (image.size, image.mode, image.format) == ((40, 40), "RGB", "PNG")
