"""One library with an app's tables beside it; each test's changes are rolled back."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine, create_engine
from sqlalchemy.orm import Session

from blipdb.database import schema
from blipdb.settings import Settings
from tests.engine import engines
from tests.orm import shop
from tests.sql.library import Library, stocked


@pytest.fixture(scope="session")
def engine() -> Iterator[engines.Engine]:
    with engines.running() as engine:
        yield engine


@pytest.fixture(scope="session")
def library(cluster: Settings, template: str, engine: engines.Engine) -> Iterator[Library]:
    """Pictures encoded by the tiny model, an engine that answers for it, and a shop."""
    with stocked(cluster, template, engine, "shop") as library:
        _add_shop(library)
        yield library


@pytest.fixture(scope="session")
def tables(cluster: Settings, template: str, engine: engines.Engine) -> Iterator[Library]:
    """The same without the extension: there, this process computes."""
    with stocked(cluster, template, engine, "shop_tables") as library:
        _add_shop(library)
        with psycopg.connect(library.url) as conn:
            conn.execute("DROP EXTENSION blipdb")
            schema.ensure_plain_functions(conn)
        yield library


def _add_shop(library: Library) -> None:
    made = create_engine(alchemy_url(library.url))
    shop.Base.metadata.create_all(made)
    with Session(made) as session, session.begin():
        shop.stock(session, library)
    made.dispose()


@pytest.fixture
def models(engine: engines.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process's models are the engine's."""
    monkeypatch.setenv("BLIPDB_HOME", str(engine.settings.home))


@pytest.fixture(scope="session")
def alchemy(library: Library) -> Iterator[Engine]:
    """An SQLAlchemy engine, as an app makes it."""
    made = create_engine(alchemy_url(library.url))
    yield made
    made.dispose()


@pytest.fixture(scope="session")
def alchemy_of_tables(tables: Library) -> Iterator[Engine]:
    made = create_engine(alchemy_url(tables.url))
    yield made
    made.dispose()


@pytest.fixture
def session(alchemy: Engine) -> Iterator[Session]:
    """A session, rolled back at the end."""
    with Session(alchemy) as session:
        yield session
        session.rollback()


@pytest.fixture(params=["functions", "tables"])
def anywhere(request: pytest.FixtureRequest, models: None) -> Iterator[Session]:
    """A session on a server with blipdb's functions, and on one without an engine."""
    name = "alchemy" if request.param == "functions" else "alchemy_of_tables"
    with Session(request.getfixturevalue(name)) as session:
        yield session
        session.rollback()


@pytest.fixture
def by_functions(alchemy: Engine) -> Iterator[Session]:
    """A session for what only a server with functions can do; see test_in_process."""
    with Session(alchemy) as session:
        yield session
        session.rollback()


def alchemy_url(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1)
