from __future__ import annotations

import torch

from blipdb.training.objectives.facts import FactChecking


def test_fact_checking_leaves_out_what_says_nothing() -> None:
    torch.manual_seed(2)
    checking, states = FactChecking(8), torch.randn(2, 3, 8)
    facts = torch.tensor([[-1, 1, 0], [-1, -1, 1]], dtype=torch.int8)
    logits = checking.head(states).squeeze(-1)
    expected = torch.stack(
        [-logits[0, 1].sigmoid().log(), -(1 - logits[0, 2].sigmoid()).log(),
         -logits[1, 2].sigmoid().log()]
    ).mean()  # fmt: skip
    torch.testing.assert_close(checking.loss(states, facts), expected)
