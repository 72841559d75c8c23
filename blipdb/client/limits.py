"""Limits that are checked before a text or an image is given to a model in this process.

`sql/model.sql` has the same, in the same words; a test compares them.
"""

from __future__ import annotations

import re

from ..errors import UsageError

MAX_TEXT = 10_000  # characters of a query
MAX_BYTES = 64 << 20  # of an image


def require_text(query: str) -> str:
    """Check the text of a query, and return it.

    Raises:
        UsageError: it has no word, or is far longer than any model reads.
    """
    if not re.search(r"\S", query):
        raise UsageError("the query is empty", "Say what to look for, as in: search('red bicycle')")
    if len(query) > MAX_TEXT:
        raise UsageError(f"the query has {len(query)} characters; at most {MAX_TEXT} are read")
    return query


def require_image(image: bytes) -> bytes:
    """Check the size of an image file, and return its bytes.

    Raises:
        UsageError: it has no bytes, or too many.
    """
    if not image:
        raise UsageError("the image is empty")
    if len(image) > MAX_BYTES:
        raise UsageError(f"the image has {len(image)} bytes; at most {MAX_BYTES} are taken")
    return image
