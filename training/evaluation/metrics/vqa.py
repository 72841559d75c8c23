"""VQA accuracy (arXiv 1505.00468, section 4): an answer is right if three of ten people gave it.

Answers are normalised as in the authors' own evaluation of VQA v2 (GT-Vision-Lab/VQA): without
punctuation, articles and capitals, small numbers as digits, contractions with their apostrophe.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

MIN_AGREEING = 3  # annotators, for an answer to be right
ANNOTATORS = 10

PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
COMMA_IN_NUMBER = re.compile(r"\d,\d")
PERIOD = re.compile(r"\.(?!\d)")
ARTICLES = ("a", "an", "the")
NUMBERS = {
    word: str(number)
    for number, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    )
} | {"none": "0"}
CONTRACTED = """
    ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't
    haven't he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't
    mightn't've might've mustn't must've needn't not've o'clock oughtn't 'ow's'at shan't she'd've
    should've shouldn't shouldn't've somebody'd've somebody'll somebody's someone'd someone'd've
    someone'll someone's something'd something'd've something'll that's there'd there'd've there're
    there's they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll
    what're what's what've when's where'd where's where've who'd who'd've who'll who's who've why'll
    why're why's won't would've wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll
    you're you've
""".split()  # noqa: SIM905


def _without_one_apostrophe(word: str) -> list[str]:
    return [word[:at] + word[at + 1 :] for at, letter in enumerate(word) if letter == "'"]


CONTRACTIONS = {wrong: word for word in CONTRACTED for wrong in _without_one_apostrophe(word)} | {
    "somebody'd": "somebodyd"
}  # the wrong way round, as in the authors'


def without_punctuation(answer: str) -> str:
    """Replace punctuation by a space; drop it beside a space, or if the answer has a comma within a
    number. Drop periods, except before digits."""
    has_number = COMMA_IN_NUMBER.search(answer) is not None
    text = answer
    for mark in PUNCTUATION:
        stands_apart = f"{mark} " in answer or f" {mark}" in answer
        text = text.replace(mark, "" if has_number or stands_apart else " ")
    return PERIOD.sub("", text)


def normalised(answer: str) -> str:
    """Normalise a model's answer for comparison."""
    plain = without_punctuation(re.sub(r"[\n\t]", " ", answer).strip())
    words = [NUMBERS.get(word, word) for word in plain.lower().split()]
    return " ".join(CONTRACTIONS.get(word, word) for word in words if word not in ARTICLES)


def accuracy(answer: str, answers: Mapping[str, int]) -> float:
    """Compute an answer's accuracy, from 0 to 1: the mean over annotators of min(1, others who gave
    the answer / 3).

    answers: number of annotators who gave each answer. Of these answers punctuation alone is
    dropped, and that only where they differ.
    """
    text, people = normalised(answer), sum(answers.values())
    agreed = Counter(answers)
    if len(answers) > 1:
        agreed = Counter()
        for other, count in answers.items():
            agreed[without_punctuation(other)] += count
    same = agreed[text]
    among_same = min(1.0, (same - 1) / MIN_AGREEING)  # one of them is left out
    among_others = min(1.0, same / MIN_AGREEING)
    return (same * among_same + (people - same) * among_others) / people


def count_annotators(answers: Sequence[str], weights: Sequence[float]) -> dict[str, int]:
    """Turn the share of ten annotators that gave each answer into their number.

    Raises:
        ValueError: these are no shares of ten people, as VQA v2's are.
    """
    counts = {
        answer: round(weight * ANNOTATORS) for answer, weight in zip(answers, weights, strict=True)
    }
    exact = all(
        abs(counts[answer] - weight * ANNOTATORS) < 1e-6
        for answer, weight in zip(answers, weights, strict=True)
    )
    if not exact or sum(counts.values()) != ANNOTATORS:
        raise ValueError(
            f"the answers {', '.join(answers)} weigh {', '.join(f'{w:.3g}' for w in weights)};"
            f" VQA's accuracy needs those of {ANNOTATORS} annotators"
        )
    return counts


def is_exact(answer: str, true: str) -> bool:
    """Whether an answer equals the true one, ignoring case and white space: MSRVTT-QA, MSVD-QA."""
    return answer.lower().split() == true.lower().split()
