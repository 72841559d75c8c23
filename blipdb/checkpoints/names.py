"""One set of names for every weight: Hugging Face's.

Salesforce's files (salesforce/BLIP and LAVIS) name the vision transformer as timm does, and hold
what only training needs beside it: momentum copies and queues. Text weights are called the same in
both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeVar

T = TypeVar("T")

_VISION = "visual_encoder."
_RENAMED = (
    ("cls_token", "embeddings.class_embedding"),
    ("pos_embed", "embeddings.position_embedding"),
    ("patch_embed.proj", "embeddings.patch_embedding"),
    ("blocks", "encoder.layers"),
    ("norm1", "layer_norm1"),
    ("norm2", "layer_norm2"),
    ("attn.qkv", "self_attn.qkv"),
    ("attn.proj", "self_attn.projection"),
    ("norm", "post_layernorm"),
)
_LAYER = re.compile(r"blocks\.(\d+)\.(.+)")
_OF_TRAINING = re.compile(r"\w+_m\.|(image|text|idx)_queue$|queue_ptr$|ptr_queue$")
"""Momentum copies (ITC, ALBEF's section 3.1) and the queues of their features."""
_BUFFER = re.compile(r"\.embeddings\.position_ids$|\.embeddings\.token_type_ids$")


def to_huggingface(name: str) -> str | None:
    """The Hugging Face name of a weight; None for weights used in training alone.

    >>> to_huggingface("visual_encoder.blocks.3.attn.proj.bias")
    'vision_model.encoder.layers.3.self_attn.projection.bias'
    >>> to_huggingface("text_encoder_m.embeddings.LayerNorm.bias") is None
    True
    """
    if _OF_TRAINING.match(name) or _BUFFER.search(name):
        return None
    if not name.startswith(_VISION):
        return name
    rest = name.removeprefix(_VISION)
    if layer := _LAYER.fullmatch(rest):
        return f"vision_model.encoder.layers.{layer[1]}.{_renamed(layer[2])}"
    return f"vision_model.{_renamed(rest)}"


def renamed(state: Mapping[str, T]) -> dict[str, T]:
    """Rename weights to their Hugging Face names, leaving out those of training alone."""
    found = ((to_huggingface(name), value) for name, value in state.items())
    return {name: value for name, value in found if name is not None}


def _renamed(name: str) -> str:
    for old, new in _RENAMED:
        if name == old or name.startswith(f"{old}."):
            return new + name.removeprefix(old)
    return name


def layers(names: Iterable[str], prefix: str) -> int:
    """Count the numbered layers under ``prefix``."""
    numbers = {
        name.removeprefix(prefix).split(".", 1)[0] for name in names if name.startswith(prefix)
    }
    return len(numbers)
