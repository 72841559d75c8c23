from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from blipdb.model.architecture import SpecialTokens
from blipdb.training.datasets.scenes import draw_batch
from blipdb.training.learners.pretraining import Learner
from blipdb.training.models.med import MED
from blipdb.training.objectives.losses import TruePairs
from blipdb.training.objectives.momentum import Features, MomentumITC
from blipdb.training.run.checkpoint import load_checkpoint, save_checkpoint
from blipdb.training.run.config import Config, ConfigError, Momentum
from blipdb.training.run.loop import make_step
from blipdb.training.run.optimiser import make_optimiser
from tests.training.conftest import TOKENIZER

QUEUE = 8
SETTINGS = Momentum(ramp=100, queue=QUEUE)
TEMPERATURE = torch.tensor(0.1)
NONE = torch.eye(4, dtype=torch.bool)


@pytest.fixture
def itc(config: Config) -> MomentumITC:
    torch.manual_seed(1)
    return MomentumITC(MED(config.model, SpecialTokens()), SETTINGS, batch=4)


def inputs(config: Config) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Vectors of four images and texts, and the pixels and ids for the momentum encoders."""
    generator = torch.Generator().manual_seed(2)
    size, width = config.model.image_size, config.model.embed_dim
    vectors = F.normalize(torch.randn(2, 4, width, generator=generator), dim=-1)
    pixels = torch.randn(4, 3, size, size, generator=generator)
    ids = torch.randint(6, config.model.vocab_size, (4, 7), generator=generator)
    ids[:, 0], ids[:, -1] = SpecialTokens().cls, SpecialTokens().sep
    return vectors[0], vectors[1], pixels, ids


def by_hand(itc: MomentumITC, config: Config, share: float) -> Tensor:
    """The paper's formula, written plainly, before the queue moves."""
    images, texts, pixels, ids = inputs(config)
    image_m = itc.med.image_vector(itc.med.image_tokens(pixels))
    text_m = itc.med.text_vector(ids)
    found = []
    for query, query_m, partners, queue in (
        (images, image_m, text_m, itc.text_queue), (texts, text_m, image_m, itc.image_queue),
    ):  # fmt: skip
        candidates = torch.cat([partners, queue])
        soft = torch.softmax(query_m @ candidates.T / TEMPERATURE, dim=1)
        hard = torch.eye(4, 4 + QUEUE)
        target = share * soft + (1 - share) * hard
        logs = torch.log_softmax(query @ candidates.T / TEMPERATURE, dim=1)
        found.append(-(target * logs).sum(dim=1).mean())
    return torch.stack(found).mean()


def loss_of(
    itc: MomentumITC, config: Config, also_true: Tensor, share: float, keys: list[int] | None = None
) -> Tensor:
    images, texts, pixels, ids = inputs(config)
    loss: Tensor = itc.loss(
        Features(images, texts),
        itc.features(pixels, ids),
        TruePairs(also_true, also_true.T, 0),
        torch.tensor(keys or [10, 11, 12, 13]),
        TEMPERATURE,
        share,
    )
    return loss


@pytest.mark.parametrize("share", [0.0, 0.4])
def test_the_loss_is_the_papers(itc: MomentumITC, config: Config, share: float) -> None:
    expected = by_hand(itc, config, share)
    torch.testing.assert_close(loss_of(itc, config, NONE, share), expected)


def test_features_take_the_place_of_the_oldest(itc: MomentumITC, config: Config) -> None:
    _, _, pixels, ids = inputs(config)
    before = itc.text_queue.clone()
    loss_of(itc, config, NONE, 0.4)
    torch.testing.assert_close(itc.text_queue[:4], itc.med.text_vector(ids))
    assert torch.equal(itc.text_queue[4:], before[4:])
    loss_of(itc, config, NONE, 0.4)
    torch.testing.assert_close(itc.text_queue[4:], itc.med.text_vector(ids))
    assert itc.key_queue.tolist() == [10, 11, 12, 13] * 2
    assert itc.place == 0
    tokens = itc.med.image_tokens(pixels)
    torch.testing.assert_close(itc.image_queue[:4], itc.med.image_vector(tokens))


