"""ITC, ITM and LM on one batch (arXiv 2201.12086, section 3.2), and the objectives that a model
with random weights learns beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from blipdb.model.architecture import SpecialTokens

from ..datasets.scenes import Batch, normalise
from ..models.initialise import initialise_vision
from ..models.med import MED, Memory, PairMemory
from ..objectives.facts import FactChecking
from ..objectives.losses import (
    Negatives,
    TruePairs,
    Weighed,
    captioning_loss,
    contrastive_loss,
    hard_negatives,
    matching_loss,
)
from ..objectives.momentum import Features, MomentumITC, features
from ..objectives.naming import PatchNaming
from ..run.checkpoint import load_weights
from ..run.config import Config
from ..run.world import ALONE, World


class SharedTensors(NamedTuple):
    """Tensors that the passes of a step share: pixels [B, 3, S, S], image tokens [B, N, D], and
    their cross-attention keys and values, a layer each."""

    pixels: Tensor
    tokens: Tensor
    memory: Sequence[Memory]


class Learner(nn.Module):
    """A MED with all that only its training needs. Called, it returns a step's losses by name."""

    def __init__(
        self,
        config: Config,
        special: SpecialTokens | None = None,
        prompt: int = 0,
        world: World = ALONE,
    ) -> None:
        """Make the MED and its heads. `prompt`: number of tokens at each caption's start that are
        not learned."""
        super().__init__()
        self.config, self.prompt, self.world = config, prompt, world
        self.med = MED(config.model, special or SpecialTokens(), config.sharing)
        self.med.regularise(config.dropout, config.drop_path, recomputes=config.scale.recomputes)
        self.naming = self.facts = None
        if any(stage.naming for stage in config.stages):
            self.naming = PatchNaming(config.model.vision_width)
        if any(stage.facts for stage in config.stages):
            self.facts = FactChecking(config.model.text_width)
        self.momentum = (
            None
            if config.momentum is None
            else MomentumITC(self.med, config.momentum, config.batch)
        )

    @property
    def trained(self) -> nn.Module:
        """Module whose weights a run saves."""
        return self.med

    @property
    def is_sparing(self) -> bool:
        """Whether there are steps that don't use every parameter."""
        return not all(stage.itc and stage.itm and stage.lm for stage in self.config.stages)

    def begin(self, weights: Path | None) -> None:
        """Load the first weights, or make random ones that help an image encoder."""
        if weights is None:
            initialise_vision(self.med.vision_model)
        else:
            load_weights(weights, self.med)
        self.catch_up()

    def catch_up(self) -> None:
        """Copy the weights to the momentum encoders, after a change that was not training."""
        if self.momentum is not None:
            self.momentum.follow(self.med, rate=0.0)

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Compute the losses of the step's stage, scalars, with one pass over the images."""
        stage = self.config.stage(step)
        pixels = normalise(batch.images, self.med.temp.device)
        is_half = self.config.scale.precision == "bf16"
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=is_half):
            tokens = self.med.image_tokens(pixels)
            losses = {}
            if self.naming is not None and stage.naming and batch.patches is not None:
                losses["naming"] = self.naming.loss(tokens, batch.patches)
            if stage.speaks:
                shared = SharedTensors(pixels, tokens, self.med.image_memory(tokens))
                losses |= self._text_losses(shared, batch, step)
        return losses

    def _text_losses(self, shared: SharedTensors, batch: Batch, step: int) -> dict[str, Tensor]:
        """BLIP's objectives. One projection of an image's keys and values serves every pair."""
        stage, device = self.config.stage(step), shared.tokens.device
        texts = torch.from_numpy(batch.texts).to(device)
        captions = torch.from_numpy(batch.captions).to(device)
        losses = {}
        with self.med.fetched(texts, captions):
            if stage.lm:
                losses["lm"] = self._captioning(shared, captions)
            if stage.itc + stage.itm:
                losses |= self._pair_losses(shared, texts, batch, step)
        return losses

    def _pair_losses(
        self, shared: SharedTensors, texts: Tensor, batch: Batch, step: int
    ) -> dict[str, Tensor]:
        """ITC and ITM."""
        stage, losses = self.config.stage(step), {}
        truths = self._truths(batch, texts.device)
        vectors = features(self.med, shared.tokens, texts)
        losses["itc"], candidates = self._contrast(shared, texts, vectors, truths, batch, step)
        if stage.itm:
            negatives = self._negatives(vectors, candidates, truths, step)
            facts = torch.from_numpy(batch.facts).to(texts.device) if stage.facts else None
            losses |= self._matching(shared.memory, texts, negatives, facts)
        return losses

    def _contrast(
        self,
        shared: SharedTensors,
        texts: Tensor,
        vectors: Features,
        truths: TruePairs,
        batch: Batch,
        step: int,
    ) -> tuple[Tensor, Features]:
        """Compute ITC, and the vectors by which negatives are chosen."""
        temperature = self.med.temperature()
        if self.momentum is None:
            images, all_texts = map(self.world.gather_learned, vectors)
            to_texts = vectors.images @ all_texts.T / temperature
            to_images = vectors.texts @ images.T / temperature
            return contrastive_loss(to_texts, to_images, truths), vectors
        self.momentum.follow(self.med)
        own = self.momentum.features(shared.pixels, texts)
        keys = torch.from_numpy(batch.keys[:, 0]).to(texts.device)
        share = self.momentum.share(step * self.config.batch)
        loss = self.momentum.loss(vectors, own, truths, keys, temperature, share, self.world)
        return loss, own

    def _truths(self, batch: Batch, device: torch.device) -> TruePairs:
        """True pairs, by the batch's own knowledge, or by equal images and equal texts of all
        processes."""
        if batch.also_true is not None:
            also_true = torch.from_numpy(batch.also_true).to(device)
            return TruePairs(also_true, also_true.T, 0)
        keys = torch.from_numpy(batch.keys).to(device)
        same = (keys[:, None] == self.world.gather(keys)[None]).any(dim=2)
        return TruePairs(same, same, self.world.own(len(keys)).start)

    def _captioning(self, shared: SharedTensors, captions: Tensor) -> Tensor:
        logits = self.med.next_words(
            captions, self.med.writing_memory(shared.tokens, shared.memory)
        )
        pad, smoothing = self.med.special.pad, self.config.smoothing
        loss = captioning_loss(logits.float(), captions, pad, smoothing, self.prompt)
        return self._mean(loss)

    def _negatives(
        self, vectors: Features, candidates: Features, truths: TruePairs, step: int
    ) -> Negatives:
        temperature = self.med.temperature()
        count = len(truths.own)
        groups = count // (self.config.group or count)
        first = self.world.rank * groups
        device = vectors.images.device
        generators = [
            torch.Generator(device).manual_seed((self.config.seed + step) * 65_537 + first + n)
            for n in range(groups)
        ]
        return hard_negatives(
            vectors.images @ candidates.texts.T / temperature,
            vectors.texts @ candidates.images.T / temperature,
            truths.own,
            self.config.stage(step).negatives,
            generators,
            self.config.floor,
        )

    def _matching(
        self,
        memory: Sequence[Memory],
        texts: Tensor,
        negatives: Negatives,
        facts: Tensor | None,
    ) -> dict[str, Tensor]:
        """Compute ITM of each true pair, and of each image and each text with its hard negatives;
        with facts int8 [B, B, L] also the loss of single words."""
        own = torch.arange(len(texts), device=texts.device)
        count = negatives.texts.shape[1]
        own_repeated = own.repeat(count)
        index = negatives.images.T.flatten()
        pairs = torch.cat([own, negatives.texts.T.flatten(), own_repeated])
        memories = [PairMemory(layer, 1 + count, index) for layer in memory]
        states = self.med.pair_states(texts[pairs], memories, first_only=facts is None)
        logits = self.med.itm_head(states[:, 0])
        losses = {"itm": self._mean(matching_loss(logits.float(), negatives))}
        if facts is not None and self.facts is not None:
            images = torch.cat([own, own_repeated, index])
            losses["facts"] = self.facts.loss(states, facts[images, pairs])
        return losses

    def _mean(self, loss: Weighed) -> Tensor:
        """A loss whose mean over processes is the mean over all of their items."""
        return loss.total / self.world.mean(loss.weight.to(loss.total.dtype))
