"""The torch model for questions, beside transformers' with the same weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from blipdb.checkpoints.describe import describe
from blipdb.training.models.answerer import Answerer
from blipdb.training.models.med import MED
from tests.checkpoints import published, reference
from tests.checkpoints.test_convert import SPECIAL

QUESTIONS = torch.tensor([[2, 13, 14, 10, 6, 15, 3], [2, 6, 15, 3, 0, 0, 0]])
ANSWERS = torch.tensor([[2, 5, 6, 10, 3], [2, 7, 3, 0, 0]])


@pytest.fixture(scope="module")
def theirs() -> Any:
    return published.made("answerer", published.configuration(published.TINY))


@pytest.fixture(scope="module")
def model(theirs: Any) -> Answerer:
    state = theirs.state_dict()
    sizes = {name: value.numpy() for name, value in state.items()}
    arch = describe(sizes, theirs.config.to_dict())
    made = Answerer(arch, SPECIAL)
    made.load_state_dict(state)
    return made.train(False)


@torch.no_grad()
def test_it_equals_transformers(theirs: Any, model: Answerer) -> None:
    """Padded questions in one batch here, one at a time there."""
    pixels = torch.randn(2, 3, 24, 24, generator=torch.Generator().manual_seed(1))
    tokens = model.image_tokens(pixels)
    torch.testing.assert_close(tokens, reference.image_tokens(theirs, pixels))
    states = model.question_states(QUESTIONS, tokens)
    words = model.words(QUESTIONS)
    expected = reference.states(theirs, QUESTIONS, tokens, SPECIAL)
    torch.testing.assert_close(states[words], expected[words], atol=1e-5, rtol=0)
    logits = model.next_words(ANSWERS, model.question_memory(states), words)
    for n, mine in enumerate(words):
        length = int((ANSWERS[n] != SPECIAL.pad).sum())
        answer = ANSWERS[n : n + 1, :length]
        asked = reference.next_words(theirs, answer, expected[n : n + 1, mine], SPECIAL)
        torch.testing.assert_close(logits[n : n + 1, :length], asked, atol=1e-5, rtol=0)
    assert logits.std() > 0.1


def test_encoder_and_decoder_share_nothing(model: Answerer) -> None:
    encoder = {id(parameter) for parameter in model.text_encoder.parameters()}
    assert encoder.isdisjoint(id(parameter) for parameter in model.text_decoder.parameters())
    words = model.text_decoder.bert.embeddings.word_embeddings.weight
    assert model.text_decoder.cls.predictions.decoder.weight is words


def test_it_begins_as_a_pretrained_model(model: Answerer) -> None:
    """But for what looks at another width, which begins anew."""
    torch.manual_seed(0)
    med, fresh = MED(model.arch, SPECIAL), Answerer(model.arch, SPECIAL)
    fresh.begin(med)
    pretrained = med.state_dict()
    anew = {
        name for name, value in fresh.state_dict().items()
        if not torch.equal(value, pretrained[name])
    }  # fmt: skip
    assert anew == {
        f"text_decoder.bert.encoder.layer.{layer}.crossattention.self.{part}.weight"
        for layer in range(2)
        for part in ("key", "value")
    }
    med.text_encoder.layers[0].output.dense.weight.data.zero_()
    assert fresh.text_encoder.layers[0].output.dense.weight.abs().max() > 0


def test_layers_can_be_computed_again_for_the_gradient(model: Answerer) -> None:
    pixels = torch.randn(2, 3, 24, 24, generator=torch.Generator().manual_seed(1))
    gradients = []
    for recomputes in (False, True):
        model.train().regularise(0.0, 0.0, recomputes=recomputes)
        model.zero_grad()
        states = model.question_states(QUESTIONS, model.image_tokens(pixels))
        words = model.words(QUESTIONS)
        model.next_words(ANSWERS, model.question_memory(states), words).square().mean().backward()
        gradient = model.text_decoder.bert.layers[0].crossattention.self.key.weight.grad
        assert gradient is not None
        gradients.append(gradient.clone())
    model.train(False).regularise(0.0, 0.0)
    torch.testing.assert_close(*gradients)
    assert gradients[0].abs().max() > 0
