"""BLIP's three objectives (arXiv 2201.12086, section 3.2), on the features of one batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORED = -100  # the target that cross_entropy leaves out
NEGATIVE_FLOOR = 1e-4  # added to each pair's weight, as in BLIP: no negative is impossible


class TruePairs(NamedTuple):
    """Pairs of images and texts that are true in a step, among the N of all processes.

    texts: of each of a process's B images the true texts, bool [B, N]. images: of each of its B
    texts the true images, bool [B, N]. first: the partner of the i-th is the (first + i)-th.
    """

    texts: Tensor
    images: Tensor
    first: int

    @property
    def own(self) -> Tensor:
        """Truth of a process's own texts for its images: bool [B, B]."""
        return self.texts[:, self.first : self.first + len(self.texts)]

    def other_positives(self) -> tuple[Tensor, Tensor]:
        """`texts` and `images` without the partners."""
        partners = torch.arange(len(self.texts), device=self.texts.device)[:, None] + self.first
        return self.texts.scatter(1, partners, False), self.images.scatter(1, partners, False)


def contrastive_loss(to_texts: Tensor, to_images: Tensor, truths: TruePairs) -> Tensor:
    """ITC: mean of image-to-text and text-to-image cross-entropy.

    to_texts and to_images float [B, N]: cosine / temperature of a process's images and all texts,
    and of its texts and all images. What else is true of the i-th is no negative and left out.
    """
    targets = torch.arange(len(to_texts), device=to_texts.device) + truths.first
    losses = [
        F.cross_entropy(logits.masked_fill(other_positives, float("-inf")), targets)
        for logits, other_positives in zip(
            (to_texts, to_images), truths.other_positives(), strict=True
        )
    ]
    return torch.stack(losses).mean()


class Negatives(NamedTuple):
    """K texts for each image of a batch, and K images for each text, int64 [B, K]; and whether each
    is a negative, bool [B, K]: what has too few is given its own partner, to be left out."""

    texts: Tensor
    has_text: Tensor
    images: Tensor
    has_image: Tensor


def hard_negatives(
    to_texts: Tensor,
    to_images: Tensor,
    also_true: Tensor,
    count: int,
    generators: Sequence[torch.Generator],
    floor: float = NEGATIVE_FLOOR,
) -> Negatives:
    """`count` different in-batch negatives for ITM, of each image and of each text, drawn in
    proportion to their contrastive softmax plus `floor`.

    to_texts, to_images float [B, B]: cosine / temperature of images and texts, and of texts and
    images; also_true bool [B, B]: which text is true of which image. There are as many groups as
    generators, one after the other, and an image's or text's negatives are of its group.
    """
    size = len(also_true) // len(generators)
    negatives = []
    for number, generator in enumerate(generators):
        group = slice(number * size, (number + 1) * size)
        true = also_true[group, group]
        texts, has_text = _draw(to_texts[group, group], true, count, generator, floor)
        images, has_image = _draw(to_images[group, group], true.T, count, generator, floor)
        negatives.append(Negatives(texts + group.start, has_text, images + group.start, has_image))
    return Negatives(*(torch.cat(parts) for parts in zip(*negatives, strict=True)))


def _draw(
    similarity: Tensor, also_true: Tensor, count: int, generator: torch.Generator, floor: float
) -> tuple[Tensor, Tensor]:
    own = torch.eye(len(similarity), dtype=torch.bool, device=similarity.device)
    weights = similarity.detach().softmax(dim=1) + floor
    weights = weights.masked_fill(also_true | own, 0.0)
    # With noise of this form the largest are a sample without replacement (Efraimidis and
    # Spirakis 2006), even where fewer than `count` are possible.
    noise = torch.empty_like(weights).exponential_(generator=generator)
    keys = (weights / noise).masked_fill(weights == 0, -1.0)
    best, drawn = keys.topk(count, dim=1)
    possible = best > 0
    partners = torch.arange(len(similarity), device=similarity.device)[:, None]
    return torch.where(possible, drawn, partners), possible


class Weighed(NamedTuple):
    """A sum of losses, and the sum of their weights: with those of other processes they yield the
    mean over the global batch."""

    total: Tensor
    weight: Tensor


def matching_loss(logits: Tensor, negatives: Negatives) -> Weighed:
    """ITM: cross-entropy of B true pairs and of each image's and each text's negatives, which
    together weigh twice as much as their true pair, however many they are, as in BLIP.

    logits [B + 2 * B * K, 2]: the true pairs, then the images with their first negative texts, with
    their second and so on, then the texts with their negative images likewise.
    """
    possible = torch.cat([negatives.has_text.T.flatten(), negatives.has_image.T.flatten()])
    true = len(logits) - len(possible)
    targets = torch.cat([torch.ones_like(possible[:true]), torch.zeros_like(possible)]).long()
    weights = torch.cat([possible.new_ones(true), possible]).to(logits.dtype)
    weights[true:] /= negatives.texts.shape[1]
    each = F.cross_entropy(logits, targets, reduction="none")
    return Weighed((each * weights).sum(), weights.sum())


def captioning_loss(
    logits: Tensor, ids: Tensor, pad: int, smoothing: float, prompt: int = 0
) -> Weighed:
    """LM: cross-entropy of each next word. logits [B, L, V] at the words `ids` [B, L], of which the
    first `prompt` are given and not learned."""
    targets = ids[:, 1:].masked_fill(ids[:, 1:] == pad, IGNORED)
    targets[:, :prompt] = IGNORED
    total = F.cross_entropy(
        logits[:, :-1].flatten(0, 1),
        targets.flatten(),
        ignore_index=IGNORED,
        label_smoothing=smoothing,
        reduction="sum",
    )
    return Weighed(total, (targets != IGNORED).sum())
