"""Conversion of a checkpoint to an artifact: read, rename, describe, check, build."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..errors import ModelError
from ..model.architecture import Architecture
from ..model.artifact import TOKENIZER, Artifact, Decoding, Manifest, Preprocessing, digests
from ..model.compute import EXACT, Compute
from ..model.graphs import build_graphs, prepare
from ..model.graphs.weights import TIED, shapes
from .describe import describe
from .kinds import TEMPERATURE, check_names, roles_of
from .names import renamed
from .vocabulary import read_tokenizer
from .weights import State, read_state, weight_files

CONFIG, PROCESSOR = "config.json", "preprocessor_config.json"
README = "README.md"
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)
"""CLIP's, of pixels from 0 to 1, with which BLIP was trained."""
BICUBIC = 3  # PIL's number, as in Hugging Face's settings
GELU = "gelu"
MAX_TOKENS = {"retrieval": 40, "captioner": 40, "answerer": 35}
"""Longest text of each role, with its first and last token, as BLIP was finetuned."""
PROMPT = "a picture of "
CAPTIONING = Decoding(PROMPT, beams=3, min_length=5, max_length=20)
ANSWERING = Decoding(beams=3, min_length=1, max_length=10)
"""Generation options of BLIP's figures (section 5.2, and salesforce/BLIP's configurations)."""
PREFIX = "prefix"  # of captions, in config.json: `export` writes it, transformers leaves it alone
Three = tuple[float, float, float]
KNOWS = "photographs, and what English captions on the web say of them"


def convert(
    source: Path,
    out: Path,
    *,
    name: str,
    knows: str = KNOWS,
    origin: str | None = None,
    compute: Callable[[Architecture], Compute] = lambda _: EXACT,
) -> Artifact:
    """Make the artifact of a checkpoint, Hugging Face's folder or one of its or Salesforce's files,
    in ``out``, in the place of a model that is there.

    ``origin`` is what its README says it was made of, beside the digest of each file of weights;
    ``compute`` says how it is to compute, once its sizes are known. Weights are rounded to float16;
    momentum copies and queues are left out. Its roles are what its weights allow (see `roles_of`).

    Raises:
        ModelError: the checkpoint is no BLIP, or something of it is missing, altered, unknown, or
            does not fit; says what.
        SetupError: a pickle, and torch is not installed.
    """
    folder = source if source.is_dir() else source.parent
    config, processor = _json(folder / CONFIG), _json(folder / PROCESSOR)
    state = _tied(renamed(read_state(source)))
    roles = roles_of(state, config)
    arch = describe(state, config)
    check_names(state, shapes(arch, roles), roles)
    _check_settings(config, processor)
    image = Preprocessing(arch.image_size, *_normalisation(processor))
    tokenizer, special = read_tokenizer(folder, arch.vocab_size)
    temperature = _temperature(state) if "retrieval" in roles else None
    computed = compute(arch)
    computed.stored(arch)
    max_tokens = min(MAX_TOKENS[roles[0]], arch.max_positions)
    weights = prepare(state, arch, roles)
    state.clear()  # the graphs need as much memory again
    built = build_graphs(
        weights,
        arch,
        mean=image.mean,
        std=image.std,
        roles=roles,
        compute=computed,
        max_tokens=max_tokens,
    )
    graphs = {graph: f"{graph}.onnx" for graph in built}
    files = {graphs[graph]: data for graph, data in built.items()} | {TOKENIZER: tokenizer}
    made = f"{origin or source.name} by blipdb; its weights are rounded to {computed.weights}"
    if computed.merges:
        made += f" and {computed.stored(arch)} of {arch.image_tokens} image tokens are stored"
    files[README] = _readme(name, knows, made, weight_files(source)).encode()
    manifest = Manifest(
        name=name,
        architecture=arch,
        special_tokens=special,
        image=image,
        max_tokens=max_tokens,
        roles=roles,
        knows=knows,
        graphs=graphs,
        files=digests(files),
        temperature=temperature,
        decoding=_decoding(roles, config, arch.max_positions),
        compute=computed,
    )
    return Artifact.replace(out, manifest, files)


def _tied(state: State) -> State:
    """Keep each tensor with two names under the one that the graphs use."""
    return {same: state[name] for name, same in TIED.items() if name in state} | state


def _temperature(state: State) -> float | None:
    """ITC's temperature, if the file has it: transformers' has not."""
    if (found := state.get(TEMPERATURE)) is None:
        return None
    if found.size != 1:
        raise ModelError(f"{TEMPERATURE} has shape {found.shape}; one number is wanted.")
    return float(found.item())


def _decoding(roles: Sequence[str], config: Mapping[str, Any], positions: int) -> Decoding | None:
    """Generation options, BLIP's own. The captioner within a pretrained model has no prompt, since
    pretraining uses none; finetuning adds it."""
    if "retrieval" in roles and "captioner" not in roles:
        return None
    usual = CAPTIONING if "captioner" in roles else ANSWERING
    usual = replace(usual, max_length=min(usual.max_length, positions))
    if "captioner" not in roles:
        return usual
    prompt = config.get(PREFIX)
    if prompt is None:
        prompt = PROMPT if "retrieval" not in roles else ""
    return replace(usual, prompt=prompt) if prompt else None


def _check_settings(config: Mapping[str, Any], processor: Mapping[str, Any]) -> None:
    """Check activation and resampling in a checkpoint's settings.

    Raises:
        ModelError: the settings want what BLIP doesn't do.
    """
    for part in ("vision_config", "text_config"):
        settings = config.get(part)
        said = settings.get("hidden_act", GELU) if isinstance(settings, Mapping) else GELU
        if said != GELU:
            raise ModelError(f"{CONFIG}: {part} wants {said!r} for hidden_act; BLIP has {GELU!r}.")
    if (said := processor.get("resample", BICUBIC)) != BICUBIC:
        raise ModelError(
            f"{PROCESSOR} wants images resized by PIL's filter {said!r}; BLIP's is bicubic, 3."
        )


def _normalisation(processor: Mapping[str, Any]) -> tuple[Three, Three]:
    """Mean and deviation of each channel.

    Raises:
        ModelError: they are not three numbers each, or a deviation is 0 or less.
    """
    mean, std = _three(processor, "image_mean", MEAN), _three(processor, "image_std", STD)
    if not all(value > 0 for value in std):
        raise ModelError(f"{PROCESSOR}: image_std is {std}; deviations are above 0.")
    return mean, std


def _three(processor: Mapping[str, Any], key: str, usual: Three) -> Three:
    values = processor.get(key) or usual
    try:
        red, green, blue = (float(value) for value in values)
    except (TypeError, ValueError):
        raise ModelError(f"{PROCESSOR}: {key} is {values!r}, no three numbers.") from None
    return red, green, blue


def _json(path: Path) -> dict[str, Any]:
    """Read a JSON object of settings; an empty one if there is no such file."""
    try:
        values = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ModelError(f"{path} is no JSON: {error}.") from None
    if not isinstance(values, dict):
        raise ModelError(f"{path} is no JSON object.")
    return values


def _readme(name: str, knows: str, made: str, read: Sequence[Path]) -> str:
    lines = []
    for path in read:
        with path.open("rb") as file:
            lines.append(
                f"- {path.name}, SHA-256 {hashlib.file_digest(file, 'sha256').hexdigest()}"
            )
    return (
        f"# {name}\n\nA BLIP (arXiv 2201.12086) that knows {knows}.\n\n"
        f"Made of the checkpoint {made}. Read from\n\n" + "\n".join(lines) + "\n"
    )
