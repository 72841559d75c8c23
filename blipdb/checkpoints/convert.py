"""A checkpoint into an artifact: read, rename, describe, check, build."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..artifact import TOKENIZER, Artifact, Manifest, Preprocessing, digests
from ..errors import ModelError
from ..graphs import build_graphs, prepare
from ..graphs.weights import HEAD
from .describe import describe
from .names import renamed
from .vocabulary import read_tokenizer
from .weights import State, read_state

CONFIG, PROCESSOR = "config.json", "preprocessor_config.json"
README = "README.md"
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""CLIP's, of pixels in 0 to 1: what BLIP was trained with."""
MAX_TOKENS = 40
"""Of a text, with its first and last token: BLIP's captions at finetuning; its queries have 35."""
KNOWS = "photographs, and what English captions on the web say of them"


def convert(
    source: Path, out: Path, *, name: str, knows: str = KNOWS, origin: str | None = None
) -> Artifact:
    """Make the artifact of a checkpoint, Hugging Face's folder or one of its or Salesforce's files,
    in ``out``, in the place of a model that is there.

    ``origin`` is what its README says it was made of. Weights are rounded to float16; momentum
    copies and queues are left out. Without a captioner in the checkpoint the model is for retrieval
    alone.

    Raises:
        ModelError: the checkpoint is no BLIP for retrieval, or something of it is missing, altered
            or does not fit; says what.
        SetupError: a pickle, and torch is not installed.
    """
    state = _tied(renamed(read_state(source)))
    folder = source if source.is_dir() else source.parent
    arch = describe(state, _json(folder / CONFIG))
    mean, std = _normalisation(_json(folder / PROCESSOR))
    tokenizer, special = read_tokenizer(folder, arch.vocab_size)
    captioner = f"{HEAD}.bias" in state
    weights = prepare(state, arch, captioner=captioner)
    built = build_graphs(weights, arch, mean=mean, std=std, captioner=captioner)
    graphs = {graph: f"{graph}.onnx" for graph in built}
    files = {graphs[graph]: data for graph, data in built.items()} | {TOKENIZER: tokenizer}
    files[README] = _readme(name, knows, origin or source.name).encode()
    manifest = Manifest(
        name=name,
        architecture=arch,
        special_tokens=special,
        image=Preprocessing(arch.image_size, mean, std),
        max_tokens=min(MAX_TOKENS, arch.max_positions),
        roles=("retrieval", "captioner") if captioner else ("retrieval",),
        knows=knows,
        graphs=graphs,
        files=digests(files),
        temperature=float(state["temp"]) if "temp" in state else None,
    )
    return Artifact.replace(out, manifest, files)


def _tied(state: State) -> State:
    """With the captioner's bias under the name that the graphs use, where a file has the other."""
    bias = state.get(f"{HEAD}.decoder.bias")
    return state if bias is None else {f"{HEAD}.bias": bias} | state


def _normalisation(processor: Mapping[str, Any]) -> tuple[tuple[float, float, float], ...]:
    """Mean and deviation of each channel.

    Raises:
        ModelError: they are not three numbers each, or no deviation is 0 or less.
    """
    found = []
    for key, usual in (("image_mean", MEAN), ("image_std", STD)):
        values = processor.get(key) or usual
        try:
            red, green, blue = (float(value) for value in values)
        except (TypeError, ValueError):
            raise ModelError(f"{PROCESSOR}: {key} is {values!r}, no three numbers.") from None
        found.append((red, green, blue))
    if not np.all(np.array(found[1]) > 0):
        raise ModelError(f"{PROCESSOR}: image_std is {found[1]}; deviations are above 0.")
    return tuple(found)


def _json(path: Path) -> dict[str, Any]:
    """What a file of settings says; nothing where there is none."""
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ModelError(f"{path} is no JSON: {error}.") from None
    if not isinstance(values, dict):
        raise ModelError(f"{path} is no JSON object.")
    return values


def _readme(name: str, knows: str, origin: str) -> str:
    return (
        f"# {name}\n\nA BLIP (arXiv 2201.12086) that knows {knows}.\n\n"
        f"Made of the checkpoint {origin} by blipdb; its weights are rounded to float16.\n"
    )
