"""Weights by their Hugging Face names: their list and shapes, and rounding to float16."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import ModelProto, numpy_helper

from ...errors import ModelError
from ..architecture import Architecture

Weights = Mapping[str, npt.NDArray[np.float16]]
State = Mapping[str, npt.NDArray[np.float32]]
Shape = tuple[int, ...]

INT8_MAX = 127  # the largest level of symmetric int8
ZERO_ROW_SCALE = 1e-30  # scale of a row of zeros, so that nothing is divided by 0
# A graph in eight bits stores a weight under its name, this, and its form.
FORM_SEPARATOR = " in "
COLUMN_FORM, KEY_FORM, VALUE_FORM, SCALE_FORM = "columns", "keys", "values", "scales"
THIRD_FORMS = ("third 1", "third 2", "third 3")
"""Forms of int8 levels, as products want them: columns [I, O], and thirds of these [I, O / 3]; and
by head, keys [H, O / H, I] and values [H, I, O / H]. Their scales [O] are float32."""

MED_ROLES = ("retrieval", "captioner")
"""Roles of a MED that was pretrained with all three objectives."""
MATCHING_ROLES = frozenset({"retrieval", "filter"})
"""Roles that have ITC and ITM."""
HEAD = "text_decoder.cls.predictions"
# Other names of the same tensors, as Hugging Face's state dict has them.
TIED = {
    f"{HEAD}.decoder.weight": "text_decoder.bert.embeddings.word_embeddings.weight",
    f"{HEAD}.decoder.bias": f"{HEAD}.bias",
}


def shapes(arch: Architecture, roles: Collection[str] = MED_ROLES) -> dict[str, Shape]:
    """List name and shape of every weight in the graphs of a model with these roles.

    A captioner's decoder attends to the image; an answerer's attends to the states of the question,
    which its encoder read with the image before it (BLIP, section 5.3).
    """
    by_name = _vision(arch)
    if not MATCHING_ROLES.isdisjoint(roles):
        by_name |= _linear("vision_proj", arch.embed_dim, arch.vision_width)
        by_name |= _text(arch, "text_encoder", arch.vision_width)
        by_name |= _linear("text_proj", arch.embed_dim, arch.text_width)
        by_name |= _linear("itm_head", 2, arch.text_width)
    if "captioner" in roles:
        by_name |= _decoder(arch, arch.vision_width)
    if "answerer" in roles:
        by_name |= _text(arch, "text_encoder", arch.vision_width)
        by_name |= _decoder(arch, arch.text_width)
    return by_name


def prepare(state: State, arch: Architecture, roles: Collection[str] = MED_ROLES) -> Weights:
    """Select the weights that the graphs need, and round them to float16, as an artifact keeps
    them.

    Raises:
        ModelError: a weight is missing, has another shape, isn't finite in float16, or the
            decoder's output matrix is not its word embedding.
    """
    expected = shapes(arch, roles)
    if missing := [name for name in expected if name not in state]:
        raise ModelError(f"{len(missing)} weights are missing, the first is {missing[0]}.")
    weights = {}
    for name, shape in expected.items():
        if (actual := state[name].shape) != shape:
            raise ModelError(f"{name} has shape {actual}; {shape} fits the architecture.")
        with np.errstate(over="ignore"):
            weights[name] = state[name].astype(np.float16)
        if not np.isfinite(weights[name]).all():
            raise ModelError(f"{name} holds a value that float16 can't.")
    for name, same in TIED.items():
        if same in expected and name in state and not np.array_equal(state[name], state[same]):
            raise ModelError(f"{name} differs from {same}; in BLIP they are one.")
    return weights


def quantised(
    weight: npt.NDArray[np.floating],
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """Quantise a weight [O, I] to int8 levels [O, I] and scales [O]; levels * scales approximates
    it."""
    values = weight.astype(np.float32)
    scales = np.maximum(
        np.abs(values).max(axis=1) / np.float32(INT8_MAX), np.float32(ZERO_ROW_SCALE)
    )
    return np.rint(values / scales[:, None]).astype(np.int8), scales


def state_dict(models: Iterable[bytes]) -> dict[str, npt.NDArray[np.float32]]:
    """Weights inside graphs, by name, with the tied names: the inverse of building them, but for
    the precision lost in eight bits."""
    exact: dict[str, npt.NDArray[np.float32]] = {}
    rounded: dict[str, npt.NDArray[np.float32]] = {}
    for model in models:
        tensors = {
            tensor.name: numpy_helper.to_array(tensor)
            for tensor in ModelProto.FromString(model).graph.initializer
            if "." in tensor.name  # constants have no dot in their names
        }
        for full, array in tensors.items():
            name, _, form = full.partition(FORM_SEPARATOR)
            if not form:
                exact[name] = array.astype(np.float32)
            elif form == SCALE_FORM:
                # In the usual order of memory, which safetensors takes for granted.
                rounded[name] = np.ascontiguousarray(_levels(tensors, name)) * array[:, None]
    state = rounded | exact
    return state | {name: state[same] for name, same in TIED.items() if same in state}


def _levels(tensors: Mapping[str, npt.NDArray[Any]], name: str) -> npt.NDArray[Any]:
    """Return a weight's int8 levels [O, I], from any form that a graph keeps them in."""
    forms = {
        full.removeprefix(name + FORM_SEPARATOR): array
        for full, array in tensors.items()
        if full.startswith(name + FORM_SEPARATOR)
    }
    if THIRD_FORMS[0] in forms:
        return np.concatenate([forms[third].T for third in THIRD_FORMS])
    if COLUMN_FORM in forms:
        return forms[COLUMN_FORM].T
    levels = forms[KEY_FORM] if KEY_FORM in forms else forms[VALUE_FORM].transpose(0, 2, 1)
    return levels.reshape(-1, levels.shape[-1])