def test_a_text_that_is_also_true_is_left_out(itc: MomentumITC, config: Config) -> None:
    also_true = NONE.clone()
    also_true[0, 1] = True
    queues = itc.image_queue.clone(), itc.text_queue.clone()
    with_it = loss_of(itc, config, NONE, 0.4)
    itc.image_queue, itc.text_queue, itc.place = *queues, torch.zeros((), dtype=torch.long)
    without = loss_of(itc, config, also_true, 0.4)
    assert torch.isfinite(without)
    assert without < with_it


def test_all_texts_of_an_image_are_positives_where_asked_for(config: Config) -> None:
    """Positives of the batch and of the queue share the target, as in finetuning for retrieval."""
    torch.manual_seed(1)
    settings = dataclasses.replace(SETTINGS, same_image=True)
    itc = MomentumITC(MED(config.model, SpecialTokens()), settings, batch=4)
    itc.key_queue[2] = 12
    images, texts, pixels, ids = inputs(config)
    own = itc.features(pixels, ids)
    keys = torch.tensor([10, 11, 12, 11])
    hard = torch.zeros(4, 4 + QUEUE)
    hard[0, 0] = 1
    hard[1, 1] = hard[1, 3] = hard[3, 1] = hard[3, 3] = 1 / 2
    hard[2, 2] = hard[2, 4 + 2] = 1 / 2
    expected = []
    for query, partners, queue in (
        (images, own.texts, itc.text_queue), (texts, own.images, itc.image_queue),
    ):  # fmt: skip
        logs = (query @ torch.cat([partners, queue]).T / TEMPERATURE).log_softmax(dim=1)
        expected.append(-(hard * logs).sum(dim=1).mean())
    found = loss_of(itc, config, NONE, 0.0, keys.tolist())
    torch.testing.assert_close(found, torch.stack(expected).mean())


def test_the_momentum_encoders_follow(config: Config) -> None:
    torch.manual_seed(1)
    model = MED(config.model, SpecialTokens())
    itc = MomentumITC(model, SETTINGS, batch=4)
    moved = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in moved.parameters():
            parameter.add_(1.0)
    itc.follow(moved)
    theirs = dict(model.named_parameters())
    for name, parameter in itc.med.named_parameters():
        torch.testing.assert_close(parameter, theirs[name] + 0.005, atol=1e-5, rtol=0)
        assert not parameter.requires_grad
    itc.follow(moved, rate=0.0)
    now = dict(moved.named_parameters())
    assert all(torch.equal(value, now[name]) for name, value in itc.med.named_parameters())
    assert not [name for name, _ in itc.med.named_parameters() if "decoder" in name]


def test_alpha_rises(itc: MomentumITC) -> None:
    assert [itc.share(n) for n in (0, 50, 100, 1000)] == [0.0, 0.2, 0.4, 0.4]


def test_a_batch_that_does_not_divide_the_queue(config: Config) -> None:
    with pytest.raises(ConfigError, match="queue is 8, which batches of 3 don't fill exactly"):
        MomentumITC(MED(config.model, SpecialTokens()), SETTINGS, batch=3)


def test_a_step_with_momentum_and_its_checkpoint(config: Config, tmp_path: Path) -> None:
    """A restored run makes the very next step of the one that went on."""
    torch.manual_seed(1)
    momentum = dataclasses.replace(SETTINGS, queue=64)
    config = dataclasses.replace(config, momentum=momentum, stages=config.stages[1:])
    learner = Learner(config)
    learner.begin(None)
    optimiser = make_optimiser(learner, config.optimiser)
    batches = [draw_batch(config, TOKENIZER, step) for step in (80, 81)]
    assert make_step(learner, optimiser, config, batches[0], 80).keys() == {
        "lm", "itc", "itm", "naming", "facts",
    }  # fmt: skip
    save_checkpoint(tmp_path, learner, optimiser, 81, "run")
    restored = Learner(config)
    again = make_optimiser(restored, config.optimiser)
    assert load_checkpoint(tmp_path, restored, again, "run") == 81
    expected = make_step(learner, optimiser, config, batches[1], 81)
    assert make_step(restored, again, config, batches[1], 81) == expected
    for mine, theirs in zip(
        learner.state_dict().values(), restored.state_dict().values(), strict=True
    ):
        assert torch.equal(mine, theirs)
