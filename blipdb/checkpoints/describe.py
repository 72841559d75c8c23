"""The architecture of a checkpoint, from the shapes of its weights.

A configuration beside the weights says less and may be wrong: Hugging Face's defaults differ from
the paper in the number of text heads (8, not 12) and in the vision transformer's layer-norm epsilon
(1e-5, not 1e-6), and published configurations took both over (huggingface/transformers#22625). So
the epsilons are the paper's, and where a width is BLIP's own, so are the heads; a model of other
widths has as many heads as its configuration says, else heads of 64 features.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ModelError
from ..model.architecture import Architecture, ArchitectureError
from .kinds import HEADS
from .names import layers

HEAD_WIDTH = 64
OWN_WIDTHS = (768, 1024)  # of ViT-B and BERT, and of ViT-L
EMBED_DIM = 256  # of ITC's vectors, which captioners and answerers have none of
ENCODER, DECODER = "text_encoder", "text_decoder.bert"


def describe(
    state: Mapping[str, npt.NDArray[np.float32]], config: Mapping[str, Any] | None = None
) -> Architecture:
    """Sizes of the checkpoint with these weights, under their Hugging Face names.

    Raises:
        ModelError: a weight that every BLIP has is missing or has another number of axes, or the
            sizes don't fit together.
    """

    def shape(name: str, axes: int = 2) -> tuple[int, ...]:
        if name not in state:
            raise ModelError(f"The weight {name} is missing.")
        if len(found := state[name].shape) != axes:
            raise ModelError(f"The weight {name} has shape {found}; {axes} axes are wanted.")
        return found

    text = ENCODER if f"{ENCODER}.embeddings.word_embeddings.weight" in state else DECODER
    vision_width, _, patch, _ = shape("vision_model.embeddings.patch_embedding.weight", 4)
    tokens = shape("vision_model.embeddings.position_embedding", 3)[1]
    vocabulary, text_width = shape(f"{text}.embeddings.word_embeddings.weight")
    config = config or {}
    embed_dim = config.get("image_text_hidden_size", EMBED_DIM)
    if any(name.startswith(HEADS) for name in state):
        embed_dim = shape("text_proj.weight")[0]
    try:
        return Architecture(
            image_size=math.isqrt(max(0, tokens - 1)) * patch,
            patch_size=patch,
            vision_width=vision_width,
            vision_layers=layers(state, "vision_model.encoder.layers."),
            vision_heads=_heads(config.get("vision_config"), vision_width),
            vision_mlp=shape("vision_model.encoder.layers.0.mlp.fc1.weight")[0],
            vocab_size=vocabulary,
            text_width=text_width,
            text_layers=layers(state, f"{text}.encoder.layer."),
            text_heads=_heads(config.get("text_config"), text_width),
            text_mlp=shape(f"{text}.encoder.layer.0.intermediate.dense.weight")[0],
            max_positions=shape(f"{text}.embeddings.position_embeddings.weight")[0],
            embed_dim=embed_dim,
        )
    except ArchitectureError as error:
        raise ModelError(f"The checkpoint's sizes don't fit together: {error}.") from None


def _heads(config: object, width: int) -> int:
    said = config.get("num_attention_heads") if isinstance(config, Mapping) else None
    if width in OWN_WIDTHS or not isinstance(said, int):
        return max(1, width // HEAD_WIDTH)
    return said
