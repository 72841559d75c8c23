"""An engine for a module's tests, and a database that knows it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from blipdb.host import owner
from tests.engine.engines import Engine, running


@pytest.fixture(scope="module")
def module_engine() -> Iterator[Engine]:
    with running() as engine:
        yield engine


@pytest.fixture
def engine(module_engine: Engine) -> Engine:
    """The module's engine, alive whatever the test before did to it."""
    if module_engine.process.poll() is not None:
        module_engine.restart()
    return module_engine


@pytest.fixture
def conn(module_database: str, engine: Engine) -> Iterator[psycopg.Connection]:
    """A connection whose database asks ``engine``.

    By the simple protocol: in the extended one PostgreSQL drops a cancel that comes between a
    statement's messages.
    """
    options: dict[str, Any] = {"autocommit": True, "cursor_factory": psycopg.ClientCursor}
    with psycopg.connect(module_database, **options) as connection:
        values = {
            "engine_socket": str(engine.settings.engine_socket),
            "engine_uid": str(owner.current().uid),
        }
        for name, value in values.items():
            connection.execute("UPDATE blip.settings SET value = %s WHERE name = %s", (value, name))
        yield connection
