"""Classification of each patch, which the image encoder learns before it sees texts.

BLIP begins with a ViT that has already learned to see, from ImageNet's labels (arXiv 2201.12086,
section 4.1). This one begins with nothing, and a caption tells it little: one gradient for the
whole picture. The structure behind a drawn scene tells more: for every patch the kind, colour and
outline of the thing there, as in dense one-stage detection (FCOS, arXiv 1904.01355). The heads
that say it belong to training alone; no artifact holds them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from blipdb.scenes.kinds import KINDS
from blipdb.scenes.world import BACKGROUNDS, COLOURS, Scene, box

from .losses import IGNORED

_KINDS, _COLOURS = tuple(KINDS), tuple(COLOURS)
NOTHING = len(_KINDS)
"""The class of a patch that shows no thing."""
MIN_COVERED_SHARE = 0.3
"""The share of a patch that a thing's box has to cover to be what the patch shows."""
OUTLINE_WEIGHT = 5.0  # outlines differ by hundredths, classes by whole nats
KIND_WEIGHT = 2.0  # of the patches that show a thing: kinds are learned slowest


@dataclass(frozen=True)
class PatchLabels:
    """Labels of the patches of B images, row by row, P in each: kinds int64 [B, P] (`NOTHING` on
    the background), colours int64 [B, P] (`IGNORED` there), outlines float32 [B, P, 4] (box of the
    thing, fractions of the image; 0 there), places int64 [B] (the background of the image)."""

    kinds: npt.NDArray[np.int64]
    colours: npt.NDArray[np.int64]
    outlines: npt.NDArray[np.float32]
    places: npt.NDArray[np.int64]


def label_patches(scenes: Sequence[Scene], side: int) -> PatchLabels:
    """Label the patches of images of `side` x `side` patches.

    A patch shows the smallest thing whose box covers enough of it; a thing too small for that is
    shown by the patch at its middle.
    """
    kinds = np.full((len(scenes), side, side), NOTHING, dtype=np.int64)
    colours = np.full((len(scenes), side, side), IGNORED, dtype=np.int64)
    outlines = np.zeros((len(scenes), side, side, 4), dtype=np.float32)
    edges = np.arange(side) / side
    for i, scene in enumerate(scenes):
        for thing in sorted(scene.things, key=lambda t: -t.scale):
            left, top, right, bottom = outline = box(thing)
            across = np.clip(np.minimum(edges + 1 / side, right) - np.maximum(edges, left), 0, 1)
            down = np.clip(np.minimum(edges + 1 / side, bottom) - np.maximum(edges, top), 0, 1)
            patches = down[:, None] * across[None, :] * side**2 >= MIN_COVERED_SHARE
            patches[min(int(thing.y * side), side - 1), min(int(thing.x * side), side - 1)] = True
            kinds[i, patches] = _KINDS.index(thing.kind)
            colours[i, patches] = _COLOURS.index(thing.colour)
            outlines[i, patches] = outline
    places = np.array([BACKGROUNDS.index(scene.background) for scene in scenes], dtype=np.int64)
    flat = (len(scenes), side * side)
    return PatchLabels(
        kinds.reshape(flat), colours.reshape(flat), outlines.reshape(*flat, 4), places
    )


class NamingLogits(NamedTuple):
    """Output of the heads for images: logits of kinds [B, P, K + 1] and of colours [B, P, C],
    outlines [B, P, 4], logits of places [B, 7]."""

    kinds: Tensor
    colours: Tensor
    outlines: Tensor
    places: Tensor


class PatchNaming(nn.Module):
    """Linear heads on the image tokens [B, 1 + P, D]."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.sizes = (len(_KINDS) + 1, len(_COLOURS), 4)
        self.patch = nn.Linear(width, sum(self.sizes))
        self.place = nn.Linear(width, len(BACKGROUNDS))

    def forward(self, tokens: Tensor) -> NamingLogits:
        kinds, colours, outlines = self.patch(tokens[:, 1:]).split(self.sizes, dim=-1)
        return NamingLogits(kinds, colours, outlines, self.place(tokens[:, 0]))

    def loss(self, tokens: Tensor, labels: PatchLabels) -> Tensor:
        """Sum of the cross-entropies of kind, colour and place, and the outlines' distance; a
        scalar."""
        logits = cast(NamingLogits, self(tokens))
        kinds, colours, outlines, places = (
            torch.from_numpy(values).to(tokens.device)
            for values in (labels.kinds, labels.colours, labels.outlines, labels.places)
        )
        has_thing = kinds != NOTHING
        distance = (logits.outlines - outlines).abs().mean(dim=-1)
        return (
            _cross_entropy(logits.kinds, kinds)
            + KIND_WEIGHT * _cross_entropy(logits.kinds, kinds.masked_fill(~has_thing, IGNORED))
            + _cross_entropy(logits.colours, colours)
            + _cross_entropy(logits.places, places)
            + OUTLINE_WEIGHT * (distance * has_thing).sum() / has_thing.sum()
        )

    def shares_right(self, tokens: Tensor, labels: PatchLabels) -> dict[str, float]:
        """Accuracy of kind and of colour over the patches that show a thing."""
        logits = cast(NamingLogits, self(tokens))
        kinds = torch.from_numpy(labels.kinds).to(tokens.device)
        colours = torch.from_numpy(labels.colours).to(tokens.device)
        has_thing = kinds != NOTHING
        return {
            "patch_kinds": _share(logits.kinds.argmax(-1) == kinds, has_thing),
            "patch_colours": _share(logits.colours.argmax(-1) == colours, has_thing),
        }


def _cross_entropy(logits: Tensor, classes: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, -2), classes.flatten(), ignore_index=IGNORED)


def _share(right: Tensor, of: Tensor) -> float:
    return float(right[of].to(torch.float32).mean())
