"""Several processes learn what one does: the same gradients, the same queues, the same weights."""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from blipdb.model.architecture import Architecture
from blipdb.training.datasets.scenes import Batch
from blipdb.training.learners.pretraining import Learner
from blipdb.training.run.config import Config, Momentum, Optimiser, Reports, Scale, Stage
from blipdb.training.run.loop import in_parallel, make_step
from blipdb.training.run.optimiser import make_optimiser
from blipdb.training.run.world import ALONE, World, joined

ARCHITECTURE = Architecture(
    image_size=16, patch_size=8, vision_width=16, vision_layers=2, vision_heads=2, vision_mlp=32,
    vocab_size=30, text_width=16, text_layers=2, text_heads=2, text_mlp=32, max_positions=12,
    embed_dim=8,
)  # fmt: skip
BATCH, PROCESSES, STEPS = 8, 2, 3


def configuration(*, momentum: bool, same_image: bool = False, shards: bool = False) -> Config:
    return Config(
        seed=1,
        batch=BATCH,
        smoothing=0.1,
        max_text=10,
        threads=1,
        workers=1,
        model=ARCHITECTURE,
        optimiser=Optimiser(learning_rate=1e-2, warmup=0),
        reports=Reports(evaluate=100, checkpoint=100),
        stages=(Stage(samples=BATCH * STEPS, itc=1.0, itm=1.0, lm=1.0),),
        momentum=Momentum(ramp=1, queue=2 * BATCH, same_image=same_image) if momentum else None,
        scale=Scale(shards=shards),
        group=BATCH // PROCESSES,
    )


def global_batch(step: int) -> Batch:
    """Of all processes together; the first and the last image are the same, two texts are."""
    rng = np.random.default_rng(step)
    texts = rng.integers(6, 30, (BATCH, 8))
    texts[:, 0], texts[:, -1] = 2, 3
    texts[2, 5:], texts[6, 3:] = [3, 0, 0], [3, 0, 0, 0, 0]  # of other lengths
    keys = np.arange(2 * BATCH).reshape(BATCH, 2)
    keys[-1, 0] = keys[0, 0]
    keys[5, 1] = keys[1, 1]
    none = np.zeros((0, 0, 0), dtype=np.int8)
    images = rng.integers(0, 256, (BATCH, 16, 16, 3), dtype=np.uint8)
    return Batch(images, texts, texts, keys, None, none, None)


def part(batch: Batch, world: World) -> Batch:
    own = world.own(BATCH // world.size)
    names = ("images", "texts", "captions", "keys")
    return dataclasses.replace(batch, **{name: getattr(batch, name)[own] for name in names})


def learn(config: Config, world: World) -> dict[str, Any]:
    """The gradients of the first step, and the state after some steps."""
    torch.manual_seed(3)
    learner = Learner(config, world=world)
    learner.begin(None)
    parallel = in_parallel(learner, world)
    losses = parallel(part(global_batch(0), world), 0)
    torch.autograd.backward(torch.stack(list(losses.values())).sum())
    found: dict[str, Any] = {
        "losses": {name: world.mean(value) for name, value in losses.items()},
        "gradients": {n: p.grad for n, p in learner.named_parameters() if p.grad is not None},
    }
    found["gradients"] = {n: g.clone() for n, g in found["gradients"].items()}
    learner.zero_grad()
    optimiser = make_optimiser(learner, config.optimiser, shards=config.scale.shards, world=world)
    for step in range(1, STEPS):
        make_step(parallel, optimiser, config, part(global_batch(step), world), step)
    return found | {"state": learner.state_dict()}


OPTIONS: dict[str, dict[str, bool]] = {
    "momentum": {"momentum": True},
    "same image": {"momentum": True, "same_image": True},
    "in batch": {"momentum": False},
    "sharded optimiser": {"momentum": True, "shards": True},
}


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first of two gloo processes has left what it found with each of the options."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    environment = os.environ | {
        "WORLD_SIZE": str(PROCESSES), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        "OMP_NUM_THREADS": "1", "PYTHONPATH": os.getcwd(),
    }  # fmt: skip
    out = tmp_path_factory.mktemp("together")
    code = f"from tests.training.test_world import work; work({str(out)!r})"
    processes = [
        subprocess.Popen([sys.executable, "-c", code], env=environment | {"RANK": str(rank)})
        for rank in range(PROCESSES)
    ]
    assert [process.wait(120) for process in processes] == [0] * PROCESSES
    return out


def work(out: str) -> None:
    """In each of the processes."""
    torch.set_num_threads(1)
    with joined() as world:
        for name, options in OPTIONS.items():
            found = learn(configuration(**options), world)
            if world.is_first:
                torch.save(found, Path(out) / name)


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIONS)
def test_two_processes_learn_what_one_does(together: Path, name: str) -> None:
    alone = learn(configuration(**OPTIONS[name]), ALONE)
    several = torch.load(together / name, weights_only=True)
    torch.testing.assert_close(several["losses"], alone["losses"], rtol=0, atol=1e-5)
    assert several["gradients"].keys() == alone["gradients"].keys()
    for weight, gradient in alone["gradients"].items():
        # Sums in another order differ by rounding, which is as large as their largest terms are.
        error = (several["gradients"][weight] - gradient).abs().max()
        assert error <= 1e-5 * max(1.0, float(gradient.abs().max())), weight
    for weight, value in alone["state"].items():
        if not weight.endswith("key.bias"):  # it has no gradient but rounding, which Adam enlarges
            torch.testing.assert_close(several["state"][weight], value, rtol=0, atol=1e-3)
