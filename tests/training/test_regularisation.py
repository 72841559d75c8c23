"""Dropout, stochastic depth and recomputation: only in training, and what they cost."""

from __future__ import annotations

from typing import cast

import pytest
import torch

from blipdb.training.models.med import MED, Attention, DropPath, VisionLayer
from tests.training.test_med import SPECIAL, random_med, tiny

PIXELS = torch.randn(4, 3, 24, 24, generator=torch.Generator().manual_seed(1))
IDS = torch.tensor([[2, 7, 8, 3], [2, 9, 3, 0], [2, 7, 7, 3], [2, 5, 3, 0]])


def logits(model: MED) -> torch.Tensor:
    found: torch.Tensor = model.match(IDS, model.image_memory(model.image_tokens(PIXELS)))
    return found


def test_dropping_happens_in_training_alone() -> None:
    model = random_med(tiny())
    expected = logits(model)
    model.regularise(0.3, 0.5)
    assert torch.equal(logits(model), expected)
    model.train()
    torch.manual_seed(1)
    first = logits(model)
    assert not torch.equal(first, expected)
    assert not torch.equal(logits(model), first)
    torch.manual_seed(1)
    assert torch.equal(logits(model), first)


def test_later_layers_are_skipped_more() -> None:
    model = MED(tiny(vision_layers=5), SPECIAL)
    model.regularise(0.1, 0.2)
    layers = [cast(VisionLayer, layer) for layer in model.vision_model.encoder.layers]
    assert [layer.drop_path.share for layer in layers] == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])
    attentions = [module for module in model.modules() if isinstance(module, Attention)]
    assert len(attentions) == 6  # of two layers each: two for themselves, two shared
    assert {attention.dropout for attention in attentions} == {0.1}


def test_a_skipped_sample_is_skipped_whole_and_the_mean_stays() -> None:
    drop = DropPath()
    drop.share = 0.25
    x = torch.ones(4000, 2, 3)
    kept = drop(x)
    assert kept.unique().tolist() == pytest.approx([0, 4 / 3])
    assert torch.equal(kept.amin(dim=(1, 2)), kept.amax(dim=(1, 2)))
    assert kept.mean().item() == pytest.approx(1, abs=0.05)
    assert torch.equal(drop.eval()(x), x)


def test_recomputed_layers_have_the_same_gradients() -> None:
    """With dropout, too: what was dropped is dropped again."""
    gradients = []
    for recomputes in (False, True):
        torch.manual_seed(1)
        model = random_med(tiny()).train()
        model.regularise(0.2, 0.3, recomputes=recomputes)
        torch.manual_seed(2)
        torch.autograd.backward(logits(model)[:, 1].sum())
        gradients.append({n: p.grad for n, p in model.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    torch.testing.assert_close(gradients[0], gradients[1])
