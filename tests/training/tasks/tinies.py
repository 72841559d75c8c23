"""Tiny models and pictures for evaluations: real parts, random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from blipdb.training.evaluation.tasks.models import TorchModel, load_model
from blipdb.training.models.answerer import Answerer
from blipdb.training.models.nlvr2 import Reasoner
from blipdb.training.run.checkpoint import save_weights
from tests.tiny import ARCHITECTURE, WORDS, tiny_artifact

M = TypeVar("M", bound=torch.nn.Module)

CPU = torch.device("cpu")
SIDE = ARCHITECTURE.image_size


def tiny_model(folder: Path, seed: int = 0) -> TorchModel:
    return load_model(tiny_artifact(folder, seed).folder, CPU)


def tiny_answerer(model: TorchModel) -> Answerer:
    """Begun with the model's weights, of which encoder's and decoder's then go apart."""
    answerer = Answerer(model.source.arch, model.source.special)
    answerer.begin(model.med)
    return shaken(answerer)


def tiny_reasoner(model: TorchModel) -> Reasoner:
    """Begun with the model's weights, of which left's and right's then go apart."""
    reasoner = Reasoner(model.source.arch, model.source.special)
    reasoner.begin(model.med)
    return shaken(reasoner)


def shaken(model: M) -> M:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    model.train(False)
    return model


def pictures(count: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    """uint8 [count, S, S, 3]: each of another colour, with noise."""
    rng = np.random.default_rng(seed)
    colours = rng.integers(0, 256, (count, 1, 1, 3))
    noise = rng.integers(-60, 61, (count, SIDE, SIDE, 3))
    return np.asarray(np.clip(colours + noise, 0, 255), np.uint8)


def save_pictures(folder: Path, count: int, seed: int = 0) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{n:03}.png" for n in range(count)]
    for path, pixels in zip(paths, pictures(count, seed), strict=True):
        Image.fromarray(pixels).save(path)
    return paths


def sentences(count: int, seed: int = 0) -> list[str]:
    """Texts of 1 to 8 known words, each another one."""
    rng = np.random.default_rng(seed)
    found: dict[str, None] = {}
    while len(found) < count:
        found[" ".join(rng.choice(WORDS, rng.integers(1, 9)))] = None
    return list(found)


def caption_file(folder: Path, images: int = 12, captions: int = 2) -> Path:
    """A list of pictures with captions, as BLIP's own lists are."""
    paths = save_pictures(folder / "pictures", images)
    texts = sentences(images * captions)
    records = [
        {"image": f"pictures/{path.name}", "caption": texts[n * captions : (n + 1) * captions]}
        for n, path in enumerate(paths)
    ]
    return write_json(folder / "captions.json", records)


def write_json(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value))
    return path


def save_run(folder: Path, model: torch.nn.Module, of: TorchModel, prompt: str = "") -> Path:
    """Write a training run's output, with that model's weights."""
    folder.mkdir()
    save_weights(folder / "weights.safetensors", model)
    of.source.tokenizer.save(str(folder / "tokenizer.json"))
    image = {"size": SIDE, "mean": of.source.mean, "std": of.source.std}
    description = {
        "architecture": of.source.arch.to_dict(),
        "special_tokens": of.source.special.to_dict(),
        "max_text": 20,
        "prompt": prompt,
        "preprocessing": {**image, "resize": "square", "resample": "bicubic"},
    }
    write_json(folder / "architecture.json", description)
    return folder
