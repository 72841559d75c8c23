"""Captions: exact truth of single sentences, reading back, wording."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from blipdb.scenes import sampling
from blipdb.scenes.grammar import read, truths_of_words
from blipdb.scenes.sampling import CaptionError, Scene, Thing

# A small red dog left of a large green house; two blue stars above them; on grass.
SCENE = Scene(
    (
        Thing("dog", "red", "small", 0.18, 0.7, 0.25),
        Thing("house", "green", "large", 0.66, 0.7, 0.5),
        Thing("star", "blue", "small", 0.35, 0.16, 0.25),
        Thing("star", "blue", "small", 0.65, 0.16, 0.25),
    ),
    "grass",
    1,
)


@pytest.mark.parametrize(
    "text",
    [
        "red dog",
        "a dog",
        "a small red dog left of a green house",
        "a big green cottage to the right of a red puppy",
        "two blue stars",
        "blue stars",
        "a pair of little blue stars above a green house",
        "a green house beneath two stars",
        "there is a red dog and a house on the grass",
        "in a meadow a picture of a dog next to a house",
        "a red dog a green house and two blue stars with the dog left of the house",
        "a red dog left of a green house and below two blue stars",
        "a red dog left of a green house and also two blue stars",
        "Two Blue Stars",
    ],
)
def test_true_captions(text: str) -> None:
    assert sampling.is_true(text, SCENE)


@pytest.mark.parametrize(
    "text",
    [
        "blue dog",
        "a cat",
        "a large red dog",
        "a red dog right of a green house",
        "a red dog above a green house",
        "a red dog inside a green house",
        "a blue star",
        "three blue stars",
        "two stars below a house",
        "two red dogs",
        "a dog at night",
        "a green dog left of a red house",
        "the cat left of the house",
        "a red dog left of a green house and also two blue stars indoors",
    ],
)
def test_false_captions(text: str) -> None:
    assert not sampling.is_true(text, SCENE)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not complete"),
        ("a red", "not complete"),
        ("a dog left of", "not complete"),
        ("left of a dog", "without its first thing"),
        ("a red blue dog", "after another colour"),
        ("a red and dog", "ends without its noun"),
        ("a red zebra", "'zebra' is no word"),
    ],
)
def test_what_is_no_caption_is_never_true_and_says_why(text: str, reason: str) -> None:
    assert not sampling.is_true(text, SCENE)
    with pytest.raises(CaptionError, match=reason):
        read(text)


@pytest.mark.parametrize(
    ("text", "false", "unknown"),
    [
        ("a small red dog left of a green house on the grass", [], []),
        ("a red dog right of a green house at night", ["right of", "at night"], []),
        ("two red dogs to the left of a house", ["two red dogs"], []),
        ("here is a cat above a green house", ["a cat"], ["above"]),
        ("a dog a house and three stars with the stars over the house", ["three stars"], []),
    ],
)
def test_words_are_true_or_false(text: str, false: list[str], unknown: list[str]) -> None:
    words, judged = text.split(), truths_of_words(read(text), SCENE)
    said = {" ".join(words[first:behind]): truth for (first, behind), truth in judged.items()}
    assert sorted(phrase for phrase, truth in said.items() if not truth) == sorted(false)
    assert not said.keys() & set(unknown)
    assert all(phrase in text for phrase in said)
    assert sampling.is_true(text, SCENE) is not bool(false)


def test_a_phrase_states_an_exact_number() -> None:
    cars = Scene(
        (
            Thing("car", "red", "small", 0.2, 0.5, 0.25),
            Thing("car", "blue", "small", 0.8, 0.5, 0.25),
        ),
        "plain",
        1,
    )
    assert sampling.is_true("two cars", cars)
    assert sampling.is_true("a red car", cars)
    assert not sampling.is_true("a car", cars)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("red bicycle", {("red", "bicycle"): 1}),
        ("a violet bike", {("purple", "bicycle"): 1}),
        ("three little pink puppies", {("pink", "dog"): 3}),
        ("a dog and two blue stars with the dog below the stars",
         {("", "dog"): 1, ("blue", "star"): 2}),
        ("two fish and a fish", {("", "fish"): 3}),
        ("stars in the sky", {("", "star"): 2}),
        ("two green of car red", {("", "car"): 1}),
        ("zebra", {}),
    ],
)  # fmt: skip
def test_named_things_are_read_back(text: str, expected: dict[tuple[str, str], int]) -> None:
    assert sampling.named_things(text) == Counter(expected)


def test_full_captions_name_every_thing_truly_within_36_words() -> None:
    rng = np.random.default_rng(1)
    for _ in range(800):
        scene = sampling.sample_scene(rng)
        text = sampling.full_caption(scene, rng)
        assert sampling.is_true(text, scene), text
        assert sampling.named_things(text) == Counter((t.colour, t.kind) for t in scene.things)
        assert len(text.split()) <= 36
        if len(sampling.groups(scene)) > 1:
            assert read(text).relations


@pytest.mark.parametrize("detail", [0.0, 0.2, 0.3, 0.5, 0.7, 1.0, None])
def test_captions_are_true_at_every_detail(detail: float | None) -> None:
    rng, words = np.random.default_rng(2), set(sampling.vocabulary())
    for _ in range(150):
        scene = sampling.sample_scene(rng, split="unseen")
        text = sampling.caption(scene, rng, detail=detail)
        assert sampling.is_true(text, scene), text
        assert set(text.split()) <= words


def test_detail_goes_from_a_fragment_to_everything() -> None:
    rng = np.random.default_rng(3)
    drawn = [sampling.sample_scene(rng, things=(0, 0, 0, 1)) for _ in range(100)]
    length = [
        np.mean([len(sampling.caption(s, rng, detail=d).split()) for s in drawn])
        for d in (0.0, 0.45, 1.0)
    ]
    assert length[0] < 4 < length[1] < length[2]
    with pytest.raises(ValueError, match=r"from 0 to 1, not 1\.5"):
        sampling.caption(drawn[0], rng, detail=1.5)


def test_wording_varies_and_what_is_said_does_not() -> None:
    rng = np.random.default_rng(4)
    texts = {sampling.full_caption(SCENE, rng) for _ in range(40)}
    assert len(texts) > 20
    assert all(sampling.is_true(text, SCENE) for text in texts)


def test_the_vocabulary_is_small_sorted_and_lower_case() -> None:
    words = sampling.vocabulary()
    assert words == sorted(set(words))
    assert all(word.isascii() and word.isalpha() and word.islower() for word in words)
    assert len(words) == 174
    needed = "red bicycle a dog left of house two green cars yellow boat on the water"
    assert set(needed.split()) <= set(words)
