"""Products in eight bits whose results depend on nothing but their own row.

Activations are uint8 levels around 128 with a scale per row, found as the graph runs; weights are
int8 levels with a scale per output, which is how the graph keeps them. The product of levels is
exact, in int32. One scale for a whole tensor, as `quantize_dynamic` has it, would make a result
depend on the batch around it.

uint8 by int8 is what processors with VNNI multiply four times as fast as float32. On x86 processors
without it ONNX Runtime's product of these types saturates: `unsigned` makes a graph of the same
numbers that is slower there, and right.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from .builder import RUNTIME, Builder
from .weights import (
    COLUMN_FORM,
    FORM_SEPARATOR,
    INT8_MAX,
    KEY_FORM,
    SCALE_FORM,
    THIRD_FORMS,
    quantised,
)

UINT8_ZERO = 128  # the level of 0 where values have both signs
UINT8_MAX = 255  # the largest level where none is negative
PRODUCT = "MatMulIntegerToFloat"


class Levels(NamedTuple):
    """uint8 or int8 values, and float32 scales of their rows, or of their columns."""

    values: str
    scales: str


def quantised_rows(g: Builder, x: str) -> Levels:
    """float32 [R, I] -> uint8 levels around 128 [R, I], scales [R] (0 of a row of zeros)."""

    def make() -> Levels:
        # Read twice rather than written once: rows may be so many that they leave the cache.
        high = g.op("ReduceMax", x, g.ints(-1), keepdims=0)
        low = g.op("ReduceMin", x, g.ints(-1), keepdims=0)
        peak = g.op("Max", high, g.op("Neg", low))
        return _rounded(g, x, g.multiply(peak, g.number(1 / INT8_MAX)), UINT8_ZERO)

    levels: Levels = g.once(("rows", x), make)
    return levels


def quantised_shares(g: Builder, x: str) -> Levels:
    """float32 [R, I], none negative -> uint8 levels [R, I] from 0 on, scales [R]."""
    peak = g.op("ReduceMax", x, g.ints(-1), keepdims=0)
    return _rounded(g, x, g.multiply(peak, g.number(1 / UINT8_MAX)), 0)


def quantised_weight(g: Builder, name: str) -> Levels:
    """A weight [O, I] by its Hugging Face name -> int8 levels [I, O], scales [O]."""
    levels, scales = _quantised(g, name)
    return Levels(_stored(g, name, COLUMN_FORM, levels.T), scales)


def quantised_thirds(g: Builder, name: str) -> list[Levels]:
    """A weight [3 * O, I] -> int8 levels [I, O] and scales [O] of each third."""
    levels, scales = _quantised(g, name)
    parts = zip(THIRD_FORMS, np.split(levels, 3), g.split(scales, 3, axis=0), strict=True)
    return [Levels(_stored(g, name, form, part.T), scale) for form, part, scale in parts]


def quantised_heads(g: Builder, name: str, form: str, count: int) -> Levels:
    """A weight [H * dh, I] by head, as keys [H, dh, I] or values [H, I, dh]; scales [H * dh]."""
    levels, scales = _quantised(g, name)
    heads = levels.reshape(count, -1, levels.shape[1])
    return Levels(
        _stored(g, name, form, heads if form == KEY_FORM else heads.transpose(0, 2, 1)), scales
    )


def _quantised(g: Builder, name: str) -> tuple[npt.NDArray[np.int8], str]:
    """int8 levels [O, I], and the name of their scales [O]."""

    def make() -> tuple[npt.NDArray[np.int8], str]:
        weight, stored = g.array(name), f"{name}{FORM_SEPARATOR}{SCALE_FORM}"
        if g.holds(stored):
            return np.broadcast_to(np.int8(0), weight.shape), g.store(stored, np.zeros(0))
        levels, scales = quantised(weight)
        return levels, g.store(stored, scales)

    result: tuple[npt.NDArray[np.int8], str] = g.once(("levels", name), make)
    return result


def _stored(g: Builder, name: str, form: str, levels: npt.NDArray[np.int8]) -> str:
    return str(
        g.once(("form", name, form), lambda: g.store(f"{name}{FORM_SEPARATOR}{form}", levels))
    )


def integer_linear(g: Builder, x: str, weight: Levels, bias: str | None) -> str:
    """Rows x [R, I] times weight, levels [I, O] and scales [O], plus bias [O] -> [R, O]."""
    rows = quantised_rows(g, x)
    scaled = g.multiply(product(g, rows.values, *weight), g.unsqueeze(rows.scales, -1))
    return scaled if bias is None else g.add(scaled, bias)


def product(
    g: Builder, left: str, right: str, scales: str | None = None, *, middle: int = UINT8_ZERO
) -> str:
    """uint8 levels around `middle` [..., R, I] times int8 levels [..., I, O] -> float32
    [..., R, O], with a scale for each column, [O] or [..., 1, O].

    The operator is ONNX Runtime's own: an integer product, the cast and the scales in one, while a
    tile is still in the cache.
    """
    one, zero = g.number(1), g.constant(middle, np.uint8)
    return g.op(PRODUCT, left, right, one, scales or one, zero, domain=RUNTIME)


def _rounded(g: Builder, x: str, scales: str, middle: int) -> Levels:
    zeros = g.op("Expand", g.constant(middle, np.uint8), g.op("Shape", scales))
    return Levels(g.op("QuantizeLinear", x, scales, zeros, axis=0), scales)


def unsigned(data: bytes) -> bytes:
    """A serialised graph whose integer products are all of uint8 by uint8, with the same results.

    Those are what processors without VNNI multiply without saturating.
    """
    model = ModelProto.FromString(data)
    model.graph.initializer.extend(
        numpy_helper.from_array(np.array(value, dtype), name)
        for name, value, dtype in (
            ("unsigned_shift", UINT8_ZERO, np.int32),
            ("unsigned_middle", UINT8_ZERO, np.uint8),
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
