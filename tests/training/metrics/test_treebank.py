"""Captions' words: what they are, and that Stanford's tokenizer finds the same."""

from __future__ import annotations

import shutil

import pytest

from blipdb.training.evaluation.metrics import captioning
from blipdb.training.evaluation.metrics.treebank import words

CASES = {
    "A man riding a wave on top of a surfboard.": "a man riding a wave on top of a surfboard",
    "Two dogs' bowls": "two dogs bowls",
    "the man's T-shirt, half-eaten": "the man 's t-shirt half-eaten",
    "it's a dog that isn't, can't and won't": "it 's a dog that is n't ca n't and wo n't",
    "they've, he'll, she'd, I'm, you're": "they 've he 'll she 'd i 'm you 're",
    "it’s “red” – or ‘blue’…": "it 's red or blue",
    "You cannot, gonna, Wanna": "you can not gon na wan na",
    "at 5 o'clock, O'Brien, ma'am, y'all": "at 5 o'clock o'brien ma'am y' all",
    "rock 'n' roll in the '90s, 1950's, 20s": "rock 'n' roll in the '90s 1950 's 20s",
    '"Stop" and \'go\'': "stop and go",
    "shirt(blue) [left] {x}": "shirt -lrb- blue -rrb- -lsb- left -rsb- -lcb- x -rcb-",
    "3,000 men at 10:30 or 10:30pm; 4 p.m.": "3,000 men at 10:30 or 10:30 pm 4 p.m.",
    "$5.00, 50% off, .5 of it, -2, 1/2": "$ 5.00 50 % off .5 of it -2 1/2",
    "black & white, black&white, AT&T": "black & white black & white at&t",
    "man/woman, his / hers, and/or": "man/woman his / hers and/or",
    "Mr. Potato Head of St. Louis, U.S.A.": "mr. potato head of st. louis u.s.a.",
    "a letter x. on Main St. and 5th Ave. etc.": "a letter x. on main st. and 5th ave. etc.",
    "no. 5 and no.": "no. 5 and no",
    "wait...what - and -- or---and": "wait what and or and",
    "yes! no!! what? what?!": "yes no !! what what ?!",
    "@home #1 a+b *x* under_score": "@home # 1 a + b * x * under_score",
    "see www.example.com or me@example.com": "see www.example.com or me@example.com",
    "café, jalapeño, 100°": "café jalapeño 100 °",
    "a dog,a cat;a bird:two": "a dog a cat a bird two",
    "end.Of sentence": "end.of sentence",
    "  spaces\tand tabs ": "spaces and tabs",
    "": "",
    "...": "",
}  # fmt: skip

needs_java = pytest.mark.skipif(shutil.which("java") is None, reason="there is no java here")


@pytest.mark.parametrize("caption", CASES)
def test_words(caption: str) -> None:
    assert " ".join(words(caption)) == CASES[caption]


@needs_java
def test_stanfords_tokenizer_finds_the_same() -> None:
    captions = {caption: [caption] for caption in CASES}
    assert captioning.split_by_java(captions) == {case: [found] for case, found in CASES.items()}
