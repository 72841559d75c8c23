"""A training run as a commented TOML file; an unknown key stops it."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from blipdb.model.architecture import Architecture

T = TypeVar("T")

SHARINGS = ("all", "all but cross-attention", "all but self-attention", "nothing")
"""Layers that text encoder and decoder may share (BLIP, Table 3)."""
USUAL_SHARING = "all but self-attention"
# Of pixels between 0 and 1, by channel; BLIP has those of CLIP (arXiv 2103.00020).
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)


class ConfigError(ValueError):
    """A configuration that cannot be run."""


@dataclass(frozen=True)
class Optimiser:
    """AdamW with linear warm-up; no weight decay on biases, norms and the temperature."""

    learning_rate: float
    warmup: int  # samples
    # "cosine": the samples after which the learning rate reaches `floor`, 0 for the end of
    # training; a stage with a learning rate of its own decays from there to the end.
    # "step": the samples of an epoch, after each of which it is multiplied by `rate`.
    decay: int = 0
    schedule: str = "cosine"  # or "step"
    rate: float = 0.9  # of "step"
    floor: float = 0.0  # the least learning rate
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.05
    gradient_norm: float = 1.0  # longer gradients are scaled down to it; 0: none is


@dataclass(frozen=True)
class Stage:
    """A stretch of training with losses and, of drawn scenes, a mixture of its own.

    The weight of each loss is the field of its name; a loss of weight 0 is not computed.
    """

    samples: int
    itc: float = 0.0  # image-text contrastive loss
    itm: float = 0.0  # image-text matching loss, the slowest
    lm: float = 0.0  # language modeling loss
    negatives: int = 1  # of ITM, for each image and for each text
    learning_rate: float = 0.0  # warm-up and decay start again from it; 0: they continue
    # The fields below are for drawn scenes alone.
    # Shares of scenes with 1, 2, 3 and 4 things.
    things: tuple[float, float, float, float] = (0.25, 0.25, 0.25, 0.25)
    full: float = 0.5  # share of ITC and ITM texts that name everything
    # Share of a batch that differs from another scene of it in one attribute or relation.
    variants: float = 0.0
    # By name of a difference: the share of variants for which it is tried first.
    often: Mapping[str, float] = field(default_factory=dict)
    naming: float = 0.0  # loss of kind, colour and outline of the thing under each patch
    facts: float = 0.0  # loss of each word in ITM's pairs, as true or false

    @property
    def speaks(self) -> bool:
        """Whether the stage trains on texts."""
        return self.itc + self.itm + self.lm > 0


@dataclass(frozen=True)
class Momentum:
    """ITC with momentum encoders."""

    ramp: int  # samples after which `alpha` is reached
    rate: float = 0.995  # share of themselves that the encoders keep in a step
    queue: int = 57_600  # stored features, of images and of texts each
    alpha: float = 0.4  # share of the soft labels
    # All texts of one image are its positives, in the queue too, as in finetuning for retrieval.
    same_image: bool = False


@dataclass(frozen=True)
class Scale:
    """Fit of a run to its machines; none of it changes the result but for rounding."""

    precision: str = "fp32"  # or "bf16", of matrix products
    recomputes: bool = False  # layers, for the gradient: slower, with less memory
    shards: bool = False  # each process keeps only its part of the optimiser's state


@dataclass(frozen=True)
class Reports:
    """Intervals (in samples) and sizes of evaluations and checkpoints."""

    evaluate: int
    checkpoint: int
    seconds: float = 30.0  # between log lines
    scenes: int = 300  # held-out scenes of an evaluation; captions are written for a third of them
    harder: int = 60  # of these scenes, each searched among 31 distractors
    candidates: int = 16  # reranked for each query


@dataclass(frozen=True)
class Config:
    """Configuration of a run."""

    seed: int
    batch: int  # samples of a step, of all processes together
    smoothing: float  # of the LM targets
    max_text: int  # tokens
    threads: int  # of torch, on a CPU
    workers: int  # processes that draw or read
    model: Architecture
    optimiser: Optimiser
    reports: Reports
    stages: tuple[Stage, ...]
    momentum: Momentum | None = None  # None: ITC within the batch
    scale: Scale = Scale()
    data: tuple[Mapping[str, Any], ...] = ()  # see training/datasets/open.py; none: drawn scenes
    augment: str = "pretrain"  # or "finetune" or "none"
    dropout: float = 0.0  # see `MED.regularise`
    drop_path: float = 0.0  # see `MED.regularise`
    # Samples among which ITM finds its negatives, as in one GPU's batch in the paper; 0: those of
    # a process's batch.
    group: int = 0
    floor: float = 1e-4  # added to the weight of each possible negative; 0: hard ones alone
    prompt: str = ""  # opening of every caption of the captioner; it is not learned
    # Layers that text encoder and decoder share, one of `SHARINGS`. With another than the
    # usual, a run can't become an artifact.
    sharing: str = USUAL_SHARING

    @property
    def samples(self) -> int:
        return sum(stage.samples for stage in self.stages)

    @property
    def steps(self) -> int:
        return self.samples // self.batch

    def stage(self, step: int) -> Stage:
        """Return the stage of `step`, from 0."""
        position = step * self.batch
        for stage in self.stages:
            if position < stage.samples:
                return stage
            position -= stage.samples
        return self.stages[-1]


def read_config(path: Path, vocab_size: int) -> Config:
    """Read a TOML file; the vocabulary decides the model's `vocab_size`.

    Raises:
        ConfigError: a key is unknown or missing, or a value is impossible.
        ArchitectureError: the model cannot be built.
    """
    values = tomllib.loads(path.read_text())
    stages = values.pop("stages", [])
    if not stages:
        raise ConfigError(f"{path} has no [[stages]]; training needs at least one")
    values["model"] = Architecture.from_dict({**values.get("model", {}), "vocab_size": vocab_size})
    values["optimiser"] = _build(Optimiser, values.get("optimiser", {}), "[optimiser]")
    values["reports"] = _build(Reports, values.get("reports", {}), "[reports]")
    values["scale"] = _build(Scale, values.get("scale", {}), "[scale]")
    if "momentum" in values:
        values["momentum"] = _build(Momentum, values["momentum"], "[momentum]")
    values["stages"] = tuple(_build(Stage, stage, "[[stages]]") for stage in stages)
    config = _build(Config, values, str(path))
    _check(config, path)
    return config


def _check(config: Config, path: Path) -> None:
    for name, value, choices in (
        ("schedule", config.optimiser.schedule, ("cosine", "step")),
        ("precision", config.scale.precision, ("fp32", "bf16")),
        ("augment", config.augment, ("pretrain", "finetune", "none")),
        ("sharing", config.sharing, SHARINGS),
    ):
        if value not in choices:
            raise ConfigError(f"{path}: {name} is {value!r}; it can be {', '.join(choices)}")
    if config.optimiser.schedule == "step" and config.optimiser.decay <= 0:
        raise ConfigError(f'{path}: schedule "step" needs decay, the samples of an epoch')
    if config.group and config.batch % config.group:
        raise ConfigError(f"{path}: batch {config.batch} is not a multiple of group {config.group}")


def _build(kind: type[T], values: dict[str, Any], where: str) -> T:
    names = {f.name for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - names):
        raise ConfigError(
            f"{where}: unknown {', '.join(unknown)}; known: {', '.join(sorted(names))}"
        )
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from None
