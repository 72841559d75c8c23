"""A text decoder over its caches, in torch, for the search of `blipdb.model.generate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from blipdb.model.generate import DecoderStep, Rules, beam_search

from ...models.med import MED, Memory, TextLayer, TextModel


class CachedDecoder:
    """A `blipdb.model.generate.Decoder`. Its cache is a tensor on the model's device, of which the
    search only chooses texts.

    transformer and head: of the decoder. memory: keys and values of what texts are about, `images`
    as the search calls them. opening: the tokens before the first word that is written. mask: bool
    [I, M], the part of the memory that may be attended to; None: all.
    """

    def __init__(
        self,
        transformer: TextModel,
        head: nn.Module,
        memory: Sequence[Memory],
        opening: Sequence[int],
        mask: Tensor | None = None,
    ) -> None:
        self._transformer, self._head, self._opening = transformer, head, opening
        self._memory, self._memory_mask = memory, mask
        self._images: list[int] = []
        self._active: Sequence[Memory] = ()
        self._mask: Tensor | None = None

    def __call__(
        self, ids: npt.NDArray[np.int64], past: Tensor | None, images: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.float32], Tensor]:
        """As `DecoderStep`: at the start, where there is no past, `ids` stand for the opening."""
        device = self._memory[0].keys.device
        if past is None:
            new = torch.tensor([self._opening] * len(ids), device=device)
        else:
            new = torch.from_numpy(ids).to(device)
        self._attend_to(images)
        x, present = self._embedded(new, 0 if past is None else past.shape[4]), []
        causal = torch.ones(new.shape[1], new.shape[1], dtype=torch.bool, device=device).tril()
        for i, layer in enumerate(self._transformer.layers):
            own = layer.attention.self.memory(x)
            if past is not None:
                keys, values = past[i]
                own = Memory(torch.cat([keys, own.keys], 2), torch.cat([values, own.values], 2))
            x = layer.attention(x, own, causal if past is None else None)
            x = self._look(layer, x, self._active[i])
            x = layer.output(layer.intermediate(x), x)
            present.append(torch.stack(own))
        logits = self._head(x[:, -1])
        return logits.float().cpu().numpy(), torch.stack(present)

    def _embedded(self, ids: Tensor, start: int) -> Tensor:
        parts = self._transformer.embeddings
        positions = parts.position_embeddings.weight[start : start + ids.shape[1]]
        return cast(Tensor, parts.LayerNorm(parts.word_embeddings(ids) + positions))

    def _attend_to(self, images: npt.NDArray[np.int64]) -> None:
        """Choose the memory of the images that are still written about, where one is done."""
        if images.tolist() == self._images:
            return
        index = torch.from_numpy(images).to(self._memory[0].keys.device)
        self._images = images.tolist()
        self._active = [one.rows(index) for one in self._memory]
        self._mask = (
            None if self._memory_mask is None else self._memory_mask[index][:, None, None, :]
        )

    def _look(self, layer: TextLayer, x: Tensor, memory: Memory) -> Tensor:
        """Cross-attention; an image's texts [I * w, L, D] as one, so that its memory is not
        repeated for each."""
        rows = x.view(len(memory.keys), -1, x.shape[-1])
        return cast(Tensor, layer.crossattention(rows, memory, self._mask)).view(x.shape)


def captioner(med: MED, tokens: Tensor, opening: Sequence[int]) -> CachedDecoder:
    """Make the decoder of captions for images, of tokens [I, N, D]."""
    parts = med.text_decoder
    return CachedDecoder(parts.bert, parts.cls.predictions, med.writing_memory(tokens), opening)


def search(decoder: CachedDecoder, count: int, rules: Rules, beams: int) -> list[list[int]]:
    """Run beam search for each of `count` images; see `beam_search`. Return the ids."""
    return beam_search(cast(DecoderStep, decoder), count, rules, beams)
