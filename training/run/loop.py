"""The training loop, for any learner: steps, checkpoints, and the journal of losses."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from blipdb.model.architecture import SpecialTokens

from .checkpoint import (
    WEIGHTS,
    load_checkpoint,
    only_one,
    save_checkpoint,
    save_weights,
    write_json,
)
from .config import CLIP_MEAN, CLIP_STD, Config
from .curve import METRICS, draw_curve
from .optimiser import learning_rate, make_optimiser
from .world import World


class SkippedSample(Protocol):
    """A sample that could not be used; as text, its place and the reason."""

    @property
    def kind(self) -> str:
        """Reason without details of this one sample."""
        ...


class TrainingBatch(Protocol):
    """A batch, with the samples of its dataset that could not be used."""

    @property
    def skipped(self) -> Sequence[SkippedSample]: ...


B = TypeVar("B", bound=TrainingBatch, contravariant=True)


class Trainable(Protocol[B]):
    """A module that, called with a batch and the step's number, returns the step's losses by name;
    each is weighted by the stage's field of that name."""

    def __call__(self, batch: B, step: int) -> dict[str, Tensor]: ...

    @property
    def trained(self) -> nn.Module:
        """Module whose weights a run saves."""
        ...

    @property
    def is_sparing(self) -> bool:
        """Whether some steps don't use every parameter."""
        ...


def make_step(
    learner: Trainable[B], optimiser: torch.optim.Optimizer, config: Config, batch: B, step: int
) -> dict[str, float]:
    """Update the weights once. Return each loss, unweighted.

    Raises:
        FloatingPointError: a loss is not finite; names it.
    """
    assert isinstance(learner, nn.Module)
    stage = config.stage(step)
    losses = learner(batch, step)
    weighted = [getattr(stage, name) * value for name, value in losses.items()]
    torch.autograd.backward(torch.stack(weighted).sum())
    if config.optimiser.gradient_norm:
        limit = config.optimiser.gradient_norm
        nn.utils.clip_grad_norm_(learner.parameters(), limit, foreach=True)
    for group in optimiser.param_groups:
        group["lr"] = learning_rate(config, step)
    optimiser.step()
    optimiser.zero_grad()
    values = {name: float(value.detach()) for name, value in losses.items()}
    if not all(map(math.isfinite, values.values())):
        raise FloatingPointError(f"step {step}: the loss is {values}; lower the learning rate")
    return values


class Journal:
    """Log of a run: prints mean losses every few seconds, and appends all figures to metrics.jsonl.
    Of several processes only the first writes."""

    def __init__(self, folder: Path, config: Config, step: int, world: World) -> None:
        self.path, self.config, self.world = folder / METRICS, config, world
        self.started, self.since = time.monotonic(), step
        self.sums: dict[str, list[float]] = {}
        self.skipped: Counter[str] = Counter()
        self.is_new = True  # it holds what the curve does not show yet
        if world.is_first:
            self._forget_after(step)

    def _forget_after(self, step: int) -> None:
        """Drop lines of steps that a killed run made after its last checkpoint."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        valid = [line for line in lines if json.loads(line)["step"] <= step]
        self.path.write_text("".join(f"{line}\n" for line in valid))

    def skip(self, step: int, broken: Sequence[SkippedSample]) -> None:
        """Count unusable samples, and print the first of each kind."""
        for sample in broken:
            if sample.kind not in self.skipped:
                print(f"step {step}: skipped {sample}", flush=True)
            self.skipped[sample.kind] += 1

    def losses(self, step: int, values: dict[str, float]) -> None:
        """Add the losses of the step before `step`; write their mean when it is time."""
        for name, value in values.items():
            self.sums.setdefault(name, []).append(value)
        elapsed = time.monotonic() - self.started
        if elapsed < self.config.reports.seconds and step < self.config.steps:
            return
        rate = (step - self.since) * self.config.batch / elapsed
        means = {name: sum(numbers) / len(numbers) for name, numbers in self.sums.items()}
        skipped = {"skipped": self.skipped.total()} if self.skipped else {}
        self.write(step, {"samples_per_second": rate, **means, **skipped})
        self.started, self.since, self.sums = time.monotonic(), step, {}

    def write(self, step: int, values: dict[str, float]) -> None:
        if not self.world.is_first:
            return
        entry: dict[str, Any] = {"step": step, "samples": step * self.config.batch}
        entry |= {name: round(value, 4) for name, value in values.items()}
        with self.path.open("a") as file:
            file.write(json.dumps(entry) + "\n")
        self.is_new = True
        print("  ".join(f"{name} {value}" for name, value in entry.items()), flush=True)


def run_name(config: Config, tokenizer: Tokenizer) -> str:
    """Compute the digest of all that must be equal for a checkpoint to be continued."""
    return hashlib.sha256(f"{config}{tokenizer.to_str()}".encode()).hexdigest()


def describe_model(
    folder: Path, config: Config, tokenizer: Tokenizer, special: SpecialTokens
) -> None:
    """Write the files that a reader of the weights needs beside them."""
    preprocessing = {"size": config.model.image_size, "mean": CLIP_MEAN, "std": CLIP_STD}
    description = {
        "architecture": config.model.to_dict(),
        "special_tokens": special.to_dict(),
        "max_text": config.max_text,
        "prompt": config.prompt,
        "preprocessing": {**preprocessing, "resize": "square", "resample": "bicubic"},
    }
    write_json(folder / "architecture.json", description)
    tokenizer.save(str(folder / "tokenizer.json"))


@dataclass(frozen=True)
class Run:
    """A run's configuration, folder and place; see `run_name` for its name."""

    config: Config
    folder: Path
    name: str
    device: torch.device
    world: World


