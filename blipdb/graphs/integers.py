"""Products in eight bits whose results depend on nothing but their own row.

Activations are uint8 levels around 128 with a scale per row, found as the graph runs; weights are
int8 levels with a scale per output, which ONNX Runtime folds when it loads the graph: like any
other graph, the file keeps them as float16. The product of levels is exact, in int32. One scale for
a whole tensor, as `quantize_dynamic` has it, would make a result depend on the batch around it.

uint8 by int8 is what processors with VNNI multiply four times as fast as float32. On x86 processors
without it ONNX Runtime's product of these types saturates: `unsigned` makes a graph of the same
numbers that is slower there, and right.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from .builder import RUNTIME, Builder

LARGEST = 127  # level of symmetric int8
MIDDLE = 128  # the level of 0 in uint8
MOST = 255  # level of uint8, of what is never negative
TINY = 1e-30  # a weight's row of zeros has this scale, as nothing is divided by 0
PRODUCT = "MatMulIntegerToFloat"


class Levels(NamedTuple):
    """values: uint8 or int8 [..., R, I]; scales: float32 [..., R, 1]."""

    values: str
    scales: str


def quantised_rows(g: Builder, x: str) -> Levels:
    """float32 [R, I] -> uint8 levels around 128 [R, I], scales [R, 1] (0 of a row of zeros)."""

    def make() -> Levels:
        # Read twice rather than written once: rows may be so many that they leave the cache.
        high = g.op("ReduceMax", x, g.ints(-1), keepdims=1)
        low = g.op("ReduceMin", x, g.ints(-1), keepdims=1)
        peak = g.op("Max", high, g.op("Neg", low))
        return _rounded(g, x, g.multiply(peak, g.number(1 / LARGEST)), MIDDLE)

    found: Levels = g.once(("rows", x), make)
    return found


def quantised_shares(g: Builder, x: str) -> Levels:
    """float32 [R, I], none negative -> uint8 levels [R, I] from 0 on, scales [R, 1]."""
    peak = g.op("ReduceMax", x, g.ints(-1), keepdims=1)
    return _rounded(g, x, g.multiply(peak, g.number(1 / MOST)), 0)


def quantised_weight(g: Builder, weight: str) -> Levels:
    """float32 [..., O, I], a constant -> int8 levels [..., O, I], scales [..., O, 1]."""

    def make() -> Levels:
        peak = g.op("ReduceMax", g.op("Abs", weight), g.ints(-1), keepdims=1)
        scales = g.op("Max", g.divide(peak, g.number(LARGEST)), g.number(TINY))
        return Levels(g.cast(g.op("Round", g.divide(weight, scales)), np.int8), scales)

    found: Levels = g.once(("weight", weight), make)
    return found


def integer_linear(g: Builder, x: str, weight: str, bias: str | None) -> str:
    """Rows x [R, I] times weight [O, I] transposed, plus bias [O] -> [R, O]."""
    rows, outputs = quantised_rows(g, x), quantised_weight(g, weight)
    right = g.transpose(outputs.values, 1, 0)
    summed = product(g, rows.values, right, g.reshape(outputs.scales, -1))
    scaled = g.multiply(summed, rows.scales)
    return scaled if bias is None else g.add(scaled, bias)


def product(
    g: Builder, left: str, right: str, scales: str | None = None, *, middle: int = MIDDLE
) -> str:
    """uint8 levels around `middle` [..., R, I] times int8 levels [..., I, O] -> float32
    [..., R, O], with a scale for each column, [O] or [..., 1, O].

    The operator is ONNX Runtime's own: an integer product, the cast and the scales in one, while a
    tile is still in the cache.
    """
    one, zero = g.number(1), g.constant(middle, np.uint8)
    return g.op(PRODUCT, left, right, one, scales or one, zero, domain=RUNTIME)


def _rounded(g: Builder, x: str, scales: str, middle: int) -> Levels:
    flat = g.reshape(scales, -1)
    zeros = g.op("Expand", g.constant(middle, np.uint8), g.op("Shape", flat))
    return Levels(g.op("QuantizeLinear", x, flat, zeros, axis=0), scales)


def unsigned(data: bytes) -> bytes:
    """A serialised graph whose integer products are all of uint8 by uint8, with the same results.

    Those are what processors without VNNI multiply without saturating.
    """
    model = ModelProto.FromString(data)
    model.graph.initializer.extend(
        numpy_helper.from_array(np.array(value, dtype), name)
        for name, value, dtype in (
            ("unsigned_shift", MIDDLE, np.int32),
            ("unsigned_middle", MIDDLE, np.uint8),
        )
    )
    _shift(model.graph)
    return bytes(model.SerializeToString(deterministic=True))


def _shift(graph: GraphProto) -> None:
    nodes: list[NodeProto] = []
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                _shift(attribute.g)
        if node.op_type == PRODUCT:
            right, name = node.input[1], f"{node.output[0]}_right"
            nodes += [
                helper.make_node("Cast", [right], [f"{name}_wide"], to=TensorProto.INT32),
                helper.make_node("Add", [f"{name}_wide", "unsigned_shift"], [f"{name}_shifted"]),
                helper.make_node("Cast", [f"{name}_shifted"], [name], to=TensorProto.UINT8),
            ]
            node.input[1] = name
            node.input.append("unsigned_middle")
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
