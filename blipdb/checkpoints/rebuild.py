"""The same model, computing otherwise: its weights in other graphs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..artifact import Artifact, digests
from ..compute import Compute
from ..graphs import build_graphs, prepare


def rebuild(artifact: Artifact, out: Path, compute: Compute) -> Artifact:
    """Write an artifact with the same weights, name and texts, whose graphs compute as ``compute``
    says, into ``out``, in the place of a model that is there.

    Raises:
        ArchitectureError: it would store as many image tokens as the model has, or more.
        ModelError: a file of the artifact was altered, or ``out`` holds something that is no model.
    """
    old = artifact.manifest
    weights = prepare(artifact.state_dict(), old.architecture, old.roles)
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
