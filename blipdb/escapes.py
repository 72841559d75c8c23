"""Texts of strangers, made fit to be printed: nothing in them moves a cursor or turns a line."""

from __future__ import annotations

import re

# C0, DEL and C1 controls; Unicode's line, paragraph and bidirectional controls; lone surrogates
# (bytes of a file name that are not UTF-8).
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

NAMED = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


def visible(text: str) -> str:
    """``text`` with every control character written as its escape."""
    return UNSAFE.sub(lambda match: _escape(match.group()), text)


def _escape(character: str) -> str:
    # Not by the codec unicode_escape: it is imported when first used, which an engine can't do once
    # it has given up root's rights.
    code = ord(character)
    return NAMED.get(character) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")
