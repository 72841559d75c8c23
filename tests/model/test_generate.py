from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blipdb.errors import StoppedError
from blipdb.model.generate import (
    Floats,
    Ints,
    Rules,
    beam_search,
    draw_from_nucleus,
    nucleus_sample,
)
from blipdb.model.runtime import Runtime
from tests.tiny import MAX_TOKENS, SPECIAL, tiny_artifact

LAST, WORDS = 0, (1, 2, 3)
RULES = Rules(first=4, last=LAST, never=[4], min_tokens=0, max_tokens=4)


class Chain:
    """A language model by table: a word's chance depends on the image and the two words before.

    What it knows of the words before is its cache alone, as with the real decoder.
    """

    def __init__(self, images: int, seed: int = 0) -> None:
        logits = np.random.default_rng(seed).normal(0, 1.5, (images, 5, 5, 5))
        self.table = logits.astype(np.float32)
        self.rows: list[int] = []

    def __call__(self, ids: Ints, past: Floats | None, images: Ints) -> tuple[Any, Any]:
        assert ids.shape[1] == 1
        self.rows.append(len(ids))
        new = ids[None, None, :, None, :, None].astype(np.float32)
        present = new if past is None else np.concatenate([past, new], axis=4)
        words = present[0, 0, :, 0, -2:, 0].astype(int)
        about = np.repeat(images, len(ids) // len(images))
        return self.table[about, words[:, 0], words[:, -1]], present

    def logits(self, image: int, before: tuple[int, ...]) -> Floats:
        return np.asarray(self.table[image, before[-2:][0], before[-1]], np.float64)

    def log_probability(self, image: int, text: tuple[int, ...], rules: Rules) -> float:
        """Of a text with its end, by the model alone."""
        words, total = (rules.first, *text), 0.0
        for place in range(1, len(words)):
            logits = self.logits(image, words[:place])
            total += logits[words[place]] - np.log(np.exp(logits).sum())
        return total

    def chance(self, image: int, text: tuple[int, ...], rules: Rules) -> float:
        """Of drawing a text with its end, where forbidden words leave their chance to others."""
        words, chance = (rules.first, *text), 1.0
        for place in range(1, len(words)):
            weights = np.exp(self.logits(image, words[:place]))
            weights[[*rules.never, *([rules.last] if place <= rules.min_tokens else [])]] = 0
            chance *= weights[words[place]] / weights.sum()
        return chance


def every_text(rules: Rules) -> list[tuple[int, ...]]:
    """All that the rules allow: ended, or cut at the limit."""
    texts = []
    for length in range(rules.min_tokens, rules.max_tokens):
        texts += [(*words, LAST) for words in itertools.product(WORDS, repeat=length)]
    return texts + list(itertools.product(WORDS, repeat=rules.max_tokens))


@pytest.mark.parametrize("minimum", [0, 1, 3])
def test_wide_beams_equal_an_exhaustive_search(minimum: int) -> None:
    rules = Rules(RULES.first, LAST, RULES.never, min_tokens=minimum, max_tokens=4)
    chain = Chain(images=6)
    found = beam_search(chain, 6, rules, beams=200)
    for image, text in enumerate(found):
        best = max(
            every_text(rules),
            key=lambda text: chain.log_probability(image, text, rules) / len(text),
        )
        assert text == [word for word in best if word != LAST]


def test_one_beam_is_greedy() -> None:
    chain = Chain(images=5, seed=1)
    found = beam_search(chain, 5, RULES, beams=1)
    for image, text in enumerate(found):
        words = [RULES.first]
        for _ in range(RULES.max_tokens):
            words.append(int(chain.logits(image, tuple(words))[:4].argmax()))
            if words[-1] == LAST:
                words.pop()
                break
        assert text == words[1:]


@pytest.mark.parametrize("beams", [1, 2, 3, 7])
def test_beams_do_not_depend_on_the_batch(beams: int) -> None:
    rules = Rules(RULES.first, LAST, RULES.never, min_tokens=0, max_tokens=9)
    chain = Chain(images=8, seed=2)
    together = beam_search(chain, 8, rules, beams)
    for image in range(8):
        alone = Chain(images=1)
        alone.table = chain.table[image : image + 1]
        assert beam_search(alone, 1, rules, beams) == [together[image]]


def test_done_images_cost_nothing_more() -> None:
    rules = Rules(RULES.first, LAST, RULES.never, min_tokens=0, max_tokens=30)
    chain = Chain(images=2)
    chain.table[0, :, :, LAST] = 9  # ends at once
    chain.table[1, :, :, LAST] = -9
    beam_search(chain, 2, rules, beams=3)
    assert chain.rows[0] == 2  # one text each at the start
    assert chain.rows[1] == 6
    assert chain.rows[-1] == 3


def test_beam_search_stops() -> None:
    answers = iter([False, False, True])
    with pytest.raises(StoppedError):
        beam_search(Chain(1), 1, Rules(4, LAST, [4], 3, 9), beams=2, stop=answers.__next__)


def test_a_nucleus_has_its_words_in_proportion() -> None:
    probabilities = np.array([[0.1, 0.5, 0.05, 0.35]])
    grid = (np.arange(10_000) + 0.5) / 10_000

    def shares(mass: float) -> list[float]:
        tokens = draw_from_nucleus(probabilities.repeat(len(grid), 0), mass, grid)
        return [round(float((tokens == word).mean()), 3) for word in range(4)]

    assert shares(1.0) == [0.1, 0.5, 0.05, 0.35]
    assert shares(0.9) == [round(0.1 / 0.95, 3), round(0.5 / 0.95, 3), 0, round(0.35 / 0.95, 3)]
    assert shares(0.8) == [0, round(0.5 / 0.85, 3), 0, round(0.35 / 0.85, 3)]
    assert shares(0.5) == [0, 1, 0, 0]
    assert shares(1e-9) == [0, 1, 0, 0]


def test_sampled_texts_follow_the_model() -> None:
    """Of 20,000 samples, each text's share is its probability within 4 standard errors."""
    rules = Rules(RULES.first, LAST, RULES.never, min_tokens=1, max_tokens=3)
    chain, count = Chain(images=1, seed=4), 20_000
    chain.table = chain.table.repeat(count, 0)
    samples = nucleus_sample(chain, count, rules, mass=1.0)
    found = dict.fromkeys(every_text(rules), 0)
    for words in samples:
        found[(*words, LAST) if len(words) < rules.max_tokens else tuple(words)] += 1
    for drawn, seen in found.items():
        chance = chain.chance(0, drawn, rules)
        error = np.sqrt(chance * (1 - chance) / count)
        assert abs(seen / count - chance) < 4 * error + 1e-4, drawn


def test_samples_repeat_by_seed_and_do_not_depend_on_the_batch() -> None:
    chain = Chain(images=6, seed=5)
    together = nucleus_sample(chain, 6, RULES, 0.9, [3] * 6)
    assert together == nucleus_sample(chain, 6, RULES, 0.9, [3] * 6)
    assert together != nucleus_sample(chain, 6, RULES, 0.9, [4] * 6)
    for image in range(6):
        alone = Chain(images=1)
        alone.table = chain.table[image : image + 1]
        assert nucleus_sample(alone, 1, RULES, 0.9, [3]) == [together[image]]


def test_forbidden_words_are_never_written() -> None:
    chain = Chain(images=3)
    chain.table[..., 4] = 50
    for texts in (beam_search(chain, 3, RULES, 3), nucleus_sample(chain, 3, RULES, 1.0, [0] * 3)):
        assert not any(4 in text for text in texts)


@pytest.mark.slow
@pytest.mark.parametrize(("beams", "minimum", "maximum"), [(1, 1, 12), (3, 1, 19), (4, 5, 8)])
def test_captions_equal_huggingface(tmp_path: Path, beams: int, minimum: int, maximum: int) -> None:
    """The same weights, tokens and settings in transformers' beam search: the same words."""
    import torch
    from transformers.models.blip.modeling_blip_text import BlipTextLMHeadModel

    from blipdb.training.models.med import dequantize_tokens
    from tests.training.test_med import huggingface_config

    artifact = tiny_artifact(tmp_path)
    config: Any = huggingface_config(artifact.architecture).text_config
    theirs: Any = BlipTextLMHeadModel(config)
    theirs.train(False)
    state = {
        name.removeprefix("text_decoder."): torch.from_numpy(value)
        for name, value in artifact.state_dict().items()
        if name.startswith("text_decoder.")
    }
    theirs.load_state_dict(state, strict=False)
    runtime = Runtime.load(tmp_path)
    pixels = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), dtype=np.uint8)
    _, tokens, scales = runtime.encode_images(pixels)
    memory = dequantize_tokens(torch.from_numpy(tokens), torch.from_numpy(scales))
    written = theirs.generate(
        torch.full((12, 1), SPECIAL.dec),
        encoder_hidden_states=memory,
        encoder_attention_mask=torch.ones(memory.shape[:2]),
        num_beams=beams,
        min_new_tokens=minimum,
        max_new_tokens=maximum,
        suppress_tokens=[SPECIAL.pad, SPECIAL.unk, SPECIAL.cls, SPECIAL.dec, SPECIAL.enc],
        eos_token_id=SPECIAL.sep,
        pad_token_id=SPECIAL.pad,
        do_sample=False,
    )
    expected = [runtime.tokenizer.decode(ids) for ids in written.tolist()]
    found = runtime.caption(tokens, scales, beams=beams, min_tokens=minimum, max_tokens=maximum)
    assert found == expected
    assert len(set(found)) > 3
    assert maximum <= MAX_TOKENS - 1
