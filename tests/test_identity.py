from __future__ import annotations

from hashlib import sha256
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blipdb.identity import caption_id, image_id

SPACES = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))


def test_image_id_is_half_of_the_hash() -> None:
    assert image_id("a", b"xyz").hex == sha256(b"a\x00xyz").hexdigest()[:32]
    assert image_id("", b"").hex == sha256(b"\x00").hexdigest()[:32]


def test_caption_id_is_half_of_the_hash() -> None:
    assert caption_id("web", "été").hex == sha256(b"web\x00\xc3\xa9t\xc3\xa9").hexdigest()[:32]


@given(SPACES, st.binary(), SPACES, st.binary())
def test_no_two_pairs_share_an_id(space: str, content: bytes, other: str, more: bytes) -> None:
    same = (space, content) == (other, more)
    assert (image_id(space, content) == image_id(other, more)) is same


def test_a_space_with_nul_could_be_mistaken() -> None:
    with pytest.raises(ValueError, match="contains NUL"):
        image_id("a\x00b", b"")


def test_sql_makes_the_same_ids(conn: psycopg.Connection[Any]) -> None:
    png = b"\x89PNG\r\n\x1a\n\x00\xff rest"
    row = conn.execute("SELECT blip_add(%s, 'u', 'ein Fahrrad', space => 'ü')", [png]).fetchone()
    assert row == (image_id("ü", png),)
    row = conn.execute("SELECT caption_id FROM blip.captions").fetchone()
    assert row == (caption_id("web", "ein Fahrrad"),)
