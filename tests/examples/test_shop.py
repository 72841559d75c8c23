"""docs/examples/shop: its own tests and migrations, on a database of their own."""

from __future__ import annotations

import psycopg
import pytest

from blipdb.settings import Settings
from tests.examples.processes import run, run_tests


def test_its_own_tests(served: Settings, elsewhere: str) -> None:
    assert "11 passed" in run_tests("shop", elsewhere, served.home)


@pytest.mark.slow
def test_its_migrations(served: Settings, elsewhere: str) -> None:
    def alembic(*command: str) -> str:
        return run("shop", elsewhere, served.home, "alembic", *command)

    alembic("upgrade", "head")
    with psycopg.connect(elsewhere) as conn:
        keys = conn.execute(
            "SELECT count(*) FROM pg_constraint"
            " WHERE conrelid = 'products'::regclass AND confrelid = 'blip.images'::regclass"
        ).fetchone()
    assert keys == (1,)
    alembic("downgrade", "base")
    assert "REFERENCES blip.images" in alembic("upgrade", "head", "--sql")
