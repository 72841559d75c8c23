"""NLVR2's model on tiny sizes: begun with one image's cross-attention, seen twice."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from blipdb.training.models.med import MED
from blipdb.training.models.nlvr2 import Reasoner
from tests.training.test_med import SPECIAL, random_med, tiny


def pretrained() -> MED:
    torch.manual_seed(4)
    return random_med(tiny(text_layers=4))


@pytest.fixture
def reasoner() -> Reasoner:
    model = Reasoner(tiny(text_layers=4), SPECIAL).eval()
    model.begin(pretrained())
    return model


@pytest.fixture
def pixels() -> Tensor:
    return torch.randn(2, 3, 24, 24, generator=torch.Generator().manual_seed(2))


IDS = torch.tensor([[2, 7, 9, 8, 3], [2, 11, 3, 0, 0]])


@torch.no_grad()
def test_it_begins_with_what_pretraining_learned(reasoner: Reasoner, pixels: Tensor) -> None:
    """With the same image twice, layers that average see what the pretrained model sees."""
    med = pretrained()
    tokens = med.image_tokens(pixels)
    ids = IDS.clone()
    ids[:, 0] = SPECIAL.enc
    mask = (ids != SPECIAL.pad)[:, None, None, :]
    memory = med.image_memory(tokens)
    x = med.text_encoder.embeddings(ids)
    mine = reasoner.text_encoder.embeddings(ids)
    for number, layer in enumerate(med.text_encoder.layers[:2]):
        x = layer(x, mask, memory[number])
        mine = reasoner.text_encoder.encoder.layer[number](mine, mask, tokens, tokens)
    torch.testing.assert_close(mine, x)


@torch.no_grad()
def test_the_second_half_joins_both_images_by_a_layer(reasoner: Reasoner) -> None:
    merges = [
        layer.crossattention.output.merge_layer is not None
        for layer in reasoner.text_encoder.encoder.layer
    ]
    assert merges == [False, False, True, True]
    attention = reasoner.text_encoder.encoder.layer[2].crossattention
    merge = attention.output.merge_layer
    width = merge.in_features // 2
    merge.weight[:, :width], merge.weight[:, width:] = torch.eye(width), 0.0
    merge.bias.zero_()
    x = torch.randn(1, 3, width)
    left, right, other = torch.randn(3, 1, 5, 32).unbind()
    memory = attention.self0.memory(left), attention.self1.memory(right)
    found = attention(x, *memory)
    assert torch.equal(found, attention(x, memory[0], attention.self1.memory(other)))
    assert not torch.equal(found, attention(x, attention.self0.memory(other), memory[1]))


@torch.no_grad()
def test_both_images_and_the_text_matter(reasoner: Reasoner, pixels: Tensor) -> None:
    left, right = pixels, pixels.flip(0)
    logits = reasoner([left, right], IDS)
    assert logits.shape == (2, 2)
    assert (logits - reasoner([left, left], IDS)).abs().min() > 1e-5
    assert (logits - reasoner([right, right], IDS)).abs().min() > 1e-5
    assert (logits - reasoner([left, right], IDS.flip(0))).abs().min() > 1e-5
    padded = torch.nn.functional.pad(IDS, (0, 3))
    torch.testing.assert_close(reasoner([left, right], padded), logits)


def test_every_weight_is_learned(reasoner: Reasoner, pixels: Tensor) -> None:
    torch.autograd.backward(reasoner([pixels, pixels.flip(0)], IDS)[:, 1].sum())
    without = [name for name, p in reasoner.named_parameters() if p.grad is None]
    assert without == []
