"""A CapFilt run as a commented TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from blipdb.model.writing import Writing

from ..run.config import Config, ConfigError, read_config

STAGES = ("pretrain", "captioner", "filter", "retrain")


@dataclass(frozen=True)
class Plan:
    """Content of a plan's file. Paths in it begin at its folder."""

    name: str  # of the models: name-captioner, name-filter, name
    knows: str  # completes "This model knows ..."
    vocabulary: Path  # the folder of BERT's vocab.txt or of a tokenizer.json
    # Configurations of training without [[data]], which is the database.
    pretrain: Path
    captioner: Path
    filter: Path
    retrain: Path  # by default pretrain's
    space: str = ""
    # Corpora to import (training/datasets/open.py), beside the database's own.
    web: tuple[Mapping[str, Any], ...] = ()
    human: tuple[Mapping[str, Any], ...] = ()
    # By default a nucleus of 0.9, as in the paper.
    write: Writing = field(default_factory=lambda: Writing(beams=None, nucleus=0.9))
    vision: Path | None = None  # initial weights, a ViT's
    text: Path | None = None  # initial weights, a BERT's
    evaluation: Mapping[str, Any] | None = None  # a dataset with people's captions, for the gain

    def config(self, stage: str, vocab_size: int) -> Config:
        """The configuration of a stage of `STAGES`.

        Raises:
            ConfigError: it brings data of its own, or can't be run.
        """
        path: Path = getattr(self, stage)
        config = read_config(path, vocab_size)
        if config.data:
            raise ConfigError(f"{path}: CapFilt trains on the database; leave [[data]] out")
        return config


def read_plan(path: Path) -> Plan:
    """Read a plan from a TOML file.

    Raises:
        ConfigError: the file can't be read, a key is unknown or missing, or a file it names is not
            there.
        UsageError: [write] makes no sense.
    """
    try:
        values = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} can't be read: {error}") from None
    names = [one.name for one in fields(Plan)]
    if unknown := sorted(set(values) - set(names)):
        raise ConfigError(f"{path}: unknown {', '.join(unknown)}; known: {', '.join(names)}")
    values.setdefault("retrain", values.get("pretrain"))
    for name in ("vocabulary", *STAGES, "vision", "text"):
        if values.get(name) is not None:
            values[name] = _existing(path, name, str(values[name]))
    for name in ("web", "human"):
        values[name] = tuple(_placed(path, spec) for spec in values.get(name, ()))
    if "evaluation" in values:
        values["evaluation"] = _placed(path, values["evaluation"])
    if "write" in values:
        values["write"] = _writing(path, values["write"])
    try:
        return Plan(**values)
    except TypeError as error:
        raise ConfigError(f"{path}: {str(error).partition('() ')[2] or error}") from None


def _existing(path: Path, name: str, value: str) -> Path:
    file = path.parent / value
    if not file.exists():
        raise ConfigError(f"{path}: {name} is {value}, and there is no {file}")
    return file


def _placed(path: Path, spec: Mapping[str, Any]) -> dict[str, Any]:
    """Resolve a dataset's paths, which begin at the plan's folder."""
    placed = dict(spec)
    for name in ("path", "images"):
        if isinstance(value := placed.get(name), str):
            placed[name] = str(path.parent / value)
    return placed


def _writing(path: Path, values: Mapping[str, Any]) -> Writing:
    names = [one.name for one in fields(Writing)]
    if unknown := sorted(set(values) - set(names)):
        raise ConfigError(f"{path}: [write] has unknown {', '.join(unknown)}")
    beams = values.get("beams")
    return (
        replace(Writing(), **{**values, "beams": beams})
        if beams
        else Writing(**{"beams": None, "nucleus": 0.9, **values})
    )
