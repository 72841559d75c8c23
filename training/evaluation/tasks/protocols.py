"""Interfaces of models that answer questions, or reason over two images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class Answers(Protocol):
    """Visual question answering. Image tokens are an argument, so that those of a video's frames
    can be concatenated like one image's."""

    def image_tokens(self, pixels: Tensor) -> Tensor:
        """[B, 3, S, S] normalised float -> image tokens [B, N, D]."""
        ...

    def rank(
        self, tokens: Tensor, questions: Sequence[str], candidates: Sequence[str]
    ) -> list[str]:
        """Return the best candidate for each image [B, N, D] and its question: of the 128 with the
        likeliest first token, the one with the lowest loss over all tokens."""
        ...

    def generate(self, tokens: Tensor, questions: Sequence[str]) -> list[str]:
        """Answer the question of each image [B, N, D] in the model's own words: beam search with 3
        beams, 1 to 10 tokens."""
        ...


class Reasons(Protocol):
    """NLVR2: is a statement true of two images?"""

    def logits(self, left: Tensor, right: Tensor, statements: Sequence[str]) -> Tensor:
        """Images [B, 3, S, S] each, normalised float, and a statement for each two -> [B, 2]; class
        1 is "it is true"."""
        ...
