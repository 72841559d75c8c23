"""The synchronous client is generated from the asynchronous one."""

from __future__ import annotations

import pytest

from tests.house.async_to_sync import GENERATED, ORIGINAL, synchronous


def test_the_synchronous_client_is_as_generated() -> None:
    assert GENERATED.read_text() == synchronous(ORIGINAL.read_text()), (
        "generate it again: python -m tests.house.async_to_sync"
    )


def test_asynchronous_code_that_is_left_is_an_error() -> None:
    original = ORIGINAL.read_text()
    with pytest.raises(ValueError, match="asyncio is left"):
        synchronous(original.replace("from uuid", "import asyncio\nfrom uuid"))
    with pytest.raises(ValueError, match="not exactly one"):
        synchronous(original.replace("The asynchronous client", "The client"))
