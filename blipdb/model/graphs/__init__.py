"""ONNX graphs of BLIP, built from weights with Hugging Face's names rather than traced.

Every graph is what its file says: `image`; `text` and `rerank` for retrieval, and for a filter;
`caption` for a captioner; `question` and `answer` for an answerer. Their weights are initializers
in float16 under their own names, cast to float32, which ONNX Runtime folds when it loads the graph.
Operators are ONNX's own (opset 20), and two of ONNX Runtime's, named in layers.py and integers.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
from onnx import ModelProto

from ..architecture import Architecture
from ..compute import EXACT, Compute
from . import answer, caption, image, question, rerank, text
from .weights import MATCHING_ROLES, MED_ROLES, Weights, prepare, shapes, state_dict

__all__ = ["Weights", "build_graphs", "build_pairs", "prepare", "state_dict"]


def build_graphs(
    weights: Weights,
    arch: Architecture,
    *,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    roles: Collection[str] = MED_ROLES,
    compute: Compute = EXACT,
    max_tokens: int | None = None,
    absorbed: bool | None = None,
) -> dict[str, bytes]:
    """Build all graphs of a model with these roles, serialised, by name.

    `weights` come from `prepare`; `mean` and `std` are per channel, of pixels in 0 to 1.
    `max_tokens` is how long a text may be, with its first and last token (None: as many as there
    are positions). `absorbed` fixes how cross-attention is computed (see cross.py), which else is
    chosen by the text's length.
    """
    retrieves = not MATCHING_ROLES.isdisjoint(roles)
    builders: dict[str, Callable[[], bytes]] = {
        "image": lambda: image.build(weights, arch, mean, std, compute=compute, itc=retrieves)
    }
    if retrieves:
        builders["text"] = lambda: text.build(weights, arch, compute)
        builders["rerank"] = lambda: rerank.build(
            weights, arch, compute, max_tokens=max_tokens, absorbed=absorbed
        )
    if "captioner" in roles:
        builders["caption"] = lambda: caption.build(weights, arch, compute, absorbed=absorbed)
    if "answerer" in roles:
        builders["question"] = lambda: question.build(
            weights, arch, compute, max_tokens=max_tokens, absorbed=absorbed
        )
        builders["answer"] = lambda: answer.build(weights, arch, compute)
    return {name: build() for name, build in builders.items()}


def build_pairs(
    rerank_graph: bytes, arch: Architecture, compute: Compute, max_tokens: int
) -> bytes:
    """Build the graph of pairs, serialised, from a rerank graph's own weights, bit for bit.

    It computes in another order. Artifacts need not hold the weights twice, and those that are
    registered need not change.
    """
    source = ModelProto.FromString(rerank_graph)
    tensors = {
        tensor.name: tensor
        for tensor in source.graph.initializer
        if "." in tensor.name  # constants have no dot in their names
    }
    names = shapes(arch, ("filter",)).items()
    weights = {name: np.broadcast_to(np.float16(0), shape) for name, shape in names}
    return rerank.build(weights, arch, compute, max_tokens=max_tokens, pairs=True, tensors=tensors)
