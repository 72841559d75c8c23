"""The same model with other graphs: another precision, or merged tokens."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ..errors import ModelError
from ..model.artifact import Artifact, digests
from ..model.compute import Compute
from ..model.graphs import build_graphs, prepare
from ..model.graphs.weights import State, Weights


def rebuild(artifact: Artifact, out: Path, compute: Compute) -> Artifact:
    """Write an artifact with the same weights, name and texts, whose graphs compute as ``compute``
    says, into ``out``, in the place of a model that is there.

    Raises:
        ArchitectureError: it would store as many image tokens as the model has, or more.
        ModelError: float32 is wanted of weights that were rounded to eight bits; a file of the
            artifact was altered, or ``out`` holds something that is no model.
    """
    old = artifact.manifest
    if old.compute.integer and not compute.integer:
        raise ModelError(
            f"The weights of {old.name} were rounded to eight bits, and float32 would not bring "
            "them back.",
            "Add it from where it came, with: --precision fp32",
        )
    state = artifact.state_dict()
    weights = prepare(state, old.architecture, old.roles)
    if old.compute.integer:  # as they are: float16 would move their levels
        weights = {**weights, **_rounded_to_bytes(state, weights)}
    built = build_graphs(
        weights,
        old.architecture,
        mean=old.image.mean,
        std=old.image.std,
        roles=old.roles,
        compute=compute,
        max_tokens=old.max_tokens,
    )
    graphs = {graph: f"{graph}.onnx" for graph in built}
    kept = {file for file in old.files if file not in old.graphs.values()}
    files = {file: artifact.read(file) for file in sorted(kept)}
    files |= {graphs[graph]: data for graph, data in built.items()}
    manifest = replace(old, graphs=graphs, files=digests(files), compute=compute)
    return Artifact.replace(out, manifest, files)


def _rounded_to_bytes(state: State, weights: Weights) -> dict[str, npt.NDArray[Any]]:
    """Weights that an artifact does not keep in float16."""
    return {name: state[name] for name, kept in weights.items() if (state[name] != kept).any()}
