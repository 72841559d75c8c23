"""Initial weights: from a trained vision transformer and BERT, as in the paper, or random.

A vision transformer with random weights has to learn first that patches have places and that
neighbours matter, which takes most of a small run. Pretrained weights have both.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from blipdb.checkpoints.names import renamed
from blipdb.checkpoints.weights import read_state

from ..run.checkpoint import POSITIONS, CheckpointError, resize_positions
from .med import MED, VisionAttention, VisionModel

LONGEST_WAVE = 10_000.0
ALIKE, NOISE = 0.7, 0.7  # of queries and keys, as the paper has them
TAKEN_OFF, VALUE_NOISE = 0.4, 0.4  # of values and their projection


@torch.no_grad()
def initialise_vision(model: VisionModel) -> None:
    """Initialise positions as sines and cosines in two dimensions (arXiv 2205.01580), and attention
    as mimetic (arXiv 2305.09828); all of it is trained further."""
    positions = model.embeddings.position_embedding
    side = math.isqrt(positions.shape[1] - 1)
    positions[0, 0] = 0
    positions[0, 1:] = waves(side, positions.shape[2])
    for module in model.modules():
        if isinstance(module, VisionAttention):
            _mimetic(module)


def waves(side: int, width: int) -> Tensor:
    """float32 [side * side, width]: for a quarter of the features each, the sine and the cosine of
    x and of y, counted in patches from the middle; the remainder of `width` is 0."""
    place = torch.arange(side) - (side - 1) / 2
    y, x = torch.meshgrid(place, place, indexing="ij")
    count = width // 4
    waves = LONGEST_WAVE ** -(torch.arange(count) / max(count - 1, 1))
    turns = [axis.flatten()[:, None] * waves for axis in (x, y)]
    parts = [function(turn) for turn in turns for function in (torch.sin, torch.cos)]
    return nn.functional.pad(torch.cat(parts, dim=1), (0, width - 4 * count))


def _mimetic(attention: VisionAttention) -> None:
    """Let each head attend to similar tokens, and the block subtract a part of them, as the
    products of trained weights do."""
    width = attention.projection.in_features
    head = width // attention.heads
    weight = attention.qkv.weight
    for i in range(attention.heads):
        u, s, vh = torch.linalg.svd(_near_identity(width, ALIKE, NOISE))
        roots = s[:head].sqrt()[:, None]
        weight[i * head : (i + 1) * head] = roots * u.T[:head]
        weight[width + i * head : width + (i + 1) * head] = roots * vh[:head]
    u, s, vh = torch.linalg.svd(_near_identity(width, -TAKEN_OFF, VALUE_NOISE))
    weight[2 * width :] = s.sqrt()[:, None] * vh
    attention.projection.weight.copy_(u * s.sqrt())


def _near_identity(width: int, identity: float, noise: float) -> Tensor:
    return identity * torch.eye(width) + noise * torch.randn(width, width) / math.sqrt(width)


def load_vision(path: Path, model: MED) -> None:
    """Load a vision transformer's weights, under timm's names (DeiT, and
    vit_large_patch16_224_in21k), BLIP's or Hugging Face's; its classifier is left out.

    Raises:
        CheckpointError: something of it is missing or of another size.
    """
    state = {name: torch.from_numpy(value) for name, value in read_state(path).items()}
    if not any(name.startswith(("vision_model.", "visual_encoder.")) for name in state):
        state = {f"visual_encoder.{name}": value for name, value in state.items()}
    state = renamed(state)
    if POSITIONS in state:
        state[POSITIONS] = resize_positions(state[POSITIONS], model.arch.image_tokens)
    if (patches := "vision_model.embeddings.class_embedding") in state:
        state[patches] = state[patches].view(1, 1, -1)
    names = {name for name in model.state_dict() if name.startswith("vision_model.")}
    _take(path, model, state, names)


def load_text(path: Path, model: MED) -> None:
    """Load BERT's weights into the text encoder and the decoder, which share all but
    self-attention. Cross-attention, which BERT lacks, and the embeddings of BLIP's two tokens stay
    as they are.

    Raises:
        CheckpointError: something of it is missing or of another size.
    """
    state = {}
    for name, value in read_state(path).items():
        name = name.removeprefix("bert.").replace(".gamma", ".weight").replace(".beta", ".bias")
        state[name] = torch.from_numpy(value)
    words = "embeddings.word_embeddings.weight"
    own = model.text_encoder.state_dict()
    if words in state and len(state[words]) < len(own[words]):
        state[words] = torch.cat([state[words], own[words][len(state[words]) :]])
    if len(state.get(positions := "embeddings.position_embeddings.weight", ())) > len(
        own[positions]
    ):
        state[positions] = state[positions][: len(own[positions])]
    names = {name for name in own if ".crossattention." not in name}
    _take(path, model.text_encoder, state, names)
    heads = {name for name in names if ".attention." in name}  # the rest is shared
    _take(path, model.text_decoder.bert, state, heads)
    transform = "cls.predictions.transform."
    if any(name.startswith(transform) for name in state):
        own = model.text_decoder.state_dict()
        _take(path, model.text_decoder, state, {n for n in own if n.startswith(transform)})


@torch.no_grad()
def _take(path: Path, model: nn.Module, state: Mapping[str, Tensor], names: Iterable[str]) -> None:
    own = model.state_dict()
    for name in sorted(names):
        if name not in state:
            raise CheckpointError(f"{path} has no {name}")
        if state[name].shape != own[name].shape:
            shape, fits = tuple(state[name].shape), tuple(own[name].shape)
            raise CheckpointError(f"{path}: {name} has shape {shape}; {fits} fits")
        own[name].copy_(state[name])
