"""An engine for a module's tests, and a database that knows it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from blipdb import owner
from tests.engine.engines import Engine, running


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with running() as engine:
        yield engine


@pytest.fixture
def conn(module_database: str, engine: Engine) -> Iterator[psycopg.Connection]:
    """A connection whose database asks ``engine``."""
    with psycopg.connect(module_database, autocommit=True) as connection:
        values = {
            "engine_socket": str(engine.settings.engine_socket),
            "engine_uid": str(owner.current().uid),
        }
        for name, value in values.items():
            connection.execute("UPDATE blip.settings SET value = %s WHERE name = %s", (value, name))
        yield connection
