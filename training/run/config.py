"""A training run as a commented TOML file; an unknown key stops it."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from blipdb.model.architecture import Architecture

from ..models.med import SHARINGS, USUAL_SHARING

T = TypeVar("T")


class ConfigError(ValueError):
    """A configuration that cannot be run."""


@dataclass(frozen=True)
class Optimiser:
    """AdamW with linear warm-up; no weight decay on biases, norms and the temperature.

    schedule: "cosine" reaches 0 after `decay` samples, 0 standing for the end of training, unless a
    stage begins a decay of its own before; "step" multiplies the learning rate by `rate` after each
    `decay` samples, an epoch, and never goes below `floor`.
    """

    learning_rate: float
    warmup: int  # samples
    decay: int = 0  # samples
    schedule: str = "cosine"
    rate: float = 0.9
    floor: float = 0.0
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.05
    gradient_norm: float = 1.0  # 0: as large as it is


@dataclass(frozen=True)
class Stage:
    """A stretch of training, `samples` long.

    itc, itm, lm, naming, facts: weights of the losses; ITM costs most; what has weight 0 costs
    nothing. negatives: of ITM, for each image and for each text. learning_rate: where it is given,
    warm-up and decay begin anew from it.

    Of drawn scenes alone: things, the shares of scenes with 1, 2, 3 and 4 things; full, the share
    of ITC and ITM texts that name everything; variants, the share of a batch that differs from
    another scene of the batch in one attribute or relation; often, by name, how often certain
    differences are tried first; naming, the loss of what each patch shows; facts, of which words of
    ITM's pairs are true.
    """

    samples: int
    itc: float = 0.0
    itm: float = 0.0
    lm: float = 0.0
    negatives: int = 1
    learning_rate: float = 0.0
    things: tuple[float, float, float, float] = (0.25, 0.25, 0.25, 0.25)
    full: float = 0.5
    variants: float = 0.0
    often: Mapping[str, float] = field(default_factory=dict)
    naming: float = 0.0
    facts: float = 0.0

    @property
    def speaks(self) -> bool:
        """Whether there are texts in it."""
        return self.itc + self.itm + self.lm > 0


@dataclass(frozen=True)
class Momentum:
    """ITC with momentum encoders. rate: what they keep of themselves in a step. queue: features of
    each kind that are kept. alpha: the soft labels' share, reached after `ramp` samples.
    same_image: all texts of one image are its positives, in the queue too, as in finetuning for
    retrieval."""

    ramp: int
    rate: float = 0.995
    queue: int = 57_600
    alpha: float = 0.4
    same_image: bool = False


@dataclass(frozen=True)
class Scale:
    """Fit of a run to its machines; none of it changes the result but for rounding.

    precision: "fp32", or "bf16" for matrix products. recomputes: layers are computed again for the
    gradient, which saves memory. shards: each process keeps its part of the optimiser's state.
    """

    precision: str = "fp32"
    recomputes: bool = False
    shards: bool = False


@dataclass(frozen=True)
class Reports:
    """Intervals (in samples) and sizes of evaluations and checkpoints."""

    evaluate: int
    checkpoint: int
    seconds: float = 30.0  # between log lines
    scenes: int = 300  # held-out scenes of an evaluation; captions are written for a third of them
    harder: int = 60  # of them are searched among 31 distractors
    candidates: int = 16  # reranked for each query


@dataclass(frozen=True)
class Config:
    """A run. batch: samples of a step, of all processes together. group: ITM's negatives come from
    groups of this many samples, as from one GPU's batch in the paper; 0: from a process's batch.
    floor: added to the weight of each possible negative; 0 where there may be none but hard ones.
    prompt: what opens every caption of the captioner, and is not learned. data: where samples come
    from (training/datasets/open.py); nothing: drawn scenes. sharing: what text encoder and decoder
    have in common, one of `med.SHARINGS`; with another than the usual, a run can't become an
    artifact. augment: "pretrain", "finetune" or "none". dropout and drop_path: see
    `MED.regularise`."""

    seed: int
    batch: int
    smoothing: float  # of the LM targets
    max_text: int  # tokens
    threads: int  # of torch, on a CPU
    workers: int  # processes that draw or read
    model: Architecture
    optimiser: Optimiser
    reports: Reports
    stages: tuple[Stage, ...]
    momentum: Momentum | None = None
    scale: Scale = Scale()
    data: tuple[Mapping[str, Any], ...] = ()
    augment: str = "pretrain"
    dropout: float = 0.0
    drop_path: float = 0.0
    group: int = 0
    floor: float = 1e-4
    prompt: str = ""
    sharing: str = USUAL_SHARING

    @property
    def samples(self) -> int:
        return sum(stage.samples for stage in self.stages)

    @property
    def steps(self) -> int:
        return self.samples // self.batch

    def stage(self, step: int) -> Stage:
        """The stage that `step` (from 0) belongs to."""
        seen = step * self.batch
        for stage in self.stages:
            if seen < stage.samples:
                return stage
            seen -= stage.samples
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
    for name, value, known in (
        ("schedule", config.optimiser.schedule, ("cosine", "step")),
        ("precision", config.scale.precision, ("fp32", "bf16")),
        ("augment", config.augment, ("pretrain", "finetune", "none")),
        ("sharing", config.sharing, SHARINGS),
    ):
        if value not in known:
            raise ConfigError(f"{path}: {name} is {value!r}; it can be {', '.join(known)}")
    if config.optimiser.schedule == "step" and config.optimiser.decay <= 0:
        raise ConfigError(f'{path}: schedule "step" needs decay, the samples of an epoch')
    if config.group and config.batch % config.group:
        raise ConfigError(f"{path}: batch {config.batch} is not a multiple of group {config.group}")


def _build(kind: type[T], values: dict[str, Any], where: str) -> T:
    known = {f.name for f in dataclasses.fields(kind)}  # type: ignore[arg-type]
    if unknown := sorted(set(values) - known):
        raise ConfigError(
            f"{where}: unknown {', '.join(unknown)}; known: {', '.join(sorted(known))}"
        )
    values = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise ConfigError(f"{where}: {error}") from None
