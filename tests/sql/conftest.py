"""One engine and one library for all tests here; each test's changes are rolled back."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from blipdb.settings import Settings
from tests.engine.engines import Engine, running
from tests.sql.library import Library, stocked


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    with running() as engine:
        yield engine


@pytest.fixture(scope="session")
def library(cluster: Settings, template: str, engine: Engine) -> Iterator[Library]:
    """Pictures encoded by the tiny model, and an engine that answers for it."""
    with stocked(cluster, template, engine, "library") as library:
        yield library


@pytest.fixture
def conn(library: Library) -> Iterator[psycopg.Connection]:
    """A connection to the library's database, as its superuser; rolled back at the end."""
    with psycopg.connect(library.url) as connection:
        yield connection
        connection.rollback()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew-listing", action="store_true", help="write tests/sql/functions.txt")
