"""One engine and one library for all tests here; each test's changes are rolled back."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from blipdb import database as databases
from blipdb import owner, registry
from blipdb.settings import DATABASE, Settings
from tests.engine.engines import Engine, running
from tests.sql.library import Library, build

NAME = "library"


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    with running() as engine:
        yield engine


@pytest.fixture(scope="session")
def library(cluster: Settings, template: str, engine: Engine) -> Iterator[Library]:
    """Pictures encoded by the tiny model, and an engine that answers for it."""
    with psycopg.connect(cluster.database_url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {NAME} TEMPLATE {template}")
        url = cluster.database_url().replace(f"/{DATABASE}?", f"/{NAME}?")
        settings = Settings(engine.settings.home, url)
        with databases.connect(url) as conn:
            model = registry.register(conn, settings, engine.artifact.folder)
            registry.register(conn, settings, engine.deep.folder, activate=False)
            socket, uid = str(settings.engine_socket), str(owner.current().uid)
            for name, value in (("engine_socket", socket), ("engine_uid", uid)):
                conn.execute("UPDATE blip.settings SET value = %s WHERE name = %s", [value, name])
        yield build(url, model, registry.load(settings, model, *engine.artifact.manifest.graphs))
        admin.execute(f"DROP DATABASE {NAME} WITH (FORCE)")


@pytest.fixture
def conn(library: Library) -> Iterator[psycopg.Connection]:
    """A connection to the library's database, as its superuser; rolled back at the end."""
    with psycopg.connect(library.url) as connection:
        yield connection
        connection.rollback()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--renew-listing", action="store_true", help="write tests/sql/functions.txt")
