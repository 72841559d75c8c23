"""ITC against momentum features, a queue of them, and soft labels (arXiv 2201.12086, section 3.2;
arXiv 2107.07651, section 3; arXiv 1911.05722 for the queue)."""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import ConfigError, Momentum
from .med import MED

NEVER = -1e4  # a similarity whose exponential is exactly 0, and times 0 is 0


class MomentumITC(nn.Module):
    """The momentum encoders, whose weights follow the model's, and the last features of each."""

    image_queue: Tensor
    text_queue: Tensor
    place: Tensor

    def __init__(self, med: MED, settings: Momentum, batch: int) -> None:
        """
        Raises:
            ConfigError: `batch` doesn't divide the queue.
        """
        super().__init__()
        if settings.queue % batch:
            raise ConfigError(
                f"[momentum] queue is {settings.queue}, which batches of {batch} don't fill exactly"
            )
        self.settings = settings
        self.med = copy.deepcopy(med).requires_grad_(False)
        del self.med.text_decoder, self.med.itm_head
        for name in ("image_queue", "text_queue"):
            features = F.normalize(torch.randn(settings.queue, med.arch.embed_dim), dim=-1)
            self.register_buffer(name, features)
        self.register_buffer("place", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def follow(self, med: MED, rate: float | None = None) -> None:
        """Move towards the model's weights; at a `rate` of 0 take them over."""
        rate = self.settings.rate if rate is None else rate
        theirs = dict(med.named_parameters())
        for name, mine in self.med.named_parameters():
            mine.lerp_(theirs[name], 1 - rate)

    def share(self, samples: int) -> float:
        """Alpha, the soft labels' share, which rises linearly from 0 over the first samples."""
        return self.settings.alpha * min(1.0, samples / max(self.settings.ramp, 1))

    def loss(
        self,
        images: Tensor,
        texts: Tensor,
        pixels: Tensor,
        ids: Tensor,
        also_true: Tensor,
        temperature: Tensor,
        share: float,
    ) -> Tensor:
        """ITC, a scalar: mean of image-to-text and text-to-image cross-entropy, over the batch's
        momentum features and the queue, with targets that are to `share` the momentum encoders'.

        images and texts float [B, E] are the model's vectors of pixels [B, 3, S, S] and ids [B, L].
        also_true bool [B, B]: text j is true of image i, and no negative. The batch's momentum
        features are queued.
        """
        with torch.no_grad():
            tokens = self.med.image_tokens(pixels)
            image_features, text_features = self.med.image_vector(tokens), self.med.text_vector(ids)
            all_images = torch.cat([image_features, self.image_queue])
            all_texts = torch.cat([text_features, self.text_queue])
        own = torch.eye(len(images), dtype=torch.bool, device=images.device)
        known = also_true & ~own
        to_text = _soft_cross_entropy(images, image_features, all_texts, known, temperature, share)
        to_image = _soft_cross_entropy(
            texts, text_features, all_images, known.T, temperature, share
        )
        self._enqueue(image_features, text_features)
        return (to_text + to_image) / 2

    @torch.no_grad()
    def _enqueue(self, images: Tensor, texts: Tensor) -> None:
        """In the place of the oldest."""
        begin = int(self.place)
        self.image_queue[begin : begin + len(images)] = images
        self.text_queue[begin : begin + len(texts)] = texts
        self.place.fill_((begin + len(images)) % self.settings.queue)


def _soft_cross_entropy(
    queries: Tensor,
    momentum: Tensor,
    candidates: Tensor,
    known: Tensor,
    temperature: Tensor,
    share: float,
) -> Tensor:
    """Of queries [B, E] over candidates [B + Q, E], whose first B are their partners; `momentum`
    are the momentum features of the queries; `known` [B, B] are left out."""
    left_out = F.pad(known, (0, len(candidates) - len(queries)))
    with torch.no_grad():
        soft = (momentum @ candidates.T / temperature).masked_fill(left_out, NEVER).softmax(dim=1)
        targets = share * soft
        targets.diagonal().add_(1 - share)
    logits = (queries @ candidates.T / temperature).masked_fill(left_out, NEVER)
    return F.cross_entropy(logits, targets)
