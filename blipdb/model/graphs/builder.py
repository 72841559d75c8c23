"""Builder of ONNX graphs: named operations on named values."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, checker, helper, numpy_helper

OPSET = 20  # the first with Gelu
RUNTIME = "com.microsoft"  # ONNX Runtime's own operators
IR_VERSION = 9  # the one that came with opset 20: no newer ONNX Runtime is needed than for that

Array = npt.NDArray[Any]
Dim = int | str


class Builder:
    """Collects nodes, initializers, inputs and outputs; values are their names.

    Only what is used is stored: a weight becomes an initializer when a graph asks for it.
    `integer` says whether linear layers are computed in eight bits (see integers.py). `tensors` are
    initializers of another graph, which are taken as they are: of a weight that they stand for, the
    shape alone is looked at.
    """

    def __init__(
        self,
        name: str,
        weights: Mapping[str, Array],
        *,
        integer: bool = False,
        tensors: Mapping[str, TensorProto] | None = None,
    ) -> None:
        self.name = name
        self.integer = integer
        self._weights = weights
        self._tensors = tensors or {}
        self._numbers = itertools.count()  # no two values share a name, in branches neither
        self._casts: list[NodeProto] = []
        self._nodes: list[NodeProto] = []
        self._initializers: dict[str, TensorProto] = {}
        self._cast: dict[str, str] = {}
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}
        self._once: dict[object, Any] = {}
        self._inputs: list[Any] = []
        self._outputs: list[Any] = []

    # Values

    def input(self, name: str, dtype: npt.DTypeLike, shape: Sequence[Dim]) -> str:
        self._inputs.append(_describe(name, dtype, shape))
        return name

    def output(self, value: str, name: str, dtype: npt.DTypeLike, shape: Sequence[Dim]) -> None:
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(_describe(name, dtype, shape))

    def weight(self, name: str) -> str:
        """Return a weight by its Hugging Face name, as float32."""
        if name not in self._cast:
            self.keep(name)
            self._cast[name] = value = f"cast_{next(self._numbers)}"
            self._casts.append(helper.make_node("Cast", [name], [value], to=TensorProto.FLOAT))
        return self._cast[name]

    def keep(self, name: str) -> None:
        """Store a weight even where no operation needs it, so that the graphs hold all of them."""
        tensor = self._tensors.get(name)
        self._initializers[name] = (
            numpy_helper.from_array(self._weights[name], name) if tensor is None else tensor
        )

    def holds(self, name: str) -> bool:
        """Whether an initializer of this name came from another graph."""
        return name in self._tensors

    def array(self, name: str) -> Array:
        """Return a weight by its Hugging Face name as an array, to compute others from."""
        return self._weights[name]

    def store(self, name: str, array: Array) -> str:
        """Add an initializer that holds a weight in another form (see weights.py)."""
        tensor = self._tensors.get(name)
        self._initializers[name] = (
            numpy_helper.from_array(np.ascontiguousarray(array), name) if tensor is None else tensor
        )
        return name

    def constant(self, value: npt.ArrayLike, dtype: npt.DTypeLike) -> str:
        array = np.asarray(value, dtype)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            name = self._constants[key] = f"constant_{len(self._constants)}"
            self._initializers[name] = numpy_helper.from_array(array, name)
        return self._constants[key]

    def ints(self, *values: int) -> str:
        return self.constant(values, np.int64)

    def number(self, value: float) -> str:
        return self.constant(value, np.float32)

    # Operations

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add an ONNX operator with one output."""
        output = f"{kind.lower()}_{next(self._numbers)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def once(self, key: object, make: Callable[[], Any]) -> Any:
        """Return the node that `make` built when this key was first used, in this branch or an
        outer one; build it if there is none."""
        if key not in self._once:
            self._once[key] = make()
        return self._once[key]

    def choose(self, condition: str, then: Callable[[], str], otherwise: Callable[[], str]) -> str:
        """Select one of two float32 values by a bool []; only that one is computed."""
        branches = [self._branch(make) for make in (then, otherwise)]
        return self.op("If", condition, then_branch=branches[0], else_branch=branches[1])

    def _branch(self, make: Callable[[], str]) -> GraphProto:
        nodes, once = self._nodes, self._once
        self._nodes, self._once = [], dict(once)
        value = make()
        output = helper.make_tensor_value_info(value, TensorProto.FLOAT, None)
        graph = helper.make_graph(self._nodes, f"{value}_branch", [], [output])
        self._nodes, self._once = nodes, once
        return graph

    def split(self, x: str, parts: int, axis: int) -> list[str]:
        """Split into equal parts along an axis."""
        number = next(self._numbers)
        outputs = [f"split_{number}_{part}" for part in range(parts)]
        self._nodes.append(helper.make_node("Split", [x], outputs, axis=axis, num_outputs=parts))
        return outputs

    def add(self, a: str, b: str) -> str:
        return self.op("Add", a, b)

    def subtract(self, a: str, b: str) -> str:
        return self.op("Sub", a, b)

    def multiply(self, a: str, b: str) -> str:
        return self.op("Mul", a, b)

    def divide(self, a: str, b: str) -> str:
        return self.op("Div", a, b)

    def matmul(self, a: str, b: str) -> str:
        return self.op("MatMul", a, b)

    def gemm(self, x: str, weight: str, bias: str | None) -> str:
        """x [R, I] times weight [O, I] transposed, as torch keeps it, plus bias [O] -> [R, O]."""
        return self.op("Gemm", x, weight, *([] if bias is None else [bias]), transB=1)

    def softmax(self, x: str) -> str:
        return self.op("Softmax", x, axis=-1)

    def gelu(self, x: str) -> str:
        """Exact GELU, by the error function."""
        return self.op("Gelu", x)

    def layer_norm(self, x: str, name: str, eps: float) -> str:
        scale, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=eps)

    def normalize(self, x: str) -> str:
        """Scale to length 1 along the last axis, as torch does: a vector of zeros stays."""
        length = self.op("ReduceL2", x, self.ints(-1), keepdims=1)
        return self.divide(x, self.op("Max", length, self.number(1e-12)))

    def cast(self, x: str, dtype: npt.DTypeLike) -> str:
        return self.op("Cast", x, to=_onnx_type(dtype))

    def transpose(self, x: str, *order: int) -> str:
        return self.op("Transpose", x, perm=order)

    def concat(self, *parts: str, axis: int) -> str:
        return self.op("Concat", *parts, axis=axis)

    def reshape(self, x: str, *shape: int | str) -> str:
        """Reshape to numbers (0 keeps that axis, -1 is the remainder) and values [1]."""
        return self.op("Reshape", x, self.shape(*shape))

    def shape(self, *dims: int | str) -> str:
        """Make a shape as a value, from numbers and values [1]."""
        if all(isinstance(dim, int) for dim in dims):
            return self.ints(*(int(dim) for dim in dims))
        return self.concat(*(d if isinstance(d, str) else self.ints(d) for d in dims), axis=0)

    def size(self, x: str, axis: int) -> str:
        """Length of an axis, as a value [1]."""
        return self.op("Shape", x, start=axis, end=axis + 1)

    def entry(self, x: str, index: int, axis: int) -> str:
        """Remove an axis, keeping one entry (-1 is the last): [..., n, ...] -> [..., ...]."""
        return self.op("Gather", x, self.constant(index, np.int64), axis=axis)

    def slice(self, x: str, start: str, end: str, axis: int) -> str:
        """Slice from `start` to before `end`, values [1], along an axis."""
        return self.op("Slice", x, start, end, self.ints(axis))

    def squeeze(self, x: str, *axes: int) -> str:
        return self.op("Squeeze", x, self.ints(*axes))

    def unsqueeze(self, x: str, *axes: int) -> str:
        return self.op("Unsqueeze", x, self.ints(*axes))

    def where(self, condition: str, a: str, b: str) -> str:
        return self.op("Where", condition, a, b)

    # The result

    def serialize(self) -> bytes:
        """Return the model's bytes, checked by onnx."""
        graph = helper.make_graph(
            [*self._casts, *self._nodes],
            self.name,
            self._inputs,
            self._outputs,
            list(self._initializers.values()),
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(RUNTIME, 1)]
        model: ModelProto = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        model.producer_name = "blipdb"
        data = bytes(model.SerializeToString(deterministic=True))
        checker.check_model(data)  # of the bytes: a message would be serialised once more
        return data


def _onnx_type(dtype: npt.DTypeLike) -> int:
    return int(helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def _describe(name: str, dtype: npt.DTypeLike, shape: Sequence[Dim]) -> Any:
    return helper.make_tensor_value_info(name, _onnx_type(dtype), list(shape))
