from __future__ import annotations

import numpy as np
import pytest

from blipdb.errors import ModelError
from blipdb.model.graphs import build_graphs, prepare
from blipdb.model.graphs.builder import Builder
from tests.tiny import ARCHITECTURE, tiny_state

WORDS = "text_encoder.embeddings.word_embeddings.weight"
HEAD = "text_decoder.cls.predictions"


def test_weights_are_rounded_once() -> None:
    state = tiny_state()
    state[WORDS] = state[WORDS] + np.float32(1e-5)
    weights = prepare(state, ARCHITECTURE)
    assert weights[WORDS].dtype == np.float16
    again = prepare({k: v.astype(np.float32) for k, v in weights.items()}, ARCHITECTURE)
    np.testing.assert_array_equal(weights[WORDS], again[WORDS])


def test_a_missing_weight_is_named() -> None:
    state = tiny_state()
    del state[WORDS], state["itm_head.bias"]
    with pytest.raises(ModelError, match=f"2 weights are missing, the first is {WORDS}"):
        prepare(state, ARCHITECTURE)


def test_a_wrong_shape_is_named() -> None:
    state = tiny_state()
    state["itm_head.weight"] = state["itm_head.weight"][:, :8]
    with pytest.raises(ModelError, match=r"itm_head.weight has shape \(2, 8\); \(2, 32\) fits"):
        prepare(state, ARCHITECTURE)


@pytest.mark.parametrize("value", [1e6, float("nan")])
def test_a_value_that_float16_cannot_hold_is_named(value: float) -> None:
    state = tiny_state()
    state["text_proj.bias"] = np.full(16, value, np.float32)
    with pytest.raises(ModelError, match=r"text_proj.bias holds a value that float16 can't"):
        prepare(state, ARCHITECTURE)


def test_an_output_matrix_of_its_own_is_refused() -> None:
    state = tiny_state()
    state[f"{HEAD}.decoder.weight"] = state[f"{HEAD}.decoder.weight"] + 1
    with pytest.raises(ModelError, match="in BLIP they are one"):
        prepare(state, ARCHITECTURE)


def test_a_model_without_captioner_needs_no_decoder() -> None:
    state = {name: v for name, v in tiny_state().items() if not name.startswith("text_decoder")}
    weights = prepare(state, ARCHITECTURE, ("retrieval",))
    graphs = build_graphs(
        weights, ARCHITECTURE, mean=(0.5,) * 3, std=(0.5,) * 3, roles=("retrieval",)
    )
    assert graphs.keys() == {"image", "text", "rerank"}


def test_builder_stores_only_what_is_used() -> None:
    g = Builder("sum", {"a.weight": np.ones(2, np.float16), "b.weight": np.ones(3, np.float16)})
    x = g.input("x", np.float32, [2])
    total = g.add(g.add(x, g.weight("a.weight")), g.weight("a.weight"))
    g.output(g.add(g.add(total, g.number(1)), g.number(1)), "y", np.float32, [2])
    from onnx import ModelProto

    model = ModelProto.FromString(g.serialize())
    assert sorted(tensor.name for tensor in model.graph.initializer) == ["a.weight", "constant_0"]
    assert [node.op_type for node in model.graph.node].count("Cast") == 1
