"""A training run as a commented TOML file; an unknown key stops it."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from blipdb.architecture import Architecture

T = TypeVar("T")


class ConfigError(ValueError):
    """A configuration that cannot be run."""


@dataclass(frozen=True)
class Optimiser:
    """AdamW with linear warm-up and cosine decay; no weight decay on biases and norms.

    The learning rate reaches 0 after `decay` samples, 0 standing for the end of training, unless a
    stage begins a decay of its own before.
    """

    learning_rate: float
    warmup: int  # samples
    decay: int = 0  # samples
    betas: tuple[float, float] = (0.9, 0.98)
    weight_decay: float = 0.05
    gradient_norm: float = 1.0


@dataclass(frozen=True)
class Stage:
    """A stretch of training, `samples` long.

    things: shares of scenes with 1, 2, 3 and 4 things. full: share of ITC and ITM texts that name
    everything. variants: share of a batch that differs from another scene of the batch in one
    attribute or relation; often: by name, how often certain differences are tried first. itc, itm,
    lm, naming, facts: weights of the losses (`naming`: what each patch shows; `facts`: of ITM's
    pairs, which words are true); ITM costs most; what has weight 0 costs nothing. negatives: of
    ITM, for each image and for each text. learning_rate: where it is given, warm-up and decay begin
    anew from it.
    """

    samples: int
    things: tuple[float, float, float, float]
    full: float
    variants: float
    itc: float = 0.0
    itm: float = 0.0
    lm: float = 0.0
    naming: float = 0.0
    negatives: int = 1
    learning_rate: float = 0.0
    facts: float = 0.0
    often: Mapping[str, float] = field(default_factory=dict)

    @property
    def speaks(self) -> bool:
        """Whether there are texts in it."""
        return self.itc + self.itm + self.lm > 0


@dataclass(frozen=True)
class Momentum:
    """ITC with momentum encoders. `rate`: what they keep of themselves in a step. `queue`: features
    of each kind that are kept. `alpha`: the soft labels' share, reached after `ramp` samples."""

    ramp: int
    rate: float = 0.995
    queue: int = 57_600
    alpha: float = 0.4


@dataclass(frozen=True)
class Reports:
    """What to say and save, and how often (in samples)."""

    evaluate: int
    checkpoint: int
    seconds: float = 30.0  # between log lines
    scenes: int = 300  # held-out scenes of an evaluation; captions are written for a third of them
    harder: int = 60  # of them are searched among 31 distractors
    candidates: int = 16  # reranked for each query


@dataclass(frozen=True)
class Config:
    seed: int
    batch: int
    smoothing: float  # of the LM targets
    max_text: int  # tokens
    threads: int  # of torch, on a CPU
    workers: int  # processes that draw scenes
    model: Architecture
    optimiser: Optimiser
    reports: Reports
    stages: tuple[Stage, ...]
    momentum: Momentum | None = None

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
        ConfigError: a key is unknown or missing.
        ArchitectureError: the model cannot be built.
    """
    values = tomllib.loads(path.read_text())
    tables = {name: values.pop(name, {}) for name in ("model", "optimiser", "reports")}
    stages = values.pop("stages", [])
    if not stages:
        raise ConfigError(f"{path} has no [[stages]]; training needs at least one")
    values["model"] = Architecture.from_dict({**tables["model"], "vocab_size": vocab_size})
    values["optimiser"] = _build(Optimiser, tables["optimiser"], "[optimiser]")
    if "momentum" in values:
        values["momentum"] = _build(Momentum, values["momentum"], "[momentum]")
    values["reports"] = _build(Reports, tables["reports"], "[reports]")
    values["stages"] = tuple(_build(Stage, stage, "[[stages]]") for stage in stages)
    return _build(Config, values, str(path))


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
