"""docs/examples/django: its own tests, on a database of their own."""

from __future__ import annotations

from blipdb.settings import Settings
from tests.examples.processes import run_tests


def test_its_own_tests(served: Settings, elsewhere: str) -> None:
    assert "7 passed" in run_tests("django", elsewhere, served.home)
