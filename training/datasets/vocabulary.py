"""Tokenizer of a closed vocabulary: a token for each word."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import WordLevel

from blipdb.checkpoints.vocabulary import find_tokenizer
from blipdb.model.architecture import SpecialTokens


class VocabularyError(ValueError):
    """A tokenizer with which BLIP can't be trained."""


def build_tokenizer(words: Iterable[str]) -> Tokenizer:
    """Build a tokenizer of lower-case words, sorted, behind the special tokens; punctuation is
    dropped.

    A text becomes `[CLS] words [SEP]`; an unknown word is `[UNK]`.
    """
    special = {f"[{name.upper()}]": token for name, token in asdict(SpecialTokens()).items()}
    unique_words = sorted({word.lower() for word in words})
    vocabulary = special | {word: len(special) + i for i, word in enumerate(unique_words)}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.add_special_tokens(list(special))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"[^\p{L}\p{N}]+"), " "),
            normalizers.Strip(),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[(name, special[name]) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def special_tokens(tokenizer: Tokenizer) -> SpecialTokens:
    """Ids of the special tokens.

    Raises:
        VocabularyError: one is missing.
    """
    vocabulary = tokenizer.get_vocab()
    words = {name: f"[{name.upper()}]" for name in asdict(SpecialTokens())}
    if missing := [word for word in words.values() if word not in vocabulary]:
        raise VocabularyError(f"the tokenizer has no {', '.join(missing)}")
    return SpecialTokens(**{name: vocabulary[word] for name, word in words.items()})


def prompt_tokens(tokenizer: Tokenizer, prompt: str) -> int:
    """Count a prompt's tokens, without those around every text."""
    return len(tokenizer.encode(prompt).ids) - 2 if prompt else 0


def read_vocabulary(folder: Path) -> Tokenizer:
    """Read the tokenizer.json of a folder, or BERT's over its vocab.txt, with BLIP's two tokens; a
    text becomes `[CLS] words [SEP]`.

    Raises:
        ModelError: neither is there, or it can't be read.
        VocabularyError: a token with a role of its own is missing.
    """
    tokenizer = find_tokenizer(folder)
    special = special_tokens(tokenizer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", special.cls), ("[SEP]", special.sep)],
    )
    return tokenizer
