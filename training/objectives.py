"""BLIP's three objectives (arXiv 2201.12086, section 3.2), on the features of one batch."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORED = -100  # the target that cross_entropy leaves out
NEGATIVE_FLOOR = 1e-4  # added to each pair's weight, as in BLIP: no negative is impossible


def contrastive_loss(similarity: Tensor, also_true: Tensor) -> Tensor:
    """ITC: mean of image-to-text and text-to-image cross-entropy.

    similarity float [B, B]: cosine / temperature of image i (rows) and text j, partners on the
    diagonal. also_true bool [B, B]: text j is true of image i too; such a pair is no negative and
    is left out.
    """
    count = len(similarity)
    own = torch.eye(count, dtype=torch.bool, device=similarity.device)
    similarity = similarity.masked_fill(also_true & ~own, float("-inf"))
    targets = torch.arange(count, device=similarity.device)
    to_text = F.cross_entropy(similarity, targets)
    to_image = F.cross_entropy(similarity.T, targets)
    return (to_text + to_image) / 2


class Negatives(NamedTuple):
    """K texts for each image of a batch, and K images for each text, int64 [B, K]; and whether each
    is a negative, bool [B, K]: what has too few is given its own partner, to be left out."""

    texts: Tensor
    has_text: Tensor
    images: Tensor
    has_image: Tensor


def hard_negatives(
    similarity: Tensor, also_true: Tensor, count: int, generator: torch.Generator
) -> Negatives:
    """`count` different in-batch negatives for ITM, of each image and of each text, drawn in
    proportion to their contrastive softmax; the other arguments are `contrastive_loss`'s."""
    texts, has_text = _draw(similarity, also_true, count, generator)
    images, has_image = _draw(similarity.T, also_true.T, count, generator)
    return Negatives(texts, has_text, images, has_image)


def _draw(
    similarity: Tensor, also_true: Tensor, count: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    own = torch.eye(len(similarity), dtype=torch.bool, device=similarity.device)
    weights = similarity.detach().softmax(dim=1) + NEGATIVE_FLOOR
    weights = weights.masked_fill(also_true | own, 0.0)
    # With noise of this form the largest are a sample without replacement (Efraimidis and
    # Spirakis 2006), even where fewer than `count` are possible.
    noise = torch.empty_like(weights).exponential_(generator=generator)
    keys = (weights / noise).masked_fill(weights == 0, -1.0)
    best, drawn = keys.topk(count, dim=1)
    possible = best > 0
    partners = torch.arange(len(similarity), device=similarity.device)[:, None]
    return torch.where(possible, drawn, partners), possible


def matching_loss(logits: Tensor, negatives: Negatives) -> Tensor:
    """ITM: cross-entropy of B true pairs and of each image's and each text's negatives, which
    together weigh twice as much as their true pair, however many they are, as in BLIP.

    logits [B + 2 * B * K, 2]: the true pairs, then the images with their negative texts, then the
    texts with their negative images.
    """
    possible = torch.cat([negatives.has_text.flatten(), negatives.has_image.flatten()])
    true = len(logits) - len(possible)
    targets = torch.cat([torch.ones_like(possible[:true]), torch.zeros_like(possible)]).long()
    weights = torch.cat([possible.new_ones(true), possible]).to(logits.dtype)
    weights[true:] /= negatives.texts.shape[1]
    each = F.cross_entropy(logits, targets, reduction="none")
    return (each * weights).sum() / weights.sum()


def captioning_loss(logits: Tensor, ids: Tensor, pad: int, smoothing: float) -> Tensor:
    """LM: cross-entropy of each next word. logits [B, L, V] at the words `ids` [B, L]."""
    targets = ids[:, 1:]
    targets = targets.masked_fill(targets == pad, IGNORED)
    return F.cross_entropy(
        logits[:, :-1].flatten(0, 1),
        targets.flatten(),
        ignore_index=IGNORED,
        label_smoothing=smoothing,
    )
