"""The limits that calls share, in the words of the SQL functions (`sql/model.sql` and others)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import UsageError
from . import arguments

MOST = 1000  # hits, candidates, images to rerank
MOST_TEXT = 10_000  # characters of a query, and of a caption
MOST_QUESTION = 60_000  # bytes of a question and the answers to choose among
MOST_ANSWERS = 4000
MOST_BYTES = 64 << 20  # of an image


def wanted(k: int, candidates: int | None) -> int:
    """Return the number of candidates to recall.

    Raises:
        UsageError: they, or ``k``, are out of their range.
    """
    require("k", k, 1, MOST)
    count = max(32, k) if candidates is None else candidates
    return require("candidates", count, k, MOST)


def require(name: str, value: int, low: int, high: int) -> int:
    """Check that a number lies between two limits, and return it.

    Raises:
        UsageError: it is no whole number between the limits.
    """
    arguments.whole(name, value)
    if not low <= value <= high:
        raise UsageError(f"{name} must be between {low} and {high}, not {value}")
    return value


def require_text(query: str) -> str:
    """Check the text of a query, and return it.

    Raises:
        UsageError: it has no word, or is far longer than any model reads.
    """
    if not re.search(r"\S", query):
        raise UsageError("the query is empty", "Say what to look for, as in: search('red bicycle')")
    if len(query) > MOST_TEXT:
        raise UsageError(f"the query has {len(query)} characters; at most {MOST_TEXT} are read")
    return query


def require_caption(caption: str) -> str:
    """Check the length of a caption, and return it.

    Raises:
        UsageError: it is far longer than any text about an image.
    """
    if len(caption) > MOST_TEXT:
        raise UsageError(
            f"the caption has {len(caption)} characters; at most {MOST_TEXT} are taken"
        )
    return caption


def require_image(image: bytes) -> bytes:
    """Check the size of an image file, and return its bytes.

    Raises:
        UsageError: it has no bytes, or too many.
    """
    if not image:
        raise UsageError("the image is empty")
    if len(image) > MOST_BYTES:
        raise UsageError(f"the image has {len(image)} bytes; at most {MOST_BYTES} are taken")
    return image


def require_question(question: str, among: Sequence[str] | None) -> None:
    """Check a question and the answers to choose among.

    Raises:
        UsageError: it has no word, or there are no answers or too many.
    """
    if not re.search(r"\S", question):
        raise UsageError(
            "the question is empty",
            "Ask something, as in: answer(image_id, 'what colour is the bicycle?')",
        )
    if among is not None:
        require("the number of answers in among", len(among), 1, MOST_ANSWERS)
    size = len(question.encode()) + sum(len(text.encode()) for text in among or ())
    if size > MOST_QUESTION:
        raise UsageError(
            f"question and answers take {size} bytes; at most {MOST_QUESTION} are read"
        )


def require_decoding(asked: arguments.Decoding) -> arguments.Decoding:
    """Check the options of a captioner, and return them.

    Raises:
        UsageError: something is out of its range.
    """
    if asked.beams is not None:
        require("beams", asked.beams, 1, 10)
    if asked.max_tokens is not None:
        require("max_tokens", asked.max_tokens, 1, 512)
    if asked.nucleus is not None and not 0 < asked.nucleus <= 1:
        raise UsageError(f"nucleus must be above 0 and at most 1, not {asked.nucleus:g}")
    return asked


def mime(image: bytes) -> str:
    """The type of a file by its first bytes; whether the rest decodes is for the worker to find
    out.

    Raises:
        UsageError: it is in no format that is taken.
    """
    head = image[:12].hex()
    for pattern, name in _MIMES:
        if re.match(pattern, head):
            return name
    raise UsageError(
        "the image is in no format that is taken: JPEG, PNG, WebP, GIF, BMP or TIFF"
        f" (Its first bytes are \\x{head}.)"
    )


_MIMES = (
    ("ffd8ff", "image/jpeg"),
    ("89504e470d0a1a0a", "image/png"),
    ("52494646.{8}57454250", "image/webp"),
    ("474946383.61", "image/gif"),
    ("424d", "image/bmp"),
    ("49492a00|4d4d002a", "image/tiff"),
)
