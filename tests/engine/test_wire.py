"""Requests as bytes and back."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blipdb.engine.wire import FRAMED, LARGEST_HEAD, PLAIN, pack, unpack

HEADS = st.dictionaries(st.text(max_size=9), st.text() | st.integers() | st.booleans(), max_size=5)


@given(HEADS, st.none() | st.binary(max_size=99))
def test_what_is_packed_is_unpacked(head: dict[str, Any], raw: bytes | None) -> None:
    kind, body = pack(head, raw)
    found, rest = unpack(kind, body)
    assert found == head
    assert bytes(rest) == (raw or b"")


@given(st.sampled_from([PLAIN, FRAMED, "", "text/html"]), st.binary(max_size=200))
def test_anything_else_is_a_value_error_or_an_object(kind: str, body: bytes) -> None:
    try:
        head, _ = unpack(kind, body)
    except ValueError:
        return
    assert isinstance(head, dict)


@pytest.mark.parametrize(
    ("kind", "body", "message"),
    [
        ("", b"{}", "its type is missing"),
        (PLAIN, b"[]", "no object"),
        (PLAIN, b"[" * 9_999, "nested too deeply"),
        (FRAMED, b"\1\0", "no length"),
        (FRAMED, struct.pack("<I", 9) + b"{}", "2 bytes, not 9"),
        (PLAIN, b" " * LARGEST_HEAD + b"{}", "at most 65,536"),
    ],
)
def test_what_is_wrong_is_said(kind: str, body: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        unpack(kind, body)
