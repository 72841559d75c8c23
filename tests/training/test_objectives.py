from __future__ import annotations

import math

import pytest
import torch

from blipdb.training.objectives import (
    Negatives,
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


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_hard_negatives_are_the_similar_ones() -> None:
    similarity = torch.tensor([[5.0, 20.0, -20.0], [-20.0, 5.0, 20.0], [20.0, -20.0, 5.0]])
    found = hard_negatives(similarity, OWN, 1, generator(1))
    assert found.texts.tolist() == [[1], [2], [0]]  # of each row the highest but its own
    assert found.images.tolist() == [[2], [0], [1]]  # of each column
    assert found.has_text.all()
    assert found.has_image.all()


def test_hard_negatives_are_drawn_in_proportion() -> None:
    similarity = torch.tensor([[0.0, math.log(3.0), 0.0]]).expand(3, 3)
    rng = generator(2)
    drawn = [hard_negatives(similarity, OWN, 1, rng).texts[0].item() for _ in range(2000)]
    assert drawn.count(0) == 0
    assert drawn.count(1) / 2000 == pytest.approx(0.75, abs=0.04)


def test_several_negatives_are_different() -> None:
    found = hard_negatives(torch.zeros(4, 4), torch.eye(4, dtype=torch.bool), 3, generator(4))
    for negatives in (found.texts, found.images):
        assert [sorted(row) for row in negatives.tolist()] == [
            [1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2],
        ]  # fmt: skip
    assert found.has_text.all()


def test_a_true_text_is_never_a_negative() -> None:
    similarity = torch.tensor([[0.0, 50.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    also_true = OWN.clone()
    also_true[0, 1] = True
    also_true[2] = True
    found = hard_negatives(similarity, also_true, 2, generator(3))
    # Every text is true of the third image, and the second text of every image but its own.
    assert found.has_text.tolist() == [[True, False], [True, True], [False, False]]
    assert found.has_image.tolist() == [[True, False], [False, False], [True, True]]
    assert found.texts[0].tolist() == [2, 0]
    assert found.texts[2].tolist() == [2, 2]
    assert found.images[1].tolist() == [1, 1]
    for text, image in enumerate(found.images[:, 0].tolist()):
        assert text == 1 or not also_true[image, text]


def negatives(*possible: list[bool]) -> Negatives:
    """Such a batch, by which of its images' negatives are some; all of the texts' are."""
    has_text = torch.tensor(possible)
    return Negatives(has_text, has_text, has_text, torch.ones_like(has_text))


def test_matching_loss_by_hand() -> None:
    """Undecided on everything it is log 2; at the prior of one in three, BLIP's .6365."""
    for count in (1, 2, 5):
        all_possible = negatives([True] * count, [True] * count)
        pairs = 2 + 4 * count
        loss = matching_loss(torch.zeros(pairs, 2), all_possible)
        assert loss.item() == pytest.approx(math.log(2))
        prior = torch.tensor([math.log(2 / 3), math.log(1 / 3)]).expand(pairs, 2)
        assert matching_loss(prior, all_possible).item() == pytest.approx(0.6365, abs=1e-4)


def test_matching_loss_leaves_out_what_is_no_negative() -> None:
    logits = torch.tensor([[0.0, 4.0], [0.0, 9.0], [4.0, 0.0]])
    expected = math.log(1 + math.exp(-4))
    assert matching_loss(logits, negatives([False])).item() == pytest.approx(expected, abs=1e-6)


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
