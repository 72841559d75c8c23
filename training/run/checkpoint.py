"""Checkpoints, from which a run is resumed exactly, and weights for other programs.

Each file is written beside its path and renamed: a kill leaves the old one or the new one, never a
part.
"""

from __future__ import annotations

import fcntl
import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from blipdb.model.artifact import Artifact

CHECKPOINT = "checkpoint.pt"
WEIGHTS = "weights.safetensors"
LOCK = ".lock"


class CheckpointError(RuntimeError):
    """A checkpoint that doesn't belong to this run."""


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the folder's lock, which the system frees however this process ends.

    Raises:
        CheckpointError: another process trains there.
    """
    with (folder / LOCK).open("w") as file:
        try:
            # Unlike flock's, it is not inherited: workers that outlive a killed run don't hold it.
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CheckpointError(
                f"another process trains in {folder}; end it, or give another --out"
            ) from None
        yield


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write` with a path beside `path`, then rename it into place, durably."""
    beside = path.with_name(f".{path.name}.partial")
    write(beside)
    with beside.open("rb+") as file:
        os.fsync(file.fileno())
    os.replace(beside, path)


def write_json(path: Path, value: Any) -> None:
    write_atomically(path, lambda beside: beside.write_text(json.dumps(value, indent=2) + "\n"))


def save_checkpoint(
    folder: Path, model: nn.Module, optimiser: torch.optim.Optimizer, step: int, run: str
) -> None:
    """Save all that the next step needs. `run` identifies the configuration."""
    state = {
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "step": step,
        "run": run,
    }
    write_atomically(folder / CHECKPOINT, lambda beside: torch.save(state, beside))


def load_checkpoint(
    folder: Path, model: nn.Module, optimiser: torch.optim.Optimizer, run: str
) -> int:
    """Restore model and optimiser; returns the number of steps already made, 0 without checkpoint.

    Raises:
        CheckpointError: the checkpoint was made by another configuration.
    """
    path = folder / CHECKPOINT
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    if state["run"] != run:
        raise CheckpointError(
            f"{path} belongs to another configuration; give another --out or remove the folder"
        )
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])


def save_weights(path: Path, model: nn.Module) -> None:
    """Save the whole state dict as float32 safetensors; shared tensors under each name."""
    tensors = {name: t.detach().to("cpu", copy=True) for name, t in model.state_dict().items()}
    write_atomically(path, lambda beside: save_file(tensors, beside))


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the state dict of a run's weights.safetensors, or of an artifact's folder (float16's
    values).

    Raises:
        ModelError: the folder is no artifact, or a file of it is altered.
    """
    if not path.is_dir():
        return load_file(path)
    weights = Artifact.open(path).state_dict()
    return {name: torch.from_numpy(value) for name, value in weights.items()}


POSITIONS = "vision_model.embeddings.position_embedding"


def load_weights(path: Path, model: nn.Module) -> None:
    """Load `read_weights` into `model`, whose own sharing stays as it is. Position embeddings of
    another image size are interpolated.

    Raises:
        CheckpointError: they are another architecture's.
    """
    weights = read_weights(path)
    if POSITIONS in weights and POSITIONS in (own := model.state_dict()):
        weights[POSITIONS] = resize_positions(weights[POSITIONS], own[POSITIONS].shape[1])
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise CheckpointError(f"the weights of {path} don't fit this model: {error}") from error


def resize_positions(positions: Tensor, count: int) -> Tensor:
    """[1, 1 + n * n, D] -> [1, count, D], as in BLIP: bicubic, but for the first, [CLS]."""
    if positions.shape[1] == count:
        return positions
    first, grid = positions[:, :1], positions[:, 1:]
    old, new = math.isqrt(grid.shape[1]), math.isqrt(count - 1)
    planes = grid.reshape(1, old, old, -1).permute(0, 3, 1, 2)
    planes = F.interpolate(planes, size=(new, new), mode="bicubic", align_corners=False)
    return torch.cat([first, planes.flatten(2).transpose(1, 2)], dim=1)
