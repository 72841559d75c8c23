"""BLIP's three objectives (arXiv 2201.12086, section 3.2), on the features of one batch."""

from __future__ import annotations

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


def hard_negatives(
    similarity: Tensor, also_true: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """In-batch negatives for ITM, drawn in proportion to their contrastive softmax.

    Arguments as in `contrastive_loss`. Returns (a text for each image, whether it has one, an image
    for each text, whether it has one), each [B]; one without a negative is paired with its own
    partner, to be left out of the loss.
    """
    texts, has_text = _draw(similarity, also_true, generator)
    images, has_image = _draw(similarity.T, also_true.T, generator)
    return texts, has_text, images, has_image


def _draw(
    similarity: Tensor, also_true: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    own = torch.eye(len(similarity), dtype=torch.bool, device=similarity.device)
    weights = similarity.detach().softmax(dim=1) + NEGATIVE_FLOOR
    weights = weights.masked_fill(also_true | own, 0.0)
    possible = weights.sum(dim=1) > 0
    weights = torch.where(possible[:, None], weights, own.to(weights.dtype))
    return torch.multinomial(weights, 1, generator=generator).squeeze(1), possible


def matching_loss(logits: Tensor, possible: Tensor) -> Tensor:
    """ITM: cross-entropy over one positive and two negatives for each pair.

    logits [3B, 2]: the B true pairs, then 2B negatives; possible bool [2B]: which of them are
    truly negatives.
    """
    positives = torch.ones(len(logits) - len(possible), dtype=torch.long, device=logits.device)
    negatives = torch.zeros(len(possible), dtype=torch.long, device=logits.device)
    targets = torch.cat([positives, negatives.masked_fill(~possible, IGNORED)])
    return F.cross_entropy(logits, targets, ignore_index=IGNORED)


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
