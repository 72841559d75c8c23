"""BERT's tokenizer with BLIP's two tokens: ``[DEC]`` opens a caption, ``[ENC]`` a text for ITM."""

from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from ..errors import ModelError
from ..model.architecture import SpecialTokens

TOKENIZER, VOCABULARY = "tokenizer.json", "vocab.txt"
ADDED = ("[DEC]", "[ENC]")
"""In this order behind BERT's own: salesforce/BLIP adds them so, hence ids 30522 and 30523."""


def read_tokenizer(folder: Path, vocab_size: int) -> tuple[bytes, SpecialTokens]:
    """tokenizer.json and the ids of the special tokens, from a folder's tokenizer.json or BERT's
    vocab.txt.

    Raises:
        ModelError: neither is there, or it has another number of tokens than ``vocab_size``.
    """
    tokenizer = find_tokenizer(folder)
    if (size := tokenizer.get_vocab_size()) != vocab_size:
        raise ModelError(
            f"The tokenizer of {folder} has {size} tokens with {' and '.join(ADDED)}; "
            f"the weights have {vocab_size}."
        )
    vocabulary = tokenizer.get_vocab()
    words = {name: f"[{name.upper()}]" for name in SpecialTokens().to_dict()}
    if missing := [word for word in words.values() if word not in vocabulary]:
        raise ModelError(f"The tokenizer of {folder} has no {', '.join(missing)}.")
    special = SpecialTokens(**{name: vocabulary[word] for name, word in words.items()})
    return tokenizer.to_str().encode(), special


def find_tokenizer(folder: Path) -> Tokenizer:
    """A folder's tokenizer.json, or BERT's over its vocab.txt, with BLIP's two tokens.

    Raises:
        ModelError: neither is there, or it can't be read.
    """
    tokenizer = _find(folder)
    tokenizer.add_special_tokens(list(ADDED))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _find(folder: Path) -> Tokenizer:
    try:
        if (folder / TOKENIZER).exists():
            return Tokenizer.from_file(str(folder / TOKENIZER))
        if (folder / VOCABULARY).exists():
            return bert(folder / VOCABULARY)
    except Exception as error:  # the library raises nothing more specific
        raise ModelError(f"The tokenizer of {folder} can't be read: {error}") from None
    raise ModelError(
        f"{folder} has neither {TOKENIZER} nor {VOCABULARY}.",
        "Salesforce's files come without one: put BERT's (bert-base-uncased) vocab.txt beside it.",
    )


def bert(vocabulary: Path) -> Tokenizer:
    """BERT's uncased WordPiece tokenizer (arXiv 1810.04805) over a list of its pieces."""
    words = vocabulary.read_text().splitlines()
    pieces = models.WordPiece({word: i for i, word in enumerate(words)}, unk_token="[UNK]")
    tokenizer = Tokenizer(pieces)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.add_special_tokens([word for word in words if word.startswith("[") and word[1:4] in
                                  ("PAD", "UNK", "CLS", "SEP", "MAS")])  # fmt: skip
    return tokenizer
