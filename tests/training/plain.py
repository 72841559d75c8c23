"""BLIP's pretraining objective as one would write it down: transformers' own modules with eager
attention, a pass for each of ITC, ITM's true pairs, ITM's negatives and LM, images repeated for
the negatives, texts padded to one length, float32. What `Learner` is compared with: the losses have
to be the same."""

from __future__ import annotations

import copy
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import BlipTextConfig, BlipVisionConfig
from transformers.models.blip.modeling_blip import BlipVisionModel
from transformers.models.blip.modeling_blip_text import BlipTextLMHeadModel, BlipTextModel

from blipdb.model.architecture import Architecture
from blipdb.training.datasets.scenes import Batch, normalise
from blipdb.training.learners.pretraining import Learner
from blipdb.training.objectives.losses import Negatives
from blipdb.training.objectives.momentum import features


def vision_configuration(arch: Architecture) -> BlipVisionConfig:
    return BlipVisionConfig(
        hidden_size=arch.vision_width,
        intermediate_size=arch.vision_mlp,
        num_hidden_layers=arch.vision_layers,
        num_attention_heads=arch.vision_heads,
        image_size=arch.image_size,
        patch_size=arch.patch_size,
        layer_norm_eps=arch.vision_eps,
    )


def text_configuration(arch: Architecture) -> BlipTextConfig:
    return BlipTextConfig(
        vocab_size=arch.vocab_size,
        hidden_size=arch.text_width,
        encoder_hidden_size=arch.vision_width,
        intermediate_size=arch.text_mlp,
        num_hidden_layers=arch.text_layers,
        num_attention_heads=arch.text_heads,
        max_position_embeddings=arch.max_positions,
        layer_norm_eps=arch.text_eps,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )


class PlainBLIP(nn.Module):
    """The modules of a `Learner`, with its weights, as transformers has them."""

    def __init__(self, learner: Learner) -> None:
        super().__init__()
        med = learner.med
        assert learner.momentum is not None
        self.special = med.special
        self.vision_model = BlipVisionModel(vision_configuration(med.arch))
        self.text_encoder = BlipTextModel(text_configuration(med.arch), add_pooling_layer=False)
        self.text_decoder = BlipTextLMHeadModel(text_configuration(med.arch))
        self.vision_proj, self.text_proj, self.itm_head = (
            copy.deepcopy(part) for part in (med.vision_proj, med.text_proj, med.itm_head)
        )
        self.temp = nn.Parameter(med.temp.detach().clone())
        self.load_state_dict(med.state_dict(), strict=False)
        self._share()
        self.momentum = copy.deepcopy(self).requires_grad_(False)
        self.image_queue = learner.momentum.image_queue.clone()
        self.text_queue = learner.momentum.text_queue.clone()

    def _share(self) -> None:
        """All but self-attention, by identity."""
        mine, theirs = self.text_decoder.bert, self.text_encoder
        mine.embeddings = theirs.embeddings
        for a, b in zip(mine.encoder.layer, theirs.encoder.layer, strict=True):
            a.crossattention, a.intermediate, a.output = b.crossattention, b.intermediate, b.output
        words = theirs.embeddings.word_embeddings.weight
        self.text_decoder.cls.predictions.decoder.weight = words

    def image(self, pixels: Tensor) -> Tensor:
        return cast(Tensor, self.vision_model(pixel_values=pixels).last_hidden_state)

    def text(self, ids: Tensor, first: int, image: Tensor | None = None) -> Tensor:
        ids = opened(ids, first)
        options: dict[str, Any] = {"attention_mask": (ids != self.special.pad).long()}
        if image is not None:
            options["encoder_hidden_states"] = image
            options["encoder_attention_mask"] = torch.ones(image.shape[:2], dtype=torch.long)
        return cast(Tensor, self.text_encoder(ids, **options).last_hidden_state)

    def vectors(self, image: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        states = self.text(ids, self.special.cls)
        images = F.normalize(self.vision_proj(image[:, 0]), dim=-1)
        return images, F.normalize(self.text_proj(states[:, 0]), dim=-1)

    def losses(
        self, pixels: Tensor, ids: Tensor, negatives: Negatives, alpha: float
    ) -> dict[str, Tensor]:
        """ITC, ITM with the given negatives (one an image and text), and LM."""
        image = self.image(pixels)
        found = {"itc": self._itc(pixels, image, ids, alpha)}
        true = self.itm_head(self.text(ids, self.special.enc, image)[:, 0])
        images = torch.cat([image, image[negatives.images[:, 0]]])
        texts = torch.cat([ids[negatives.texts[:, 0]], ids])
        false = self.itm_head(self.text(texts, self.special.enc, images)[:, 0])
        labels = torch.cat([torch.ones(len(true)), torch.zeros(len(false))]).long()
        found["itm"] = F.cross_entropy(torch.cat([true, false]), labels)
        found["lm"] = self._lm(image, ids)
        return found

    def _itc(self, pixels: Tensor, image: Tensor, ids: Tensor, alpha: float) -> Tensor:
        temperature = self.temp.clamp(0.001, 0.5)
        images, texts = self.vectors(image, ids)
        with torch.no_grad():
            own_images, own_texts = self.momentum.vectors(self.momentum.image(pixels), ids)
            all_images = torch.cat([own_images, self.image_queue])
            all_texts = torch.cat([own_texts, self.text_queue])
        hard = torch.eye(len(ids), len(all_texts))
        losses = []
        for query, own, candidates in (
            (images, own_images, all_texts), (texts, own_texts, all_images),
        ):  # fmt: skip
            soft = (own @ candidates.T / temperature).softmax(dim=1).detach()
            targets = alpha * soft + (1 - alpha) * hard
            logits = query @ candidates.T / temperature
            losses.append(-(logits.log_softmax(dim=1) * targets).sum(dim=1).mean())
        return torch.stack(losses).mean()

    def _lm(self, image: Tensor, ids: Tensor) -> Tensor:
        ids = opened(ids, self.special.dec)
        mask = (ids != self.special.pad).long()
        seen = torch.ones(image.shape[:2], dtype=torch.long)
        logits = self.text_decoder(
            ids, attention_mask=mask, encoder_hidden_states=image, encoder_attention_mask=seen
        ).logits
        targets = ids.masked_fill(mask == 0, -100)[:, 1:]
        flat = logits[:, :-1].flatten(0, 1)
        return F.cross_entropy(flat, targets.flatten(), label_smoothing=0.1)


def opened(ids: Tensor, first: int) -> Tensor:
    ids = ids.clone()
    ids[:, 0] = first
    return ids


def negatives_of(learner: Learner, batch: Batch, step: int) -> Negatives:
    """Negatives that the learner draws in this step, while its momentum encoders equal it."""
    assert learner.momentum is not None
    pixels = normalise(batch.images, torch.device("cpu"))
    ids = torch.from_numpy(batch.texts)
    with torch.no_grad():
        vectors = features(learner.med, learner.med.image_tokens(pixels), ids)
        others = learner.momentum.features(pixels, ids)
        return learner._negatives(vectors, others, learner._truths(batch, pixels.device), step)
