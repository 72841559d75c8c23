"""Results of transformers, prompted as in the paper: [ENC] and [DEC] in their places, answers
ranked by first token and smoothed loss. Questions are asked one at a time, without padding, which
transformers' decoder would look at (see test_differences.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from blipdb.model.architecture import SpecialTokens


def opened(ids: Tensor, first: int) -> Tensor:
    ids = ids.clone()
    ids[:, 0] = first
    return ids


def image_tokens(theirs: Any, pixels: Tensor) -> Tensor:
    """[B, 3, S, S] normalised -> [B, N, D]."""
    tokens: Tensor = theirs.vision_model(pixel_values=pixels).last_hidden_state
    return tokens


def image_vectors(theirs: Any, tokens: Tensor) -> Tensor:
    return F.normalize(theirs.vision_proj(tokens[:, 0]), dim=-1)


def text_vectors(theirs: Any, ids: Tensor, special: SpecialTokens) -> Tensor:
    mask = (ids != special.pad).long()
    states = theirs.text_encoder(opened(ids, special.cls), mask).last_hidden_state
    return F.normalize(theirs.text_proj(states[:, 0]), dim=-1)


def states(theirs: Any, ids: Tensor, tokens: Tensor, special: SpecialTokens) -> Tensor:
    """Texts [B, L], each read with its image [B, N, D] -> [B, L, D]."""
    found: Tensor = theirs.text_encoder(
        opened(ids, special.enc),
        (ids != special.pad).long(),
        encoder_hidden_states=tokens,
        encoder_attention_mask=torch.ones(tokens.shape[:2], dtype=torch.long),
    ).last_hidden_state
    return found


def match(theirs: Any, ids: Tensor, tokens: Tensor, special: SpecialTokens) -> Tensor:
    logits: Tensor = theirs.itm_head(states(theirs, ids, tokens, special)[:, 0])
    return logits


def next_words(theirs: Any, ids: Tensor, seen: Tensor, special: SpecialTokens) -> Tensor:
    """Texts [B, L] written about what is `seen` [B, M, D], all of it -> [B, L, V]."""
    logits: Tensor = theirs.text_decoder(
        opened(ids, special.dec), encoder_hidden_states=seen
    ).logits
    return logits


def write(
    theirs: Any, opening: Sequence[int], seen: Tensor, special: SpecialTokens, **lengths: int
) -> list[list[int]]:
    """The ids that beam search with three beams writes behind an opening, of `seen` [B, M, D]."""
    written = theirs.text_decoder.generate(
        torch.tensor([list(opening)]).expand(len(seen), -1),
        encoder_hidden_states=seen,
        num_beams=3,
        suppress_tokens=[special.pad, special.unk, special.cls, special.dec, special.enc],
        eos_token_id=special.sep,
        pad_token_id=special.pad,
        do_sample=False,
        **lengths,
    )
    ended = (special.sep, special.pad)
    return [[i for i in ids if i not in ended] for ids in written[:, len(opening) :].tolist()]


def rank(
    theirs: Any,
    answers: Sequence[Sequence[int]],
    seen: Tensor,
    special: SpecialTokens,
    shortlist: int,
) -> tuple[int, Tensor]:
    """salesforce/BLIP's `rank_answer` for one question, of states [1, M, D]: the best answer's
    place, and the loss of each of the shortlist, likeliest first token first."""
    longest = max(map(len, answers)) + 1
    rows = [[special.dec, *ids] + [special.pad] * (longest - 1 - len(ids)) for ids in answers]
    ids = torch.tensor(rows)
    first = next_words(theirs, ids[:1, :1], seen, special)[0, 0]
    chosen = first.softmax(-1)[ids[:, 1]].topk(min(shortlist, len(answers))).indices
    about = seen.expand(len(chosen), -1, -1)
    logits = next_words(theirs, ids[chosen], about, special)[:, :-1]
    labels = ids[chosen, 1:].masked_fill(ids[chosen, 1:] == special.pad, -100)
    loss = F.cross_entropy(
        logits.flatten(0, 1), labels.flatten(), reduction="none", label_smoothing=0.1
    )
    losses = loss.view(len(chosen), -1).sum(1)
    return int(chosen[losses.argmin()]), losses