class Trainer(Generic[B]):
    """A learner in training, restored from the last checkpoint in its run's folder, if any."""

    def __init__(self, run: Run, learner: Trainable[B]) -> None:
        """Restore the learner, and its optimiser.

        Raises:
            CheckpointError: the checkpoint was made by another configuration.
        """
        assert isinstance(learner, nn.Module)
        self._run, self._learner = run, learner
        learner.to(run.device)
        config = run.config
        self._optimiser = make_optimiser(
            learner, config.optimiser, shards=config.scale.shards, world=run.world
        )
        self.start = load_checkpoint(run.folder, learner, self._optimiser, run.name)
        """Number of steps already made; where it is 0, the learner needs its first weights."""
        self.journal = Journal(run.folder, config, self.start, run.world)

    def steps(self, batches: Iterator[B]) -> Iterator[int]:
        """Train on the batches, which begin at step `start`. Yield the number of steps after each.

        The caller may evaluate the learner meanwhile, and write the result into the journal. Then
        the checkpoint is saved, where one is due.

        Raises:
            FloatingPointError: a loss is not finite.
        """
        run, config, journal = self._run, self._run.config, self.journal
        journal.started = time.monotonic()  # no part of a step: loading weights, starting workers
        parallel = in_parallel(self._learner, run.world)
        for step, batch in enumerate(batches, start=self.start + 1):
            # Dropout draws the same numbers in a run that was killed and resumed.
            torch.manual_seed((config.seed * 1_000_003 + step) * 1_009 + run.world.rank)
            journal.skip(step, batch.skipped)
            journal.losses(step, make_step(parallel, self._optimiser, config, batch, step - 1))
            yield step
            if is_due(config, step, config.reports.checkpoint):
                save(run, self._learner, self._optimiser, step)
                if run.world.is_first and journal.is_new:
                    draw_curve(run.folder)
                    journal.is_new = False


@contextmanager
def training(run: Run, learner: Trainable[B]) -> Iterator[Trainer[B]]:
    """Hold the run's folder, for one process, or several that train together.

    Raises:
        CheckpointError: the checkpoint is another configuration's, or another process trains there.
    """
    run.folder.mkdir(parents=True, exist_ok=True)
    with only_one(run.folder) if run.world.is_first else nullcontext():
        yield Trainer(run, learner)


def in_parallel(learner: Trainable[B], world: World) -> Trainable[B]:
    """Average the gradients over all processes."""
    if world.size == 1:
        return learner
    assert isinstance(learner, nn.Module)
    wrapped: Trainable[B] = DistributedDataParallel(
        learner, forward_sync_buffers=False, find_unused_parameters=learner.is_sparing
    )  # type: ignore[assignment]
    return wrapped


def save(run: Run, learner: Trainable[B], optimiser: torch.optim.Optimizer, step: int) -> None:
    """Save the checkpoint, then the weights; the first process does, for all."""
    assert isinstance(learner, nn.Module)
    if hasattr(optimiser, "consolidate_state_dict"):
        optimiser.consolidate_state_dict()
    if run.world.is_first:
        save_checkpoint(run.folder, learner, optimiser, step, run.name)
        save_weights(run.folder / WEIGHTS, learner.trained)
    run.world.wait()


def is_due(config: Config, step: int, samples: int) -> bool:
    """Whether another `samples` were completed by `step`, or training is over."""
    return step % max(samples // config.batch, 1) == 0 or step == config.steps


def prepare_torch(threads: int) -> torch.device:
    """Set torch up for a small model on a CPU. Return the GPU where there is one."""
    torch.set_flush_denormal(True)  # tiny gradients are slow otherwise
    torch.set_num_threads(threads)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
