"""The cached captioner in torch writes what ONNX Runtime writes, and MED without a cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from blipdb.model.generate import Rules, nucleus_sample
from blipdb.model.runtime import Runtime
from blipdb.training.evaluation.tasks.decoder import captioner, search
from blipdb.training.evaluation.tasks.models import TorchModel
from blipdb.training.models.med import dequantize_tokens
from tests.tiny import SPECIAL, tiny_artifact
from tests.training.tasks.tinies import pictures, tiny_model

NEVER = [token for token in SPECIAL.to_dict().values() if token != SPECIAL.sep]


@pytest.mark.parametrize(("beams", "minimum", "maximum"), [(1, 0, 12), (3, 1, 19), (4, 5, 8)])
@torch.inference_mode()
def test_ids_are_those_of_the_runtime(
    tmp_path: Path, beams: int, minimum: int, maximum: int
) -> None:
    """On the runtime's own image tokens, so that nothing but the decoder can differ."""
    model = tiny_model(tmp_path)
    runtime = Runtime.load(tiny_artifact(tmp_path).folder)
    _, tokens, scales = runtime.encode_images(pictures(12))
    expected = runtime.caption(tokens, scales, beams=beams, min_tokens=minimum, max_tokens=maximum)
    values = dequantize_tokens(torch.from_numpy(tokens), torch.from_numpy(scales))
    rules = Rules(SPECIAL.dec, SPECIAL.sep, NEVER, minimum, maximum)
    found = search(captioner(model.med, values, [SPECIAL.dec]), 12, rules, beams)
    assert [runtime.tokenizer.decode(ids) for ids in found] == expected
    assert len(set(expected)) > 3


@torch.inference_mode()
def test_logits_are_those_without_a_cache(model: TorchModel) -> None:
    """An opening of 3 tokens, 2 texts of each image, and an image that is left after a while."""
    tokens = model.med.image_tokens(model.pixels(pictures(3)))
    memory = model.med.image_memory(tokens)
    decoder = captioner(model.med, tokens, [SPECIAL.dec, 9, 12])
    texts = np.array([[SPECIAL.dec, 9, 12]] * 3)
    ids, past, images = np.full((3, 1), SPECIAL.dec), None, np.arange(3)
    rng = np.random.default_rng(0)
    for step in range(5):
        logits, past = decoder(ids, past, images)
        rows = torch.from_numpy(np.repeat(images, len(texts) // len(images)))
        about = [one.rows(rows) for one in memory]
        expected = model.med.next_words(torch.from_numpy(texts), about)[:, -1]
        np.testing.assert_allclose(logits, expected.numpy(), atol=1e-5)
        chosen = np.arange(len(texts))
        if step == 0:  # two texts of each
            chosen = np.repeat(chosen, 2)
        if step == 2:  # the second image is done; of the others the texts change places
            images, chosen = np.array([0, 2]), np.array([1, 0, 5, 5])
        ids = rng.integers(6, model.med.arch.vocab_size, (len(chosen), 1))
        texts = np.concatenate([texts[chosen], ids], axis=1)
        past = past[:, :, chosen]


@torch.inference_mode()
def test_the_cache_serves_nucleus_sampling_too(model: TorchModel) -> None:
    tokens = model.med.image_tokens(model.pixels(pictures(4)))
    rules = Rules(SPECIAL.dec, SPECIAL.sep, NEVER, 1, 9)
    decoder = captioner(model.med, tokens, [SPECIAL.dec])
    together = nucleus_sample(decoder, 4, rules, 0.9, [1] * 4)
    for image in range(4):
        alone = captioner(model.med, tokens[image : image + 1], [SPECIAL.dec])
        assert nucleus_sample(alone, 1, rules, 0.9, [1]) == [together[image]]
