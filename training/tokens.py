"""The tokenizer of a closed world: a token for each of its words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from tokenizers import Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import WordLevel

from blipdb.architecture import SpecialTokens


def build_tokenizer(words: Iterable[str]) -> Tokenizer:
    """Lowercased words in sorted order behind the special tokens; punctuation is dropped.

    A text becomes `[CLS] words [SEP]`; an unknown word is `[UNK]`.
    """
    special = {f"[{name.upper()}]": token for name, token in asdict(SpecialTokens()).items()}
    known = sorted({word.lower() for word in words})
    vocabulary = special | {word: len(special) + i for i, word in enumerate(known)}
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
