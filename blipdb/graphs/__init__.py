"""ONNX graphs of BLIP, built from weights with Hugging Face's names rather than traced.

Every graph is what its file says: `image`, `text`, `rerank` and `caption`. Their weights are
initializers in float16 under their own names, cast to float32, which ONNX Runtime folds when it
loads the graph. All operators are ONNX's own (opset 20).
"""

from __future__ import annotations

from collections.abc import Callable

from blipdb.architecture import Architecture

from . import caption, image, rerank, text
from .weights import Weights, prepare, state_dict

__all__ = ["Weights", "build_graphs", "prepare", "state_dict"]


def build_graphs(
    weights: Weights,
    arch: Architecture,
    *,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    captioner: bool = True,
    absorbed: bool = True,
) -> dict[str, bytes]:
    """All graphs of a model, serialised, by name: image, text, rerank and caption.

    `weights` come from `prepare`; `mean` and `std` are per channel, of pixels in 0 to 1.
    `absorbed` chooses how cross-attention is computed (see `layers.AbsorbedAttention`).
    """
    builders: dict[str, Callable[[], bytes]] = {
        "image": lambda: image.build(weights, arch, mean, std),
        "text": lambda: text.build(weights, arch),
        "rerank": lambda: rerank.build(weights, arch, absorbed=absorbed),
    }
    if captioner:
        builders["caption"] = lambda: caption.build(weights, arch, absorbed=absorbed)
    return {name: build() for name, build in builders.items()}
