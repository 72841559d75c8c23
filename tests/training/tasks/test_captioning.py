from __future__ import annotations

from pathlib import Path

import pytest
import torch

from blipdb.errors import ModelError, UsageError
from blipdb.model.artifact import Decoding
from blipdb.model.generate import Rules
from blipdb.model.runtime import Runtime
from blipdb.training.datasets.sample import DataError, Sample
from blipdb.training.evaluation.tasks.captioning import (
    caption,
    opening,
    read_images,
    rules,
    without_prompt,
)
from blipdb.training.evaluation.tasks.decoder import captioner, search
from blipdb.training.evaluation.tasks.models import TorchModel, load_model
from blipdb.training.models.med import dequantize_tokens
from tests.tiny import SPECIAL, tiny_artifact
from tests.training.tasks.tinies import CPU, pictures, save_pictures

NEVER = [token for token in SPECIAL.to_dict().values() if token != SPECIAL.sep]


def test_lengths_are_counted_with_the_prompt(model: TorchModel) -> None:
    """BLIP's 5 to 20 tokens with "a picture of ": 4 of them are there before the first word."""
    decoding = Decoding("a house of ", 3, 5, 20)  # three words that the tiny model knows
    assert opening(model, decoding) == [SPECIAL.dec, *model.texts.words("a house of")]
    assert rules(model, decoding) == Rules(SPECIAL.dec, SPECIAL.sep, NEVER, 1, 16)
    assert rules(model, Decoding("", 3, 5, 20)) == Rules(SPECIAL.dec, SPECIAL.sep, NEVER, 4, 19)
    positions = model.source.arch.max_positions
    assert rules(model, Decoding("", 3, 5, 99)).max_tokens == positions - 1
    assert rules(model, Decoding("", 3, 90, 99)).min_tokens == positions - 2


def test_a_prompt_without_room_is_refused(model: TorchModel) -> None:
    with pytest.raises(
        UsageError, match="'red red red' has 4 tokens with \\[DEC\\]; captions have 4"
    ):
        rules(model, Decoding("red red red", 3, 2, 4))


@torch.inference_mode()
@pytest.mark.parametrize("prompt", ["", "a house of"])
def test_captions_come_without_the_prompt(model: TorchModel, tmp_path: Path, prompt: str) -> None:
    paths, decoding = save_pictures(tmp_path, 7), Decoding(prompt, 3, 5, 20)
    told: list[tuple[str, int, int]] = []
    found = caption(model, paths, decoding, batch=3, show=lambda *step: told.append(step))
    tokens = model.med.image_tokens(model.pixels(pictures(7)))
    writing = captioner(model.med, tokens, opening(model, decoding))
    ids = search(writing, 7, rules(model, decoding), 3)
    assert found == [model.texts.decode(one) for one in ids]
    assert all(text.strip() for text in found)
    assert told == [("captions", done, 7) for done in (3, 6, 7)]


def test_a_prompt_changes_what_is_written(model: TorchModel, tmp_path: Path) -> None:
    paths = save_pictures(tmp_path, 4)
    plain, prompted = (
        caption(model, paths, Decoding(prompt), batch=4) for prompt in ("", "the big")
    )
    assert plain != prompted


@torch.inference_mode()
def test_captions_are_those_of_the_runtime(tmp_path: Path) -> None:
    """The same weights, image tokens and prompt: what SQL writes, torch writes."""
    decoding = Decoding("the big ", 3, 5, 20)
    folder = tiny_artifact(tmp_path, decoding=decoding).folder
    runtime, model = Runtime.load(folder), load_model(folder, CPU)
    assert model.source.prompt == "the big "
    _, tokens, scales = runtime.encode_images(pictures(9))
    values = dequantize_tokens(torch.from_numpy(tokens), torch.from_numpy(scales))
    begun = opening(model, decoding)
    found = search(captioner(model.med, values, begun), 9, rules(model, decoding), 3)
    assert [without_prompt(model, begun, ids) for ids in found] == runtime.caption(tokens, scales)


def test_a_model_without_a_captioner_is_refused(model: TorchModel, tmp_path: Path) -> None:
    name = "text_decoder.cls.predictions.bias"
    lacking = TorchModel(model.med, model.source, model.texts, frozenset({name}))
    with pytest.raises(ModelError, match=f"evaluated for captioning: it has no weight {name}"):
        caption(lacking, save_pictures(tmp_path, 1), Decoding(), batch=1)


def test_images_by_their_ids() -> None:
    cat, dog = Path("cat.png"), Path("dog.png")
    samples = [
        Sample((cat,), "a/cat", "A cat.", id="7"),
        Sample((dog,), "a/dog", "a dog"),
        Sample((cat,), "a/cat", "one cat", id="7"),
    ]
    assert read_images(samples) == (
        {"7": cat, "a/dog": dog},
        {"7": ["A cat.", "one cat"], "a/dog": ["a dog"]},
    )
    with pytest.raises(DataError, match="7 is the id of a/cat and of a/dog"):
        read_images([samples[0], Sample((dog,), "a/dog", "a dog", id="7")])
