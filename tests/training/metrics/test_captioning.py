"""BLEU, CIDEr and METEOR against numbers by hand, and against the package's own pipeline."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import pytest

from blipdb.errors import SetupError
from blipdb.training.evaluation.metrics import captioning
from tests.training.metrics.test_treebank import needs_java

WRITTEN = {
    "1": "A man riding a wave on a surfboard.",
    "2": "a brown dog runs on grass",
    "3": "two cats' bowls (red)",
}
PEOPLE = {
    "1": ["A man rides a wave.", "a surfer on a wave, riding it"],
    "2": ["the brown dog's running", "a brown dog runs on the green grass"],
    "3": ["Two red bowls of cats", "bowls for two cats"],
}
METEOR = 41.746  # what the package's own class says, of its own tokenizer's words


def test_bleu_by_hand() -> None:
    """4 of 5 words and 2 of 4 pairs of them are a reference's; "the" counts once, as there."""
    found = captioning.bleu({"1": ["the cat sat the mat"]}, {"1": ["a cat sat on the mat"]})
    shortness = math.exp(1 - 6 / 5)
    assert found["BLEU-1"] == pytest.approx(100 * shortness * 4 / 5, abs=1e-4)
    assert found["BLEU-2"] == pytest.approx(100 * shortness * math.sqrt(4 / 5 * 2 / 4), abs=1e-4)
    assert found["BLEU-3"] == pytest.approx(0, abs=0.1)  # none of 3; the package adds a trifle


def test_bleu_is_a_corpus_figure() -> None:
    found = captioning.bleu({"1": ["a b"], "2": ["c x y z"]}, {"1": ["a b"], "2": ["c d e f"]})
    assert found["BLEU-1"] == pytest.approx(100 * 3 / 6, abs=1e-4)


def test_cider_by_hand() -> None:
    """Of two images, what is said of one alone weighs log 2, what is said of both nothing."""
    same = captioning.cider(
        {"1": ["a b c d"], "2": ["e f g h"]}, {"1": ["a b c d"], "2": ["e f g h"]}
    )
    assert same["CIDEr"] == pytest.approx(1000)  # 10, as a percentage
    half = captioning.cider({"1": ["a b"], "2": ["e f"]}, {"1": ["a c"], "2": ["e g"]})
    # One of two words: a cosine of 1/2; no pair. The mean of four lengths of n-grams, times 10.
    assert half["CIDEr"] == pytest.approx(1000 * (1 / 2) / 4)
    common = captioning.cider({"1": ["a"], "2": ["a"]}, {"1": ["a"], "2": ["a"]})
    assert common["CIDEr"] == 0


def test_cider_d_weakens_what_is_of_another_length() -> None:
    people = {"1": ["a b c d"], "2": ["e f g h"]}
    longer = captioning.cider({"1": ["a b c d x y"], "2": ["e f g h"]}, people)
    # The package measures length in pairs of words: 5 against 3.
    cosines = [4 / math.sqrt(6 * 4), 3 / math.sqrt(5 * 3), 2 / math.sqrt(4 * 2), 1 / math.sqrt(3)]
    # What nobody wrote is as rare as what was written once.
    expected = sum(cosines) / 4 * math.exp(-(2**2) / (2 * 6**2))
    assert longer["CIDEr"] == pytest.approx(1000 * (expected + 1) / 2)


def standard(captions: dict[str, list[str]]) -> Any:
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    found = {id: [{"caption": text} for text in texts] for id, texts in captions.items()}
    return PTBTokenizer().tokenize(found)


@needs_java
def test_words_are_the_packages_own() -> None:
    assert captioning.split_by_java(PEOPLE) == standard(PEOPLE)


@needs_java
@pytest.mark.slow
def test_scores_are_the_packages_own() -> None:
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider

    people, found = standard(PEOPLE), standard({id: [text] for id, text in WRITTEN.items()})
    bleu, _ = Bleu(4).compute_score(people, found, verbose=0)
    cider, _ = Cider().compute_score(people, found)
    scores = captioning.score(WRITTEN, PEOPLE)
    assert scores.words == "Stanford's PTBTokenizer"
    for n in range(4):
        assert scores.figures[f"BLEU-{n + 1}"] == pytest.approx(100 * bleu[n])
    assert scores.figures["CIDEr"] == pytest.approx(100 * cider)
    assert scores.figures["METEOR"] == pytest.approx(METEOR, abs=0.005)
    assert scores.figures.keys() | scores.missing.keys() >= {"SPICE"}


def test_without_java_the_python_figures_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert shutil.which("java") is None
    scores = captioning.score(WRITTEN, PEOPLE)
    assert scores.words == "treebank.py"
    assert scores.missing == {"METEOR": "there is no java here", "SPICE": "there is no java here"}
    assert scores.figures.keys() == {"BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "CIDEr"}
    found = captioning.split({id: [text] for id, text in WRITTEN.items()})
    people = captioning.split(PEOPLE)
    assert scores.figures == captioning.bleu(found, people) | captioning.cider(found, people)


def test_spice_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(captioning, "package", lambda: tmp_path)
    with pytest.raises(
        SetupError, match=r"stanford-corenlp-3\.6\.0\.jar and .* not in .*spice/lib"
    ):
        captioning.spice({"1": ["a"]}, {"1": ["a"]})


def test_a_java_that_fails_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho no memory >&2\nexit 1\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(SetupError, match="PTBTokenizer failed: no memory"):
        captioning.split_by_java(PEOPLE)
    with pytest.raises(SetupError, match="ended early and said: no memory"):
        captioning.meteor({"1": ["a b"]}, {"1": ["a c"]})


def test_every_image_needs_both() -> None:
    with pytest.raises(ValueError, match="3 has a caption or references, not both"):
        captioning.score({"1": "a", "2": "b"}, {"1": ["a"], "2": ["b"], "3": ["c"]})
    with pytest.raises(ValueError, match="2 has no references"):
        captioning.score({"1": "a", "2": "b"}, {"1": ["a"], "2": []})
    with pytest.raises(ValueError, match="1 images: CIDEr"):
        captioning.score({"1": "a"}, {"1": ["a"]})
