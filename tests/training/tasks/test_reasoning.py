from __future__ import annotations

from pathlib import Path

import pytest
import torch

from blipdb.training.datasets.sample import DataError, Sample
from blipdb.training.evaluation.tasks.models import ReasonsByTexts, TorchModel
from blipdb.training.evaluation.tasks.reasoning import judge, rightly
from tests.training.tasks.tinies import CPU, pictures, save_pictures, tiny_reasoner


@pytest.fixture
def reasoner(model: TorchModel) -> ReasonsByTexts:
    return ReasonsByTexts(tiny_reasoner(model), model.texts)


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    paths = save_pictures(tmp_path, 10)
    texts = ["The red dog.", "a big house", "BLUE", "on the left", "a tree"]
    return [
        Sample((paths[2 * n], paths[2 * n + 1]), str(n), text, label=n % 2, id=f"dev-1-{n}-0")
        for n, text in enumerate(texts)
    ]


@torch.inference_mode()
def test_statements_are_judged_about_their_two_images(
    model: TorchModel, reasoner: ReasonsByTexts, samples: list[Sample]
) -> None:
    told: list[tuple[str, int, int]] = []
    found = judge(
        *(reasoner, model.source, samples),
        batch=2,
        device=CPU,
        show=lambda *step: told.append(step),
    )
    pixels = model.pixels(pictures(10))
    texts = ["the red dog", "a big house", "blue", "on the left", "a tree"]
    logits = reasoner.logits(pixels[0::2], pixels[1::2], texts)
    assert found == (logits[:, 1] > logits[:, 0]).tolist()
    assert told == [("statements", done, 5) for done in (2, 4, 5)]
    swapped = reasoner.logits(pixels[1::2], pixels[0::2], texts)
    assert (logits - swapped).abs().max() > 1e-3  # which is left matters


def test_what_is_right(samples: list[Sample]) -> None:
    assert rightly(samples, [True] * 5) == [False, True, False, True, False]
    with pytest.raises(DataError, match="t-1 has no label"):
        rightly([Sample((b"", b""), "key", "text", id="t-1")], [True])


def test_two_images_are_needed(model: TorchModel, reasoner: ReasonsByTexts) -> None:
    sample = Sample((b"",), "key", "text", label=1)
    with pytest.raises(DataError, match="key has 1 images; NLVR2 has 2"):
        judge(reasoner, model.source, [sample], batch=1, device=CPU)
