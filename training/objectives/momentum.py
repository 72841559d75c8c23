"""ITC against momentum features, a queue of them, and soft labels (arXiv 2201.12086, section 3.2;
arXiv 2107.07651, section 3; arXiv 1911.05722 for the queue)."""

from __future__ import annotations

import copy
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..models.med import MED
from ..run.config import ConfigError, Momentum
from ..run.world import ALONE, World
from .losses import TruePairs

EXCLUDED_LOGIT = -1e4  # a similarity whose exponential is exactly 0, and times 0 is 0
NO_KEY = -1  # of features that the queue begins with


class Features(NamedTuple):
    """Vectors of images and of their texts, float [B, E] each, of length 1."""

    images: Tensor
    texts: Tensor


def features(med: MED, tokens: Tensor, ids: Tensor) -> Features:
    """The vectors of image tokens [B, N, D] and ids [B, L]; what has length 1 is float32, whatever
    the passes before computed in."""
    states = med.text_state(ids)
    with torch.autocast(tokens.device.type, enabled=False):
        return Features(med.image_vector(tokens.float()), med.project_text(states.float()))


class MomentumITC(nn.Module):
    """Momentum encoders, whose weights follow the model's, with queues of their latest features."""

    image_queue: Tensor
    text_queue: Tensor
    key_queue: Tensor
    place: Tensor

    def __init__(self, med: MED, settings: Momentum, batch: int) -> None:
        """`batch`: samples of a step, of all processes together.

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
        self.register_buffer("key_queue", torch.full((settings.queue,), NO_KEY))
        self.register_buffer("place", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def follow(self, med: MED, rate: float | None = None) -> None:
        """Move towards the model's weights; at a `rate` of 0, copy them."""
        rate = self.settings.rate if rate is None else rate
        source = dict(med.named_parameters())
        for name, parameter in self.med.named_parameters():
            parameter.lerp_(source[name], 1 - rate)

    def share(self, samples: int) -> float:
        """Alpha, the share of soft labels: rises linearly from 0 over the first samples."""
        return self.settings.alpha * min(1.0, samples / max(self.settings.ramp, 1))

    @torch.no_grad()
    def features(self, pixels: Tensor, ids: Tensor) -> Features:
        """The momentum encoders' vectors of pixels [B, 3, S, S] and ids [B, L]."""
        return features(self.med, self.med.image_tokens(pixels), ids)

    def loss(
        self,
        vectors: Features,
        own: Features,
        truths: TruePairs,
        keys: Tensor,
        temperature: Tensor,
        share: float,
        world: World = ALONE,
    ) -> Tensor:
        """ITC, a scalar: mean of image-to-text and text-to-image cross-entropy, over the momentum
        features of all processes and the queue, with targets that are to `share` the momentum
        encoders'.

        `vectors` are the model's, `own` the momentum encoders' of the same images and texts. What
        else is true of the i-th is no negative; with `same_image` it is a positive, in the queue
        too, where keys int64 [B] are equal. The features are queued.
        """
        everyone = Features(world.gather(own.images), world.gather(own.texts))
        all_keys = world.gather(keys)
        positives = keys[:, None] == torch.cat([all_keys, self.key_queue])
        other_texts, other_images = truths.other_positives()
        losses = [
            self._one_way(query, momentum, torch.cat(candidates), other_positives, truths.first,
                          positives, temperature, share)
            for query, momentum, candidates, other_positives in (
                (vectors.images, own.images, (everyone.texts, self.text_queue), other_texts),
                (vectors.texts, own.texts, (everyone.images, self.image_queue), other_images),
            )
        ]  # fmt: skip
        self._enqueue(everyone, all_keys)
        return torch.stack(losses).mean()

    def _one_way(
        self,
        queries: Tensor,
        momentum: Tensor,
        candidates: Tensor,
        other_positives: Tensor,
        first: int,
        positives: Tensor,
        temperature: Tensor,
        share: float,
    ) -> Tensor:
        """Loss of queries [B, E] over candidates [N + Q, E]; the partner of the i-th is the (first
        + i)-th. `momentum` are the momentum features of the queries."""
        if self.settings.same_image:
            left_out = torch.zeros_like(positives)
            hard = positives / positives.sum(dim=1, keepdim=True)
        else:
            left_out = F.pad(other_positives, (0, len(candidates) - other_positives.shape[1]))
            partners = torch.arange(len(queries), device=queries.device) + first
            hard = F.one_hot(partners, len(candidates)).to(queries.dtype)
        with torch.no_grad():
            soft = (momentum @ candidates.T / temperature).masked_fill(left_out, EXCLUDED_LOGIT)
            targets = share * soft.softmax(dim=1) + (1 - share) * hard
        logits = (queries @ candidates.T / temperature).masked_fill(left_out, EXCLUDED_LOGIT)
        return F.cross_entropy(logits, targets)

    @torch.no_grad()
    def _enqueue(self, features: Features, keys: Tensor) -> None:
        """Overwrite the oldest features in the queues."""
        begin, count = int(self.place), len(keys)
        self.image_queue[begin : begin + count] = features.images
        self.text_queue[begin : begin + count] = features.texts
        self.key_queue[begin : begin + count] = keys
        self.place.fill_((begin + count) % self.settings.queue)
