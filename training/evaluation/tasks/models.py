"""Loading of a run's folder, an artifact or a published checkpoint, as a torch model for
evaluation."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tokenizers
import torch
from torch import Tensor, nn

from blipdb.checkpoints.convert import CONFIG, MEAN, PREFIX, PROCESSOR, PROMPT, STD
from blipdb.checkpoints.describe import describe
from blipdb.checkpoints.kinds import HEADS
from blipdb.checkpoints.names import renamed
from blipdb.checkpoints.vocabulary import read_tokenizer
from blipdb.checkpoints.weights import read_state
from blipdb.errors import ModelError
from blipdb.model.architecture import Architecture, ArchitectureError, SpecialTokens
from blipdb.model.artifact import MANIFEST, TOKENIZER, Artifact

from ...models.answerer import Answerer
from ...models.med import MED
from ...models.nlvr2 import Reasoner
from ...run.checkpoint import WEIGHTS, read_weights
from .answerer import AnswersByTexts
from .protocols import Answers, Reasons
from .reading import Texts

ARCHITECTURE = "architecture.json"

Channels = tuple[float, float, float]


@dataclass(frozen=True)
class ModelSource:
    """Weights by Hugging Face's names, and all that they need beside them.

    digest: an artifact's. prompt: the opening of captions, not a part of them.
    """

    path: Path
    state: Mapping[str, Tensor]
    arch: Architecture
    special: SpecialTokens
    tokenizer: tokenizers.Tokenizer
    mean: Channels
    std: Channels
    prompt: str = ""
    digest: str | None = None

    @property
    def texts(self) -> Texts:
        """Tokenizer, limited to the model's number of positions."""
        return Texts(self.tokenizer, self.special, self.arch.max_positions)


@dataclass(frozen=True)
class TorchModel:
    """A MED for evaluation. missing: weights that its source lacks; they are random."""

    med: MED
    source: ModelSource
    texts: Texts
    missing: frozenset[str]

    @property
    def device(self) -> torch.device:
        return self.med.temp.device

    def require(self, task: str, *parts: str) -> None:
        """Check that there are weights of some parts, given by the beginnings of their names.

        Raises:
            ModelError: weights of those parts are missing, by their names' beginnings.
        """
        if lacking := sorted(name for name in self.missing if name.startswith(parts)):
            raise ModelError(
                f"{self.source.path} can't be evaluated for {task}: it has no weight"
                f" {lacking[0]} ({len(lacking)} are missing)."
            )

    def pixels(self, frames: npt.NDArray[np.uint8]) -> Tensor:
        """uint8 [B, S, S, 3] -> float32 [B, 3, S, S], normalised with the model's mean and
        deviation."""
        return normalised(frames, self.source, self.device)


def normalised(frames: npt.NDArray[np.uint8], source: ModelSource, device: torch.device) -> Tensor:
    """uint8 [B, S, S, 3] -> float32 [B, 3, S, S]."""
    pixels = torch.from_numpy(frames).to(device).permute(0, 3, 1, 2).to(torch.float32)
    mean = torch.tensor(source.mean, device=device)[:, None, None]
    std = torch.tensor(source.std, device=device)[:, None, None]
    return (pixels / 255 - mean) / std


def load_model(path: Path, device: torch.device) -> TorchModel:
    """Load the MED of a run, an artifact or a checkpoint; see `find`.

    Raises:
        ModelError: nothing of it can be used, or it holds weights that no MED has.
    """
    source = find(path)
    med = MED(source.arch, source.special)
    missing = fill(med, source)
    return TorchModel(med.to(device).train(False), source, source.texts, missing)


def load_reasoner(path: Path, device: torch.device) -> tuple[Reasons, ModelSource]:
    """Load the model for NLVR2 of a run, or of Salesforce's checkpoint.

    Raises:
        ModelError: it is no such model, or a weight is missing.
    """
    source = find(path)
    reasoner = Reasoner(source.arch, source.special)
    if missing := sorted(fill(reasoner, source)):
        raise ModelError(
            f"{path} is no model for NLVR2: it has no weight {missing[0]}.",
            "Finetune one with a configuration as training/configs/nlvr2_vit_b.toml.",
        )
    return ReasonsByTexts(reasoner.to(device).train(False), source.texts), source


def load_answerer(path: Path, device: torch.device) -> tuple[Answers, ModelSource]:
    """Load the model for questions of a run, or of a checkpoint.

    Raises:
        ModelError: it is no such model, or a weight is missing.
    """
    source = find(path)
    answerer = Answerer(source.arch, source.special)
    if missing := sorted(fill(answerer, source)):
        raise ModelError(
            f"{path} is no model for questions: it has no weight {missing[0]}.",
            "Finetune one with a configuration as training/configs/vqa_vit_b.toml.",
        )
    return AnswersByTexts(answerer.to(device).train(False), source.texts), source


