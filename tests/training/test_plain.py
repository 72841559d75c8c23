"""The learner's losses, each pass shared and every text unpadded, are those of the objective
written plainly with transformers' modules."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from blipdb.training.datasets.scenes import Batch, normalise
from blipdb.training.learners.pretraining import Learner
from tests.training.plain import PlainBLIP, negatives_of
from tests.training.test_world import configuration, global_batch

STEP = 0


@pytest.fixture
def learner() -> Learner:
    torch.manual_seed(5)
    config = dataclasses.replace(configuration(momentum=True), group=0)
    learner = Learner(config)
    with torch.no_grad():
        for parameter in learner.med.parameters():
            parameter.add_(torch.randn(parameter.shape) * 0.05)
    learner.catch_up()
    return learner


def batch() -> Batch:
    """With images and texts that are all different, as the plain objective takes them."""
    found = global_batch(1)
    return dataclasses.replace(found, keys=torch.arange(16).view(8, 2).numpy())


def test_the_losses_are_those_of_the_plain_objective(learner: Learner) -> None:
    assert learner.momentum is not None
    given = batch()
    plain = PlainBLIP(learner)
    negatives = negatives_of(learner, given, STEP)
    pixels = normalise(given.images, torch.device("cpu"))
    expected = plain.losses(
        pixels, torch.from_numpy(given.texts), negatives, learner.momentum.share(0)
    )
    found = learner(given, STEP)
    assert found.keys() == expected.keys()
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-5)


def test_the_gradients_are_too(learner: Learner) -> None:
    given = batch()
    plain = PlainBLIP(learner)
    negatives = negatives_of(learner, given, STEP)
    pixels = normalise(given.images, torch.device("cpu"))
    for losses in (
        plain.losses(pixels, torch.from_numpy(given.texts), negatives, 0.0), learner(given, STEP),
    ):  # fmt: skip
        torch.autograd.backward(torch.stack(list(losses.values())).sum())
    theirs = dict(plain.named_parameters())
    compared = 0
    for name, parameter in learner.med.named_parameters():
        gradient = theirs[name].grad
        assert gradient is not None
        assert parameter.grad is not None
        torch.testing.assert_close(parameter.grad, gradient, rtol=0, atol=1e-4)
        compared += 1
    assert compared > 50


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_recomputed_and_half_precision_losses(learner: Learner, precision: str) -> None:
    """Recomputing changes nothing; bfloat16 rounds to three digits."""
    expected = learner(batch(), STEP)
    scale = dataclasses.replace(learner.config.scale, precision=precision, recomputes=True)
    again = Learner(dataclasses.replace(learner.config, scale=scale))
    again.med.load_state_dict(learner.med.state_dict())
    again.catch_up()
    found = again(batch(), STEP)
    tolerance = 1e-6 if precision == "fp32" else 0.05
    for name in ("lm", "itm"):
        torch.testing.assert_close(found[name], expected[name], rtol=0, atol=tolerance)
    torch.autograd.backward(torch.stack(list(found.values())).sum())
    assert all(torch.isfinite(p.grad).all() for p in again.parameters() if p.grad is not None)
