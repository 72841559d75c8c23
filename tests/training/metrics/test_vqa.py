"""VQA's accuracy on cases computed by hand from its authors' rules."""

from __future__ import annotations

import pytest

from blipdb.training.evaluation.metrics.vqa import (
    CONTRACTIONS,
    accuracy,
    count_annotators,
    is_exact,
    normalised,
    without_punctuation,
)


@pytest.mark.parametrize(
    ("answer", "compared"),
    [
        ("Yes.", "yes"),
        ("the red dog", "red dog"),
        ("A dog and a cat", "dog and cat"),
        ("two", "2"),
        ("none", "0"),
        ("Ten men", "10 men"),
        ("eleven", "eleven"),
        ("t-shirt", "t shirt"),  # nothing beside the dash: a space
        ("red/white", "red white"),
        ("red, white", "red white"),  # a space beside the comma: nothing
        ("red / white", "red white"),
        ("1,000", "1000"),  # a comma within a number: nothing, for all marks
        ("1,000-2,000", "10002000"),
        ("2.5", "2.5"),
        ("no. 5", "no 5"),
        ("5.", "5"),
        ("dont", "don't"),
        ("It's", "it's"),
        ("couldnt've", "couldn't've"),
        ("couldn'tve", "couldn't've"),
        ("oclock", "o'clock"),
        ("whos", "who's"),
        ("its", "its"),
        ("im", "im"),  # the authors' "Im" is never met, as answers are in lower case by then
        ("somebody'd", "somebodyd"),
        ("\n maybe\tnot \n", "maybe not"),
        ("a", ""),
        ("what?!", "what"),
        ("(left)", "left"),
    ],
)
def test_answers_as_they_are_compared(answer: str, compared: str) -> None:
    assert normalised(answer) == compared


def test_every_contraction_has_lost_one_apostrophe() -> None:
    assert len(CONTRACTIONS) == 120 - 4 - 2  # the authors', but four in capitals and two that stay
    for wrong, right in CONTRACTIONS.items():
        assert wrong.replace("'", "") == right.replace("'", "")


@pytest.mark.parametrize(
    ("same", "expected"), [(0, 0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1), (10, 1)]
)
def test_three_others_make_an_answer_right(same: int, expected: float) -> None:
    """Each of ten is left out in turn: of 3 who agree, 3 times 2 are left, and 7 times 3."""
    given = {"red": same, "blue": 10 - same}
    assert accuracy("red", {k: v for k, v in given.items() if v}) == pytest.approx(expected)


def test_peoples_answers_lose_their_punctuation_where_they_differ() -> None:
    assert accuracy("t shirt", {"t-shirt": 2, "t shirt": 1, "shirt": 7}) == pytest.approx(0.9)
    assert accuracy("t-shirt", {"t-shirt": 10}) == 0  # the model's did, and all of theirs are one
    assert accuracy("shirt", {"shirt": 10}) == 1


def test_peoples_articles_and_numbers_stay() -> None:
    assert accuracy("a dog", {"a dog": 9, "cat": 1}) == 0  # compared: "dog"
    assert accuracy("two", {"2": 9, "two": 1}) == 1


def test_marks_within_an_answer() -> None:
    assert without_punctuation("a-b c") == "a b c"
    assert without_punctuation("a- b-c") == "a bc"  # once beside a space: nothing, everywhere


def test_annotators_from_their_shares() -> None:
    assert count_annotators(["yes", "no"], [0.7, 0.3]) == {"yes": 7, "no": 3}
    assert count_annotators(["yes"], [1.0]) == {"yes": 10}
    with pytest.raises(ValueError, match="those of 10 annotators"):
        count_annotators(["yes"], [0.2])  # Visual Genome's
    with pytest.raises(ValueError, match=r"weigh 0\.333, 0\.667"):
        count_annotators(["yes", "no"], [1 / 3, 2 / 3])


def test_exact_matches() -> None:
    assert is_exact(" Red  Car", "red car")
    assert not is_exact("car", "red car")