class ReasonsByTexts(nn.Module):
    """Adapter of a `Reasoner` for statements as texts."""

    def __init__(self, reasoner: Reasoner, texts: Texts) -> None:
        super().__init__()
        self.reasoner, self._texts = reasoner, texts

    def logits(self, left: Tensor, right: Tensor, statements: Sequence[str]) -> Tensor:
        """As `Reasons.logits`."""
        ids = torch.from_numpy(self._texts.ids(statements)).to(left.device)
        values: Tensor = self.reasoner((left, right), ids)
        return values


def find(path: Path) -> ModelSource:
    """Load an artifact (model.json), a run (architecture.json), or a checkpoint: Hugging Face's
    folder or one of its or Salesforce's files.

    Raises:
        ModelError: it is none, or something of it is missing or altered.
    """
    if (path / MANIFEST).exists():
        return _artifact(path)
    if (path / ARCHITECTURE).exists():
        return _run(path)
    if not path.exists():
        raise ModelError(
            f"{path} is not there.", "Name a run's folder, an artifact's, or a checkpoint."
        )
    return _checkpoint(path)


def fill(model: nn.Module, source: ModelSource) -> frozenset[str]:
    """Load the source's weights into the model. Return the names of those that it lacks.

    Raises:
        ModelError: it holds weights that the model has no place for.
    """
    places = model.state_dict(keep_vars=True)
    if strange := sorted(source.state.keys() - places.keys()):
        raise ModelError(
            f"{source.path} is another kind of model: it has a weight {strange[0]}"
            f" ({len(strange)} have no place)."
        )
    try:
        model.load_state_dict(dict(source.state), strict=False)
    except RuntimeError as error:
        message = " ".join(str(error).split())
        raise ModelError(f"The weights of {source.path} don't fit: {message}") from None
    filled: dict[int, str] = {}  # a tensor that is shared has several names
    for name, weight in source.state.items():
        other = filled.setdefault(id(places[name]), name)
        if other != name and not torch.equal(weight, source.state[other]):
            raise ModelError(
                f"{source.path} is another kind of model: {name} and {other} differ, which are one"
                " weight of this kind."
            )
    return frozenset(name for name, tensor in places.items() if id(tensor) not in filled)


def _artifact(path: Path) -> ModelSource:
    artifact = Artifact.open(path)
    manifest = artifact.manifest
    return ModelSource(
        path,
        read_weights(path),
        manifest.architecture,
        manifest.special_tokens,
        tokenizers.Tokenizer.from_buffer(artifact.read(TOKENIZER)),
        manifest.image.mean,
        manifest.image.std,
        prompt=manifest.decoding.prompt if manifest.decoding else "",
        digest=artifact.digest,
    )


def _run(path: Path) -> ModelSource:
    if missing := [name for name in (WEIGHTS, TOKENIZER) if not (path / name).exists()]:
        raise ModelError(
            f"{path} has no {', '.join(missing)}.",
            "A run writes its weights with each checkpoint; let it go on.",
        )
    described = json.loads((path / ARCHITECTURE).read_text())
    try:
        image = described["preprocessing"]
        return ModelSource(
            path,
            read_weights(path / WEIGHTS),
            Architecture.from_dict(described["architecture"]),
            SpecialTokens.from_dict(described["special_tokens"]),
            tokenizers.Tokenizer.from_file(str(path / TOKENIZER)),
            _three(image["mean"]),
            _three(image["std"]),
            prompt=described.get("prompt", ""),
        )
    except (KeyError, ValueError, ArchitectureError) as error:
        raise ModelError(f"{path / ARCHITECTURE} can't be used: {error}.") from None


def _checkpoint(path: Path) -> ModelSource:
    state = renamed(read_state(path))
    folder = path if path.is_dir() else path.parent
    settings, image = _settings(folder / CONFIG), _settings(folder / PROCESSOR)
    arch = describe(state, settings)
    tokenizer, special = read_tokenizer(folder, arch.vocab_size)
    # Pretraining knows no prompt, finetuning for captions does; then there are no heads.
    usual = "" if any(name.startswith(HEADS) for name in state) else PROMPT
    return ModelSource(
        path,
        {name: torch.from_numpy(value) for name, value in state.items()},
        arch,
        special,
        tokenizers.Tokenizer.from_buffer(tokenizer),
        _three(image.get("image_mean") or MEAN),
        _three(image.get("image_std") or STD),
        prompt=settings.get(PREFIX, usual),
    )


def _settings(path: Path) -> dict[str, Any]:
    settings: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
    return settings


def _three(values: Sequence[float]) -> Channels:
    red, green, blue = values
    return red, green, blue
