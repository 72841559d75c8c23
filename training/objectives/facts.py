"""Truth of single words of a text about an image: taught beside ITM, by a head of training only."""

from __future__ import annotations

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn


class FactChecking(nn.Module):
    """Binary classifier of a text's words as true or false of an image: a linear head on the states
    of ITM's pairs.

    ITM says of a whole text that it matches or not, and so tells a pair that differs in one word
    little about the word. As with patches, the structure behind a scene knows it.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.head = nn.Linear(width, 1)

    def loss(self, states: Tensor, facts: Tensor) -> Tensor:
        """Mean binary cross-entropy, a scalar, of states [M, L, D] of pairs with facts int8 [M, L]:
        1 true, 0 false, -1 left out."""
        mask = facts >= 0
        logits = cast(Tensor, self.head(states)).squeeze(-1)
        return F.binary_cross_entropy_with_logits(logits[mask], facts[mask].to(logits.dtype))
