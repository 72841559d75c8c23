"""The least cost of a computation: its operations, and how fast this machine does them."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from blipdb.model.architecture import Architecture
from blipdb.model.graphs.builder import Builder
from blipdb.model.graphs.integers import PRODUCT
from blipdb.model.runtime import open_graph

HEAD = 64  # the width of a base model's head
KINDS = {
    "ReduceMax": "scales of rows", "ReduceMin": "scales of rows", "Max": "scales of rows",
    "Neg": "scales of rows", "Expand": "scales of rows",
    "QuantizeLinear": "rounding to levels", "Mul": "scales, biases and residuals",
    "Add": "scales, biases and residuals", "Softmax": "softmax", "Gelu": "GELU",
    "LayerNormalization": "LayerNorm", "Transpose": "transposing",
}  # fmt: skip
SHAPES = (
    (96, 768, 768),
    (192, 768, 768),
    (192, 768, 3072),
    (576, 768, 768),
)  # rows, inputs, outputs


class Peaks(NamedTuple):
    """Of one core: operations (a multiplication and an addition are two) and bytes per second."""

    int8: float
    fp32: float
    memory: float


def peaks() -> Peaks:
    """The quickest products of ONNX Runtime's, of sizes that fit the cache; and reading through
    memory that doesn't. Each sustained for half a second."""
    fp32, int8 = (max(_speed(*shape, integer) for shape in SHAPES) for integer in (False, True))
    large = np.ones(1 << 26, np.int64)
    return Peaks(int8, fp32, large.nbytes / _sustained(large.sum))


def _speed(rows: int, inputs: int, outputs: int, integer: bool) -> float:
    rng = np.random.default_rng(0)
    g = Builder("peak", {})
    if integer:
        weight = rng.integers(-127, 128, (inputs, outputs))
        x = rng.integers(0, 256, (rows, inputs)).astype(np.uint8)
        name = g.input("x", np.uint8, ["rows", inputs])
        y = g.op("MatMulInteger", name, g.constant(weight, np.int8), g.constant(128, np.uint8))
        g.output(y, "y", np.int32, ["rows", outputs])
    else:
        x = rng.standard_normal((rows, inputs)).astype(np.float32)
        name = g.input("x", np.float32, ["rows", inputs])
        y = g.matmul(name, g.constant(rng.standard_normal((inputs, outputs)), np.float32))
        g.output(y, "y", np.float32, ["rows", outputs])
    session = open_graph(g.serialize(), 1)
    return 2 * rows * inputs * outputs / _sustained(lambda: session.run(None, {"x": x}))


def _sustained(call: Callable[[], object], seconds: float = 0.5) -> float:
    """Seconds of a call, of as many as there is time for."""
    call()
    count, begin = 0, time.perf_counter()
    while time.perf_counter() < begin + seconds:
        call()
        count += 1
    return (time.perf_counter() - begin) / count


def shares(data: bytes, inputs: Mapping[str, npt.NDArray[Any]]) -> dict[str, float]:
    """Return the shares of a graph's time by operation, as ONNX Runtime counts them."""
    with tempfile.TemporaryDirectory() as folder:
        session = open_graph(data, 1, profile=f"{folder}/profile")
        for _ in range(5):
            session.run(None, dict(inputs))
        events = json.loads(Path(session.end_profiling()).read_text())
    found: dict[str, float] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            kind = _kind(event["args"])
            found[kind] = found.get(kind, 0.0) + event["dur"]
    whole = sum(found.values())
    return {kind: found[kind] / whole for kind in sorted(found, key=lambda k: -found[k])}


def _kind(node: Mapping[str, Any]) -> str:
    name = node["op_name"]
    if name == PRODUCT:
        # A weight that is packed has no shape; one by head has a head's width as one of its sides.
        right = next(iter(node["input_type_shape"][1].values()))
        of_weights = len(right) < 3 or HEAD in right[1:]
        return "products with weights" if of_weights else "products with tokens"
    return KINDS.get(name, "the rest")


def rerank_operations(arch: Architecture, count: int, length: int, images: int) -> float:
    """Of one text of `length` tokens and `images` images of `count` tokens, absorbed: what equals
    for all images once, and of the last layer the first token alone."""
    d, s, heads = arch.text_width, arch.vision_width, arch.text_heads
    queries = d * d + d * s  # of a token, for cross-attention
    looking = 2 * heads * count * s
    rest = d * s + d * d + 2 * d * arch.text_mlp  # values, output, feed-forward
    own = 2 * d * d  # query and output of self-attention
    both = 2 * d * d  # keys and values of self-attention
    words = 2 * length * d  # shares and sums of self-attention
    first = length * (own + both + words + queries)  # once
    middle = (arch.text_layers - 2) * length * (own + both + words + queries + looking + rest)
    last = length * both + own + words + queries + looking + rest
    per_image = length * (looking + rest) + middle + last
    return 2.0 * (first + images * per_image)


def rerank_weights(arch: Architecture) -> float:
    """Bytes of int8 weights that a rerank reads."""
    d, s = arch.text_width, arch.vision_width
    return arch.text_layers * (6.0 * d * d + 2 * d * s + 2 * d * arch.text_mlp)


def image_seconds(arch: Architecture, peaks: Peaks) -> float:
    """Of one image's products: layers in int8, patches and attention in float32."""
    n, d = arch.image_tokens, arch.vision_width
    layers = arch.vision_layers * n * (4 * d * d + 2 * d * arch.vision_mlp)
    attention = arch.vision_layers * 2 * n * n * d
    patches = n * d * 3 * arch.patch_size**2
    return 2 * (layers / peaks.int8 + (attention + patches) / peaks.fp32)
