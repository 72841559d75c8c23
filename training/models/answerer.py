"""BLIP for visual question answering (arXiv 2201.12086, section 5.3).

An encoder reads the question with cross-attention to the image; a decoder writes the answer with
cross-attention to the question's states. They share no weights. Names in the state dict are those
of Hugging Face's BLIP.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from blipdb.model.architecture import Architecture, SpecialTokens

from .med import MED, LMHead, Memory, TextModel, VisionModel, initialise, regularise


class AnswerDecoder(nn.Module):
    """Text transformer that writes answers; it attends to `text_width` features."""

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.bert = TextModel(arch, arch.text_width)
        self.cls = LMHead(arch, self.bert.embeddings.word_embeddings)

    def forward(self, ids: Tensor, question: Sequence[Memory], mask: Tensor) -> Tensor:
        """Answers [A, L], each with its question's memory, and `mask` bool [A, M] (True: a word of
        the question) -> logits of the token after each position [A, L, V]."""
        # Padding is behind every word, where causality hides it already.
        causal = torch.ones(ids.shape[1], ids.shape[1], dtype=torch.bool, device=ids.device).tril()
        states = self.bert(ids, causal, question, image_mask=mask[:, None, None, :])
        return cast(Tensor, self.cls.predictions(states))


class Answerer(nn.Module):
    """Encoder of questions and decoder of answers. Texts are `[CLS] words [SEP]` and padding, as
    the tokenizer returns them."""

    def __init__(self, arch: Architecture, special: SpecialTokens) -> None:
        super().__init__()
        self.arch, self.special = arch, special
        self.vision_model = VisionModel(arch)
        self.text_encoder = TextModel(arch)
        self.text_decoder = AnswerDecoder(arch)
        initialise(self)

    def begin(self, med: MED) -> None:
        """Load a pretrained model's weights, as far as they fit: where images are wider than texts,
        the decoder's cross-attention keys and values stay random."""
        self.vision_model.load_state_dict(med.vision_model.state_dict())
        self.text_encoder.load_state_dict(med.text_encoder.state_dict())
        own = self.text_decoder.state_dict()
        pretrained = med.text_decoder.state_dict()
        fitting = {
            name: value for name, value in pretrained.items() if value.shape == own[name].shape
        }
        self.text_decoder.load_state_dict(own | fitting)

    def regularise(self, dropout: float, drop_path: float, *, recomputes: bool = False) -> None:
        """As `MED.regularise`."""
        regularise(self, dropout, drop_path, recomputes=recomputes)

    def image_tokens(self, pixels: Tensor) -> Tensor:
        """[B, 3, S, S] normalised float -> image tokens [B, N, D]."""
        return cast(Tensor, self.vision_model(pixels))

    def question_states(self, ids: Tensor, tokens: Tensor) -> Tensor:
        """Questions [B, L], each with its image's tokens [B, N, D] -> states [B, L, D]."""
        ids = _with_first(ids, self.special.enc)
        mask = self.words(ids)[:, None, None, :]
        return cast(Tensor, self.text_encoder(ids, mask, self.text_encoder.image_memory(tokens)))

    def question_memory(self, states: Tensor) -> list[Memory]:
        """Keys and values of a question's states [B, L, D], once for each layer of the decoder."""
        return self.text_decoder.bert.image_memory(states)

    def next_words(self, ids: Tensor, question: Sequence[Memory], mask: Tensor) -> Tensor:
        """Answers [A, L], each with its question's memory and `mask` (see `words`) -> logits of the
        token after each position [A, L, V]."""
        return cast(Tensor, self.text_decoder(_with_first(ids, self.special.dec), question, mask))

    def words(self, ids: Tensor) -> Tensor:
        """Texts [B, L] -> bool [B, L]: True where no padding is."""
        return ids != self.special.pad


def _with_first(ids: Tensor, first: int) -> Tensor:
    copy = ids.clone()
    copy[:, 0] = first
    return copy
