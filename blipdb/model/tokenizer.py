"""Text to token ids and back, with errors that name the part that a model can't read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import tokenizers

from ..errors import ModelError, TextError
from .architecture import SpecialTokens

MAX_CAPTION_WORDS = 30  # the rest of a caption is not read, as in BLIP
MAX_SHOWN_CHARACTERS = 60  # of a text that an error repeats
MAX_SHOWN_WORDS = 10  # unknown words that an error repeats
PUNCTUATION = str.maketrans(dict.fromkeys('.!"()*#:;~', " "))  # BLIP's own list


def clean(text: str) -> str:
    """Prepare a caption as BLIP does: lower case; its list of punctuation and runs of white space
    become one space. Control and format characters (Unicode C*) count as white space."""
    return _spaced(_visible(text).translate(PUNCTUATION))


def clean_question(text: str) -> str:
    """Prepare a question as BLIP does: like a caption, but punctuation leaves no space."""
    return _spaced(_visible(text).translate(dict.fromkeys(PUNCTUATION)))


def clean_answer(text: str) -> str:
    """Prepare an answer as BLIP does: its punctuation stays."""
    return _spaced(_visible(text))


def _visible(text: str) -> str:
    """Lower-case a text and remove control characters."""
    if text.isascii() and text.isprintable():
        return text.lower()
    visible = "".join(" " if unicodedata.category(char)[0] == "C" else char for char in text)
    return visible.lower()


def _spaced(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


class Tokenizer:
    """A model's tokenizer.json; safe to use from several threads.

    `max_tokens` counts the first and the last token, which every text gets.
    """

    def __init__(self, data: bytes, special: SpecialTokens, max_tokens: int) -> None:
        """Load the tokenizer from the content of tokenizer.json.

        Raises:
            ModelError: `data` is no tokenizer, or its special tokens are not `special`.
        """
        try:
            self._tokenizer = tokenizers.Tokenizer.from_buffer(data)
        except Exception as error:  # the library raises nothing more specific
            raise ModelError(f"tokenizer.json can't be read: {error}") from None
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True  # "[SEP]" in a text is a text
        self.special = special
        self.max_tokens = max_tokens
        self.vocab_size = self._tokenizer.get_vocab_size()
        for name, token in special.to_dict().items():
            if (text := self._tokenizer.id_to_token(token)) != f"[{name.upper()}]":
                raise ModelError(f"tokenizer.json has {text!r} as token {token}, not {name}.")

    def encode(
        self, text: str, first: int, clean: Callable[[str], str] = clean, *, cut: bool = False
    ) -> list[int]:
        """[first] words [SEP]; with ``cut`` the first words of a text that is too long.

        Raises:
            TextError: nothing is left of the text, no word of it is known, or it is too long.
        """
        cleaned = clean(text)
        encoding = self._tokenizer.encode(cleaned, add_special_tokens=False)
        if not encoding.ids:
            raise TextError(
                "The text is empty."
                if not text.strip()
                else f"The text {_short(text)} has no words.",
                "Ask for something, as in: red bicycle",
            )
        if cut:
            encoding.truncate(self.max_tokens - 2)
        if all(token == self.special.unk for token in encoding.ids):
            raise TextError(*self._unknown(cleaned, encoding))
        if (length := len(encoding.ids) + 2) > self.max_tokens:
            raise TextError(
                f"The text has {length} tokens; the model reads at most {self.max_tokens}.",
                f"Shorten it by {length - self.max_tokens} words or more.",
            )
        return [first, *encoding.ids, self.special.sep]

    def decode(self, ids: list[int]) -> str:
        """Decode ids to words, without special tokens."""
        return str(self._tokenizer.decode(ids, skip_special_tokens=True))

    def _unknown(self, text: str, encoding: tokenizers.Encoding) -> tuple[str, str]:
        words = list(dict.fromkeys(text[start:end] for start, end in encoding.offsets))
        listing = ", ".join(_short(word) for word in words[:MAX_SHOWN_WORDS])
        more = f" and {len(words) - MAX_SHOWN_WORDS} more" if len(words) > MAX_SHOWN_WORDS else ""
        count = self.vocab_size - len(self.special.to_dict())
        return (
            f"The model knows no word of this text: {listing}{more}.",
            f"It reads {count} words; the README.md in the model's folder lists them.",
        )


def _short(text: str) -> str:
    return repr(
        text if len(text) <= MAX_SHOWN_CHARACTERS else text[: MAX_SHOWN_CHARACTERS - 1] + "…"
    )
