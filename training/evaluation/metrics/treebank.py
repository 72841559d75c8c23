"""Tokenization of captions for comparison, as in the Penn Treebank, without punctuation.

The standard evaluation of captions splits them with Stanford's PTBTokenizer, a Java program. Where
there is no Java, `words` does it. It agrees with Stanford's on captions as people write them
(tests hold the two against each other where Java is there), and knows nothing of what captions
hardly have: file names, smileys, and most abbreviations with a period.
"""

from __future__ import annotations

import re

PUNCTUATION = frozenset("""'"`.?!,:-;""")
"""Words that don't count. In the standard package it names brackets, too, but in capitals, while
words come in lower case: so they count there, and here."""

ABBREVIATIONS = """
    mr mrs ms dr st ave blvd rd ft mt jr sr inc co corp ltd bros etc vs dept est lt gen col sgt capt
    maj prof rev gov sen rep pres hon univ bldg assn ct sq jan feb mar apr aug sept oct nov dec mon
    tue wed thu fri
""".split()  # noqa: SIM905
IN_TWO = {
    "cannot": "can not",
    "gimme": "gim me",
    "gonna": "gon na",
    "gotta": "got ta",
    "lemme": "lem me",
    "wanna": "wan na",
    "y'all": "y' all",
}
TYPOGRAPHIC = {
    "‘": "'", "’": "'", "“": '"', "”": '"', "–": "--", "—": "--", "…": "...", "½": " 1/2",
    "¼": " 1/4", "¾": " 3/4", "€": "$", "£": "#", "&amp;": "&",
}  # fmt: skip
BRACKETS = {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}

TOKEN = re.compile(
    rf"""
    https?://\S+ | www\.\S+ | [\w.+-]+@[\w-]+(?:\.[\w-]+)+ | @\w+  # addresses
    | (?-i: [A-Z]+&[A-Z]+)                                        # AT&T, but black & white
    | (?<!\w)(?:[a-z]\.)+(?!\w)                                   # a.m., u.s., plan b.
    | (?:{"|".join(ABBREVIATIONS)})\. | no\.(?=\s*\d)
    | [a-z]+?(?=n't(?!\w)) | n't(?!\w)                            # do n't
    | '(?:s|m|d|ll|re|ve)(?!\w)                                   # 's
    | 't(?=is\b|was\b) | (?<!\w)'(?:\d\ds?|n)\b'?                # 't is, the '90s, rock 'n' roll
    | y'(?=\sall) | [a-hj-xz]'[a-z]{{2,}} | ma'am                  # o'brien
    | \d+(?:[:,]\d+)+(?:\.\d+)?                                  # 10:30 pm, 3,000
    | (?<!\w)\.\d+ | (?<!\S)-\d+                                 # .5, -2
    | \w+(?:[-./]\w+)*                                           # half-eaten, man/woman
    | \.{{3,}} | --+ | [!?]+ | \*+ | \S
    """,
    re.VERBOSE | re.IGNORECASE,
)
DASHES = re.compile(r"\.{3,}|--+")


def words(caption: str) -> list[str]:
    """Split a caption into words, in lower case, as in `a man 's t-shirt`; without punctuation."""
    text = caption
    for typographic, plain in TYPOGRAPHIC.items():
        text = text.replace(typographic, plain)
    for whole, parts in IN_TWO.items():
        text = re.sub(rf"(?<![\w'-]){whole}(?![\w'-])", parts, text, flags=re.IGNORECASE)
    tokens = (BRACKETS.get(token, token.lower()) for token in TOKEN.findall(text))
    return [token for token in tokens if token not in PUNCTUATION and not DASHES.fullmatch(token)]
