"""How an image encoder begins that has no trained weights to begin with.

A vision transformer with random weights has to find out first that patches have places and that
neighbours matter, which costs it most of a small run. Both can be given to it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .med import VisionAttention, VisionModel

LONGEST_WAVE = 10_000.0
ALIKE, NOISE = 0.7, 0.7  # of queries and keys, as the paper has them
TAKEN_OFF, VALUE_NOISE = 0.4, 0.4  # of values and their projection


@torch.no_grad()
def initialise_vision(model: VisionModel) -> None:
    """Positions as sines and cosines in two dimensions (arXiv 2205.01580), attention mimetic
    (arXiv 2305.09828); all of it is learned further."""
    positions = model.embeddings.position_embedding
    side = math.isqrt(positions.shape[1] - 1)
    positions[0, 0] = 0
    positions[0, 1:] = waves(side, positions.shape[2])
    for module in model.modules():
        if isinstance(module, VisionAttention):
            _mimetic(module)


def waves(side: int, width: int) -> Tensor:
    """float32 [side * side, width]: for a quarter of the features each, the sine and the cosine of
    x and of y, counted in patches from the middle; what `width` leaves over is 0."""
    place = torch.arange(side) - (side - 1) / 2
    y, x = torch.meshgrid(place, place, indexing="ij")
    count = width // 4
    waves = LONGEST_WAVE ** -(torch.arange(count) / max(count - 1, 1))
    turns = [axis.flatten()[:, None] * waves for axis in (x, y)]
    parts = [function(turn) for turn in turns for function in (torch.sin, torch.cos)]
    return nn.functional.pad(torch.cat(parts, dim=1), (0, width - 4 * count))


def _mimetic(attention: VisionAttention) -> None:
    """Each head begins by attending to what is alike, and the block by taking a part of it off:
    what the products of trained weights look like."""
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
