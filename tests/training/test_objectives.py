from __future__ import annotations

import math

import pytest
import torch

from blipdb.training.objectives.losses import (
    IGNORED,
    Negatives,
    TruePairs,
    Weighed,
    captioning_loss,
    contrastive_loss,
    hard_negatives,
    matching_loss,
)

NONE = torch.zeros(3, 3, dtype=torch.bool)
OWN = torch.eye(3, dtype=torch.bool)


def contrast(similarity: torch.Tensor, also_true: torch.Tensor) -> torch.Tensor:
    """In one process."""
    loss: torch.Tensor = contrastive_loss(
        similarity, similarity.T, TruePairs(also_true, also_true.T, 0)
    )
    return loss


def mean(loss: Weighed) -> float:
    return float(loss.total / loss.weight)


def test_contrastive_loss_by_hand() -> None:
    similarity = torch.tensor([[2.0, 0.0], [1.0, 3.0]])
    to_text = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-2))) / 2
    to_image = (math.log(1 + math.exp(-1)) + math.log(1 + math.exp(-3))) / 2
    loss = contrast(similarity, torch.zeros(2, 2, dtype=torch.bool))
    assert loss.item() == pytest.approx((to_text + to_image) / 2, abs=1e-6)


def test_the_partner_is_found_among_all_processes_texts() -> None:
    similarity = torch.tensor([[1.0, 2.0, 9.0, 0.0], [0.0, 3.0, 1.0, 9.0]])
    none = torch.zeros(2, 4, dtype=torch.bool)
    second = contrastive_loss(similarity, similarity, TruePairs(none, none, 2))
    first = contrastive_loss(similarity, similarity, TruePairs(none, none, 0))
    assert second < 0.01
    assert first > 5
    truths = TruePairs(none, none, 2)
    assert truths.own.shape == (2, 2)
    everything = ~none
    texts, _ = TruePairs(everything, everything, 2).other_positives()
    assert texts.tolist() == [[True, True, False, True], [True, True, True, False]]


def test_contrastive_loss_leaves_out_texts_that_are_also_true() -> None:
    similarity = torch.tensor([[2.0, 9.0, 0.0], [1.0, 3.0, 0.0], [0.0, 0.0, 1.0]])
    also_true = OWN.clone()
    also_true[0, 1] = True
    lower = similarity.clone()
    lower[0, 1] = -1e4
    assert contrast(similarity, also_true) == contrast(lower, NONE)
    assert contrast(similarity, also_true) < contrast(similarity, NONE)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def drawn_negatives(
    similarity: torch.Tensor, also_true: torch.Tensor, count: int, rng: torch.Generator
) -> Negatives:
    return hard_negatives(similarity, similarity.T, also_true, count, [rng])


def test_hard_negatives_are_the_similar_ones() -> None:
    similarity = torch.tensor([[5.0, 20.0, -20.0], [-20.0, 5.0, 20.0], [20.0, -20.0, 5.0]])
    found = drawn_negatives(similarity, OWN, 1, generator(1))
    assert found.texts.tolist() == [[1], [2], [0]]  # of each row the highest but its own
    assert found.images.tolist() == [[2], [0], [1]]  # of each column
    assert found.has_text.all()
    assert found.has_image.all()


def test_hard_negatives_are_drawn_in_proportion() -> None:
    similarity = torch.tensor([[0.0, math.log(3.0), 0.0]]).expand(3, 3)
    rng = generator(2)
    drawn = [drawn_negatives(similarity, OWN, 1, rng).texts[0].item() for _ in range(2000)]
    assert drawn.count(0) == 0
    assert drawn.count(1) / 2000 == pytest.approx(0.75, abs=0.04)


def test_several_negatives_are_different() -> None:
    found = drawn_negatives(torch.zeros(4, 4), torch.eye(4, dtype=torch.bool), 3, generator(4))
    for negatives in (found.texts, found.images):
        assert [sorted(row) for row in negatives.tolist()] == [
            [1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2],
        ]  # fmt: skip
    assert found.has_text.all()


def test_negatives_are_of_the_same_group() -> None:
    similarity, own = torch.zeros(6, 6), torch.eye(6, dtype=torch.bool)
    rngs = [generator(7), generator(8), generator(9)]
    found = hard_negatives(similarity, similarity, own, 1, rngs)
    assert found.texts.flatten().tolist() == [1, 0, 3, 2, 5, 4]
    assert found.images.flatten().tolist() == [1, 0, 3, 2, 5, 4]
    alone = hard_negatives(
        similarity[2:4, 2:4], similarity[2:4, 2:4], own[:2, :2], 1, [generator(8)]
    )
    assert torch.equal(alone.texts + 2, found.texts[2:4])


def test_without_a_floor_what_is_unlike_is_never_drawn() -> None:
    similarity = torch.tensor([[0.0, 0.0, -500.0]]).expand(3, 3)
    with_floor = hard_negatives(similarity, similarity, OWN, 2, [generator(1)])
    without = hard_negatives(similarity, similarity, OWN, 2, [generator(1)], floor=0.0)
    assert with_floor.has_text.all()
    assert without.has_text[:2].tolist() == [[True, False], [True, False]]


def test_a_true_text_is_never_a_negative() -> None:
    similarity = torch.tensor([[0.0, 50.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    also_true = OWN.clone()
    also_true[0, 1] = True
    also_true[2] = True
    found = drawn_negatives(similarity, also_true, 2, generator(3))
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
        assert mean(loss) == pytest.approx(math.log(2))
        prior = torch.tensor([math.log(2 / 3), math.log(1 / 3)]).expand(pairs, 2)
        assert mean(matching_loss(prior, all_possible)) == pytest.approx(0.6365, abs=1e-4)


def test_matching_loss_leaves_out_what_is_no_negative() -> None:
    logits = torch.tensor([[0.0, 4.0], [0.0, 9.0], [4.0, 0.0]])
    expected = math.log(1 + math.exp(-4))
    assert mean(matching_loss(logits, negatives([False]))) == pytest.approx(expected, abs=1e-6)


def test_captioning_loss_predicts_the_next_word_and_no_padding() -> None:
    ids = torch.tensor([[4, 7, 3, 0]])
    logits = torch.zeros(1, 4, 8)
    logits[0, 0, 7] = logits[0, 1, 3] = 2.0
    logits[0, 2] = torch.arange(8.0)  # what follows the end doesn't matter
    expected = math.log(1 + 7 * math.exp(-2))
    loss = captioning_loss(logits, ids, pad=0, smoothing=0.0)
    assert mean(loss) == pytest.approx(expected, abs=1e-6)
    smoothed = captioning_loss(logits, ids, pad=0, smoothing=0.1)
    # Smoothing asks for a tenth of the probability at each word alike: 2 less on seven of eight.
    assert mean(smoothed) == pytest.approx(expected + 0.1 * 2 * 7 / 8, abs=1e-6)


def test_a_prompt_is_not_learned() -> None:
    """ "a picture of" stands before the three words that count, the end among them."""
    ids = torch.tensor([[4, 10, 11, 12, 7, 8, 3, 0]])
    logits = torch.randn(1, 8, 16, generator=generator(1))
    found = captioning_loss(logits, ids, pad=0, smoothing=0.0, prompt=3)
    targets = torch.tensor([[IGNORED, IGNORED, IGNORED, 7, 8, 3, IGNORED]])
    expected = torch.nn.functional.cross_entropy(logits[0, :-1], targets[0])
    assert found.weight == 3
    assert mean(found) == pytest.approx(expected.item(), abs=1e-6)