def _vision(arch: Architecture) -> dict[str, Shape]:
    width, name = arch.vision_width, "vision_model.embeddings"
    by_name: dict[str, Shape] = {
        f"{name}.class_embedding": (1, 1, width),
        f"{name}.position_embedding": (1, arch.image_tokens, width),
        f"{name}.patch_embedding.weight": (width, 3, arch.patch_size, arch.patch_size),
        f"{name}.patch_embedding.bias": (width,),
    }
    for number in range(arch.vision_layers):
        layer = f"vision_model.encoder.layers.{number}"
        by_name |= _norm(f"{layer}.layer_norm1", width)
        by_name |= _linear(f"{layer}.self_attn.qkv", 3 * width, width)
        by_name |= _linear(f"{layer}.self_attn.projection", width, width)
        by_name |= _norm(f"{layer}.layer_norm2", width)
        by_name |= _linear(f"{layer}.mlp.fc1", arch.vision_mlp, width)
        by_name |= _linear(f"{layer}.mlp.fc2", width, arch.vision_mlp)
    return by_name | _norm("vision_model.post_layernorm", width)


def _decoder(arch: Architecture, source: int) -> dict[str, Shape]:
    """Text transformer that attends to `source` features, and its head."""
    by_name = _text(arch, "text_decoder.bert", source)
    by_name |= _linear(f"{HEAD}.transform.dense", arch.text_width, arch.text_width)
    by_name |= _norm(f"{HEAD}.transform.LayerNorm", arch.text_width)
    by_name[f"{HEAD}.bias"] = (arch.vocab_size,)
    return by_name


def _text(arch: Architecture, model: str, source: int) -> dict[str, Shape]:
    width = arch.text_width
    by_name: dict[str, Shape] = {
        f"{model}.embeddings.word_embeddings.weight": (arch.vocab_size, width),
        f"{model}.embeddings.position_embeddings.weight": (arch.max_positions, width),
    }
    by_name |= _norm(f"{model}.embeddings.LayerNorm", width)
    for number in range(arch.text_layers):
        layer = f"{model}.encoder.layer.{number}"
        by_name |= _attention(f"{layer}.attention", width, width)
        by_name |= _attention(f"{layer}.crossattention", width, source)
        by_name |= _linear(f"{layer}.intermediate.dense", arch.text_mlp, width)
        by_name |= _linear(f"{layer}.output.dense", width, arch.text_mlp)
        by_name |= _norm(f"{layer}.output.LayerNorm", width)
    return by_name


def _attention(name: str, width: int, source: int) -> dict[str, Shape]:
    return (
        _linear(f"{name}.self.query", width, width)
        | _linear(f"{name}.self.key", width, source)
        | _linear(f"{name}.self.value", width, source)
        | _linear(f"{name}.output.dense", width, width)
        | _norm(f"{name}.output.LayerNorm", width)
    )


def _linear(name: str, outputs: int, inputs: int) -> dict[str, Shape]:
    return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}


def _norm(name: str, width: int) -> dict[str, Shape]:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}
