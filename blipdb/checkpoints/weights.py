"""Reading of weights: safetensors, whole or in shards, and torch's pickles as data alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import ml_dtypes  # noqa: F401 - teaches numpy bfloat16; onnx brings it
import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open

from ..errors import ModelError, SetupError

State = dict[str, npt.NDArray[np.float32]]

SAFETENSORS, PICKLE = "model.safetensors", "pytorch_model.bin"
WHOLE = (SAFETENSORS, f"{SAFETENSORS}.index.json", PICKLE, f"{PICKLE}.index.json")
"""Files of a folder's weights; the first that exists is read."""
INDEX_SUFFIX = ".index.json"  # of a list of shards
SUFFIXES = (".safetensors", ".pth", ".bin", ".pt")
NUMBERS = ("F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL")


def read_state(path: Path) -> State:
    """Read every weight of a file, or of a folder's files, as float32, under its name there.

    A pickle (``.pth``, ``.bin``) is read by torch with ``weights_only``: it may hold tensors and
    plain containers, and nothing of it is run. safetensors are read without torch.

    Raises:
        ModelError: there is no such file; it is truncated, no file of weights, or a shard is gone.
        SetupError: a pickle, and torch is not installed.
    """
    index, files = _found(path)
    state: State = {}
    for file in files:
        state |= _read_file(file)
    if index is not None and (missing := sorted(_places(index).keys() - state.keys())):
        raise ModelError(
            f"{len(missing)} weights of {index.name} are in no shard, as {missing[0]}."
        )
    return state


def weight_files(path: Path) -> list[Path]:
    """Files that `read_state` reads. Raises as it does where there are none."""
    return _found(path)[1]


def _found(path: Path) -> tuple[Path | None, list[Path]]:
    """Index, where weights are in shards, and the files that hold them."""
    if not path.is_dir():
        return None, [path]
    for name in WHOLE:
        if (path / name).exists():
            if not name.endswith(INDEX_SUFFIX):
                return None, [path / name]
            index = path / name
            return index, [path / shard for shard in sorted(set(_places(index).values()))]
    raise ModelError(
        f"{path} holds no weights: looked for {', '.join(WHOLE)}.",
        "Name the folder of a checkpoint, or its file.",
    )


def _places(index: Path) -> Mapping[str, str]:
    """Read the shard of each weight from an index."""
    try:
        places: Mapping[str, str] = json.loads(index.read_bytes())["weight_map"]
        outside = [shard for shard in places.values() if Path(shard).name != shard]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{index} is no index of shards: {error!r}.") from None
    if outside:
        raise ModelError(f"{index} names a file outside its folder: {outside[0]!r}.")
    return places


def _read_file(path: Path) -> State:
    if not path.is_file():
        raise ModelError(f"{path} is not there.", "Name a checkpoint's folder or file.")
    if path.suffix not in SUFFIXES:
        raise ModelError(f"{path} is no file of weights: they end in {', '.join(SUFFIXES)}.")
    if path.suffix != ".safetensors":
        return _read_pickle(path)
    try:
        with safe_open(path, framework="numpy") as file:
            return {name: _read_one(file, name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ModelError(
            f"{path} can't be read: {error}.", "It may be cut short: fetch it again."
        ) from None


def _read_one(file: Any, name: str) -> npt.NDArray[np.float32]:
    kind = file.get_slice(name).get_dtype()
    if kind not in NUMBERS:
        raise ModelError(f"The weight {name} is {kind}; {', '.join(NUMBERS)} are read.")
    value: npt.NDArray[np.float32] = file.get_tensor(name).astype(np.float32, copy=False)
    return value


def _read_pickle(path: Path) -> State:
    try:
        import torch
    except ImportError:
        raise SetupError(
            f"{path.name} is a file of torch's, and torch is not installed.",
            "Install it (pip install torch), or name a safetensors file.",
        ) from None
    import pickle

    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, OSError) as error:
        first = str(error).strip().split("\n", 1)[0]
        raise ModelError(
            f"{path} can't be read as weights: {first}",
            "It is cut short, or holds more than tensors; nothing in it was run.",
        ) from None
    while isinstance(found, dict) and isinstance(found.get("model"), dict):
        found = found["model"]  # Salesforce's files hold the weights beside the optimiser's
    if not isinstance(found, dict):
        raise ModelError(f"{path} holds a {type(found).__name__}, no weights by name.")
    tensors = {name: value for name, value in found.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        keys = ", ".join(map(str, sorted(found, key=str)[:5])) or "nothing"
        raise ModelError(f"{path} holds no weights by name; it has {keys}.")
    return {name: value.detach().to(torch.float32).numpy() for name, value in tensors.items()}
