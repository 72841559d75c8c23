"""A library as ``tests/sql`` has it, for attacks on it; each is rolled back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from blipdb.settings import Settings
from tests.engine.engines import Engine
from tests.security.attackers import prepare
from tests.sql.conftest import conn, engine
from tests.sql.library import Library, stocked

__all__ = ["conn", "engine"]

Connection = psycopg.Connection[Any]


@pytest.fixture(scope="session")
def library(cluster: Settings, template: str, engine: Engine) -> Iterator[Library]:
    """Pictures encoded by the tiny model, in a database of these tests' own."""
    with stocked(cluster, template, engine, "attacked") as library:
        yield library


@pytest.fixture
def tenants(conn: Connection) -> Connection:
    """Row-level security by space, which the parameter app.space names."""
    conn.execute("ALTER TABLE blip.images ENABLE ROW LEVEL SECURITY")
    conn.execute("CREATE POLICY tenant ON blip.images USING (space = current_setting('app.space'))")
    return conn


@pytest.fixture
def act_as(conn: Connection) -> Callable[..., None]:
    """A function that becomes a role, and a tenant, until the transaction ends."""

    def change(role: str, space: str | None = None) -> None:
        conn.execute(f"SET LOCAL ROLE {role}".encode())
        if space is not None:
            conn.execute("SELECT set_config('app.space', %s, true)", [space])

    return change


@pytest.fixture
def refused(conn: Connection) -> Callable[..., psycopg.Error]:
    """The error of a statement, which must have one."""

    def run(statement: str, *values: Any) -> psycopg.Error:
        with pytest.raises(psycopg.Error) as caught, conn.transaction():
            conn.execute(statement.encode(), values)
        return caught.value

    return run


@pytest.fixture
def mallory(boss: Connection) -> Iterator[Connection]:
    """A superuser's connection to a database where Mallory's table ``evil.goods`` is not yet
    attached; each test acts as her where it must."""
    prepare(boss)
    yield boss
    boss.execute("RESET ROLE")
    boss.execute("DROP OWNED BY mallory CASCADE; DROP OWNED BY app CASCADE")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seconds", type=float, default=2, help="of each ordeal of deadlocks")
