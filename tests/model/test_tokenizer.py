from __future__ import annotations

import pytest
import tokenizers
from hypothesis import given
from hypothesis import strategies as st

from blipdb.errors import ModelError, TextError
from blipdb.model.architecture import SpecialTokens
from blipdb.model.tokenizer import Tokenizer, clean, clean_answer, clean_question
from blipdb.training.datasets.vocabulary import build_tokenizer
from tests.tiny import MAX_TOKENS, SPECIAL, WORDS, tiny_tokenizer

RED, BICYCLE = (len(SPECIAL.to_dict()) + WORDS.index(word) for word in ("red", "bicycle"))


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return Tokenizer(tiny_tokenizer(), SPECIAL, MAX_TOKENS)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("A Red  Bicycle.", "a red bicycle"),
        ('red.bicycle!(a)"b"*#c:d;e~', "red bicycle a b c d e"),
        ("red,bicycle's", "red,bicycle's"),
        ("\x00red\x1bbicycle\u200b\ud800\n", "red bicycle"),
        (" \t\r\n ", ""),
    ],
)
def test_clean(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        ("Is it RED?", "is it red?", "is it red?"),
        ("the dog's #1  (red)", "the dog's 1 red", "the dog's #1 (red)"),
        ("1:30 p.m.", "130 pm", "1:30 p.m."),
        ("\x00red\nbicycle ", "red bicycle", "red bicycle"),
    ],
)
def test_questions_lose_punctuation_and_answers_keep_it(
    text: str, question: str, answer: str
) -> None:
    assert clean_question(text) == question
    assert clean_answer(text) == answer


def test_encode_frames_the_words(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode(" Red\tBICYCLE! ", SPECIAL.enc) == [5, RED, BICYCLE, 3]
    assert tokenizer.encode("red bicycle", SPECIAL.cls) == [2, RED, BICYCLE, 3]


def test_a_known_word_among_unknown_is_enough(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("red zebra", SPECIAL.cls) == [2, RED, SPECIAL.unk, 3]


def test_special_tokens_in_a_text_are_words(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("red [SEP]", SPECIAL.cls) == [2, RED, SPECIAL.unk, 3]


def test_decode_leaves_special_tokens_out(tokenizer: Tokenizer) -> None:
    assert tokenizer.decode([SPECIAL.dec, RED, BICYCLE, SPECIAL.sep]) == "red bicycle"
    assert tokenizer.decode([]) == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "The text is empty"),
        (" \n\x00", r"The text ' \\n\\x00' has no words"),
        ("?! ...", "no word of this text: '\\?'"),
        ("!...", "The text '!...' has no words"),
        ("zebra lynx zebra", "knows no word of this text: 'zebra', 'lynx'\\."),
        (" ".join(f"w{i}" for i in range(15)), "'w9' and 5 more\\."),
        ("red " * 19, "has 21 tokens; the model reads at most 20"),
    ],
)
def test_what_cannot_be_read_says_why(tokenizer: Tokenizer, text: str, message: str) -> None:
    with pytest.raises(TextError, match=message) as caught:
        tokenizer.encode(text, SPECIAL.cls)
    assert caught.value.hint


def test_the_longest_text_is_read(tokenizer: Tokenizer) -> None:
    assert len(tokenizer.encode("red " * 18, SPECIAL.cls)) == MAX_TOKENS


def test_errors_stay_short(tokenizer: Tokenizer) -> None:
    with pytest.raises(TextError) as caught:
        tokenizer.encode("x" * 100_000, SPECIAL.cls)
    assert len(str(caught.value)) < 300


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    tokenizer = Tokenizer(tiny_tokenizer(), SPECIAL, MAX_TOKENS)
    try:
        ids = tokenizer.encode(text, SPECIAL.cls)
    except TextError:
        return
    assert (ids[0], ids[-1]) == (SPECIAL.cls, SPECIAL.sep)
    assert len(ids) <= MAX_TOKENS


def test_a_trained_tokenizer_is_read() -> None:
    data = build_tokenizer(["red", "bicycle"]).to_str().encode()
    tokenizer = Tokenizer(data, SPECIAL, max_tokens=6)
    assert tokenizer.encode("red bicycle, 'red'!", SPECIAL.cls) == [2, 7, 6, 7, 3]
    assert tokenizer.decode([7, 6]) == "red bicycle"
    with pytest.raises(TextError, match="11 tokens"):
        tokenizer.encode("red " * 9, SPECIAL.cls)


def test_limits_of_the_file_do_not_count() -> None:
    """Text that a tokenizer.json would cut is refused, not cut."""
    cutting = tokenizers.Tokenizer.from_buffer(tiny_tokenizer())
    cutting.enable_truncation(4)
    cutting.enable_padding(length=9)
    tokenizer = Tokenizer(cutting.to_str().encode(), SPECIAL, MAX_TOKENS)
    assert len(tokenizer.encode("red " * 8, SPECIAL.cls)) == 10


def test_other_special_tokens_are_refused() -> None:
    with pytest.raises(ModelError, match=r"has '\[SEP\]' as token 3, not cls"):
        Tokenizer(tiny_tokenizer(), SpecialTokens(cls=3, sep=2), MAX_TOKENS)
    with pytest.raises(ModelError, match=r"tokenizer.json can't be read"):
        Tokenizer(b"{}", SPECIAL, MAX_TOKENS)
