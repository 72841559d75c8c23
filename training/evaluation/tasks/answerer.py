"""Adapter of an `Answerer` for questions as texts (arXiv 2201.12086, section 5.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from blipdb.model.generate import Rules
from blipdb.model.rank import SHORTLIST_ANSWERS, SMOOTHING

from ...models.answerer import Answerer
from ...models.med import Memory
from .decoder import CachedDecoder, search
from .reading import Texts

MAX_QUESTION_TOKENS = 35
BEAMS, MAX_ANSWER_TOKENS = 3, 10  # tokens with [DEC] and [SEP]
PAIRS_PER_CALL = 256  # of questions and candidates: each has logits of the whole vocabulary


class EncodedQuestions(NamedTuple):
    """Encoded questions: keys and values for the decoder, and the mask of their words [B, L]."""

    memory: list[Memory]
    words: Tensor


class AnswersByTexts:
    """See `protocols.Answers`."""

    def __init__(self, answerer: Answerer, texts: Texts) -> None:
        self.answerer = answerer
        self._texts, self._questions = texts, texts.limited(MAX_QUESTION_TOKENS)

    @torch.inference_mode()
    def image_tokens(self, pixels: Tensor) -> Tensor:
        """As `Answers.image_tokens`."""
        return self.answerer.image_tokens(pixels)

    @torch.inference_mode()
    def rank(
        self, tokens: Tensor, questions: Sequence[str], candidates: Sequence[str]
    ) -> list[str]:
        """As `Answers.rank`: like `blipdb.model.rank`, for many questions at once."""
        encoded = self._ask(tokens, questions)
        ids = torch.from_numpy(self._texts.ids(candidates)).to(tokens.device)
        likely = self._likely_firsts(encoded, ids[:, 1]).topk(
            min(SHORTLIST_ANSWERS, len(ids)), dim=1
        )
        losses = self._losses(encoded, ids, likely.indices)
        best = likely.indices.gather(1, losses.argmin(dim=1, keepdim=True))[:, 0]
        return [candidates[place] for place in best.tolist()]

    @torch.inference_mode()
    def generate(self, tokens: Tensor, questions: Sequence[str]) -> list[str]:
        """As `Answers.generate`. In BLIP's release the decoder looks at padding, too, so that an
        answer depends on what else is in the batch; here it doesn't."""
        encoded, special = self._ask(tokens, questions), self.answerer.special
        parts = self.answerer.text_decoder
        opening = [special.dec]
        decoder = CachedDecoder(
            parts.bert, parts.cls.predictions, encoded.memory, opening, encoded.words
        )
        never = [token for token in special.to_dict().values() if token != special.sep]
        room = min(MAX_ANSWER_TOKENS, self.answerer.arch.max_positions) - len(opening)
        rules = Rules(special.dec, special.sep, never, 0, room)
        return [self._texts.decode(ids) for ids in search(decoder, len(questions), rules, BEAMS)]

    def _ask(self, tokens: Tensor, questions: Sequence[str]) -> EncodedQuestions:
        ids = torch.from_numpy(self._questions.ids(questions)).to(tokens.device)
        states = self.answerer.question_states(ids, tokens)
        return EncodedQuestions(self.answerer.question_memory(states), self.answerer.words(ids))

    def _likely_firsts(self, encoded: EncodedQuestions, firsts: Tensor) -> Tensor:
        """Probability of each candidate's first token [C] for each question -> [B, C]."""
        start = torch.zeros_like(encoded.words[:, :1], dtype=torch.int64)  # any: [DEC] replaces it
        logits = self.answerer.next_words(start, encoded.memory, encoded.words)[:, 0]
        return F.softmax(logits.float(), dim=1)[:, firsts]

    def _losses(self, encoded: EncodedQuestions, ids: Tensor, candidates: Tensor) -> Tensor:
        """Each question's loss on its candidates [B, K], places in ids [C, L] -> [B, K], summed
        over a candidate's tokens."""
        rows = torch.arange(len(candidates), device=ids.device).repeat_interleave(
            candidates.shape[1]
        )
        losses = [
            self._loss(encoded, ids[places], row)
            for places, row in zip(
                torch.split(candidates.flatten(), PAIRS_PER_CALL),
                torch.split(rows, PAIRS_PER_CALL),
                strict=True,
            )
        ]
        return torch.cat(losses).view(candidates.shape)

    def _loss(self, encoded: EncodedQuestions, ids: Tensor, rows: Tensor) -> Tensor:
        memory = [one.rows(rows) for one in encoded.memory]
        logits = self.answerer.next_words(ids, memory, encoded.words[rows])[:, :-1]
        pad = self.answerer.special.pad
        losses = F.cross_entropy(
            *(logits.float().transpose(1, 2), ids[:, 1:]),
            ignore_index=pad,
            reduction="none",
            label_smoothing=SMOOTHING,
        )
        return losses.sum(dim=1)
