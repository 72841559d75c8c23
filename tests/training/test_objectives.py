from __future__ import annotations

import math

import pytest
import torch

from blipdb.training.objectives import (
    captioning_loss,
    contrastive_loss,
    hard_negatives,
    matching_loss,
)

NONE = torch.zeros(3, 3, dtype=torch.bool)
OWN = torch.eye(3, dtype=torch.bool)


def test_contrastive_loss_by_hand() -> None:
    similarity = torch.tensor([[2.0, 0.0], [1.0, 3.0]])
    to_text = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-2))) / 2
    to_image = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-3))) / 2
    loss = contrastive_loss(similarity, torch.zeros(2, 2, dtype=torch.bool))
    assert loss.item() == pytest.approx((to_text + to_image) / 2, abs=1e-6)


def test_contrastive_loss_leaves_out_texts_that_are_also_true() -> None:
    similarity = torch.tensor([[2.0, 9.0, 0.0], [1.0, 3.0, 0.0], [0.0, 0.0, 1.0]])
    also_true = OWN.clone()
    also_true[0, 1] = True
    lower = similarity.clone()
    lower[0, 1] = -1e4
    assert contrastive_loss(similarity, also_true) == contrastive_loss(lower, NONE)
    assert contrastive_loss(similarity, also_true) < contrastive_loss(similarity, NONE)


def test_hard_negatives_are_the_similar_ones() -> None:
    similarity = torch.tensor([[5.0, 20.0, -20.0], [-20.0, 5.0, 20.0], [20.0, -20.0, 5.0]])
    texts, has_text, images, has_image = hard_negatives(
        similarity, OWN, torch.Generator().manual_seed(1)
    )
    assert texts.tolist() == [1, 2, 0]  # of each row the highest but its own
    assert images.tolist() == [2, 0, 1]  # of each column
    assert has_text.all()
    assert has_image.all()


def test_hard_negatives_are_drawn_in_proportion() -> None:
    similarity = torch.tensor([[0.0, math.log(3.0), 0.0]]).expand(3, 3)
    generator = torch.Generator().manual_seed(2)
    drawn = [hard_negatives(similarity, OWN, generator)[0][0].item() for _ in range(2000)]
    assert drawn.count(0) == 0
    assert drawn.count(1) / 2000 == pytest.approx(0.75, abs=0.04)


def test_a_true_text_is_never_a_negative() -> None:
    similarity = torch.tensor([[0.0, 50.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    also_true = OWN.clone()
    also_true[0, 1] = True
    also_true[2] = True
    texts, has_text, images, has_image = hard_negatives(
        similarity, also_true, torch.Generator().manual_seed(3)
    )
    assert texts[0] == 2
    assert has_text.tolist() == [True, True, False]  # every text is true of the third image
    assert has_image.tolist() == [True, False, True]  # the second text is true of every image
    assert (texts[2], images[1]) == (2, 1)
    assert not also_true[images[[0, 2]], [0, 2]].any()


def test_matching_loss_by_hand() -> None:
    """Undecided on everything it is log 2; at the prior of one in three, BLIP's .6365."""
    possible = torch.ones(4, dtype=torch.bool)
    assert matching_loss(torch.zeros(6, 2), possible).item() == pytest.approx(math.log(2))
    prior = torch.tensor([math.log(2 / 3), math.log(1 / 3)]).expand(6, 2)
    assert matching_loss(prior, possible).item() == pytest.approx(0.6365, abs=1e-4)


def test_matching_loss_leaves_out_what_is_no_negative() -> None:
    logits = torch.tensor([[0.0, 4.0], [4.0, 0.0], [0.0, 9.0]])
    possible = torch.tensor([True, False])
    expected = math.log(1 + math.exp(-4))
    assert matching_loss(logits, possible).item() == pytest.approx(expected, abs=1e-6)


def test_captioning_loss_predicts_the_next_word_and_no_padding() -> None:
    ids = torch.tensor([[4, 7, 3, 0]])
    logits = torch.zeros(1, 4, 8)
    logits[0, 0, 7] = logits[0, 1, 3] = 2.0
    logits[0, 2] = torch.arange(8.0)  # what follows the end doesn't matter
    expected = math.log(1 + 7 * math.exp(-2))
    loss = captioning_loss(logits, ids, pad=0, smoothing=0.0)
    assert loss.item() == pytest.approx(expected, abs=1e-6)
    smoothed = captioning_loss(logits, ids, pad=0, smoothing=0.1)
    # Smoothing asks for a tenth of the probability at each word alike: 2 less on seven of eight.
    assert smoothed.item() == pytest.approx(expected + 0.1 * 2 * 7 / 8, abs=1e-6)
