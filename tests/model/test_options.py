"""Generation options: openings, lengths and beams; and texts without their prompt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from blipdb.errors import ModelError, UsageError
from blipdb.model import options
from blipdb.model.artifact import Decoding, Manifest
from blipdb.model.runtime import Runtime
from blipdb.model.tokenizer import Tokenizer
from tests.tiny import MAX_TOKENS, SPECIAL, WORDS, tiny_artifact, tiny_tokenizer

A, DOG, OF = (len(SPECIAL.to_dict()) + WORDS.index(word) for word in ("a", "dog", "of"))
PROMPTED = Decoding("a dog of ", beams=2, min_length=6, max_length=12)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    return tiny_artifact(tmp_path_factory.mktemp("model")).manifest


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(tiny_tokenizer(), SPECIAL, MAX_TOKENS)


def test_by_default_as_long_as_the_model_reads(manifest: Manifest, tokenizer: Tokenizer) -> None:
    assert options.opening_tokens(manifest, tokenizer) == [SPECIAL.dec]
    rules = options.generation_rules(manifest, 1)
    assert (rules.first, rules.last) == (SPECIAL.dec, SPECIAL.sep)
    assert (rules.min_tokens, rules.max_tokens) == (1, MAX_TOKENS - 1)
    assert sorted(rules.never) == [0, 1, 2, 4, 5]
    assert options.beam_count(manifest) == 3


def test_a_manifest_counts_with_the_opening(manifest: Manifest, tokenizer: Tokenizer) -> None:
    """As BLIP does: 6 to 12 tokens, of which [DEC] and the prompt are 4."""
    prompted = replace(manifest, decoding=PROMPTED)
    assert options.opening_tokens(prompted, tokenizer) == [SPECIAL.dec, A, DOG, OF]
    rules = options.generation_rules(prompted, 4)
    assert (rules.min_tokens, rules.max_tokens) == (2, 8)
    assert options.beam_count(prompted) == 2
    assert options.beam_count(prompted, 5) == 5


def test_a_call_counts_what_is_written(manifest: Manifest) -> None:
    prompted = replace(manifest, decoding=PROMPTED)
    rules = options.generation_rules(prompted, 4, 3, 20)
    assert (rules.min_tokens, rules.max_tokens) == (3, 20)
    assert options.generation_rules(prompted, 4, max_tokens=2).min_tokens == 1
    with pytest.raises(UsageError, match="max_tokens is 21; it must be from 1 to 20"):
        options.generation_rules(prompted, 4, max_tokens=21)
    with pytest.raises(UsageError, match="min_tokens is 8; it must be from 0 to 7"):
        options.generation_rules(prompted, 4, min_tokens=8)


def test_the_prompt_is_no_part_of_a_caption(tmp_path: Path) -> None:
    plain = Runtime.load(tiny_artifact(tmp_path / "plain").folder)
    runtime = Runtime.load(tiny_artifact(tmp_path / "prompted", decoding=PROMPTED).folder)
    pixels = np.random.default_rng(0).integers(0, 256, (6, 32, 32, 3), dtype=np.uint8)
    _, tokens, scales = runtime.encode_images(pixels)
    captions = runtime.caption(tokens, scales)
    assert all(2 <= len(text.split()) <= 8 for text in captions)
    assert captions != plain.caption(tokens, scales, beams=2, min_tokens=2, max_tokens=8)
    assert runtime.caption(tokens, scales, nucleus=1e-9) == runtime.caption(tokens, scales, beams=1)


def test_a_word_that_goes_on_from_the_prompt(tokenizer: Tokenizer) -> None:
    assert options.text_behind(tokenizer, [SPECIAL.dec, A], [DOG, OF]) == "dog of"
    assert options.text_behind(tokenizer, [SPECIAL.dec], [DOG]) == "dog"
    assert options.text_behind(tokenizer, [SPECIAL.dec, A], []) == ""


@pytest.mark.parametrize(
    "values",
    [
        {"beams": 0}, {"beams": 2.5}, {"min_length": 0}, {"min_length": 20},
        {"max_length": True}, {"prompt": None},
    ],
)  # fmt: skip
def test_a_decoding_that_makes_no_sense(values: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="can't be decoded"):
        Decoding(**values)  # type: ignore[arg-type]
