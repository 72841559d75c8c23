"""Real parts for every test: a private cluster of the session's own, and fresh databases in it."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

import blipdb.engine.daemon
import blipdb.host.cluster
import blipdb.services
from blipdb.registry import Model
from blipdb.settings import DATABASE, Settings
from tests.tiny import tiny_artifact

# Tiny models on shared cores: torch's threads would wait for each other many times longer than
# they work. It reads this when it is imported, which is later.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # where a test loads it before blipdb.model.runtime does

TEMPLATE = "blipdb_template"
_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> None:
    """A shell has what it runs in the background ignore Ctrl-C, and that is inherited."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    """No BLIPDB_* variable of the caller reaches a test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith("BLIPDB_"):
                patch.delenv(name)
        yield


def _make_home() -> Path:
    """A short path, for the sockets in it, that the servers' user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="blip", dir="/tmp"))
    folder.chmod(0o755)
    return folder


@pytest.fixture(scope="session")
def home() -> Iterator[Path]:
    """The session's home folder, removed at the end."""
    folder = _make_home()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def empty_home() -> Iterator[Path]:
    """A folder for one test's home; a test that brings up servers in it stops them too."""
    folder = _make_home()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def cluster(home: Path) -> Iterator[Settings]:
    """A running private cluster; tests must leave it running."""
    settings = Settings(home)
    blipdb.host.cluster.up(settings)
    _forgo_durability(settings)
    yield settings
    blipdb.host.cluster.down(settings)


def _forgo_durability(cluster: Settings) -> None:
    """Write without waiting for the disk: a test's database costs a tenth, and dies with the test.

    What survives a killed server is tested in clusters of those tests' own.
    """
    with psycopg.connect(cluster.database_url(), autocommit=True) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {name} = off".encode())
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def template(cluster: Settings) -> str:
    """The name of an initialised database that others are copied from."""
    with psycopg.connect(cluster.database_url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    from blipdb.database import schema

    schema.init(_url(cluster, TEMPLATE), cluster)
    return TEMPLATE


@pytest.fixture
def database(cluster: Settings, template: str) -> Iterator[str]:
    """The URL of a fresh, initialised database."""
    with _copy(cluster, template) as url:
        yield url


@pytest.fixture(scope="module")
def module_database(cluster: Settings, template: str) -> Iterator[str]:
    """As ``database``, shared by a module's tests."""
    with _copy(cluster, template) as url:
        yield url


@pytest.fixture
def conn(database: str) -> Iterator[psycopg.Connection]:
    """A connection to this test's ``database``."""
    with psycopg.connect(database) as connection:
        yield connection


@pytest.fixture(scope="session")
def served(cluster: Settings) -> Iterator[Settings]:
    """All that a user has: the cluster, its own database, the bundled model, and an engine."""
    blipdb.services.up(cluster)
    yield cluster
    blipdb.engine.daemon.stop(cluster)


@pytest.fixture
def elsewhere(served: Settings, database: str) -> str:
    """The URL of a fresh database with the bundled model, whose engine is ``served``'s."""
    with blipdb.database.connection.connect(database, autocommit=True) as connection:
        blipdb.registry.register_bundled(connection, Settings(served.home, database))
    return database


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model with random weights."""
    return tiny_artifact(tmp_path_factory.mktemp("tiny")).folder


@pytest.fixture
def ready(database: str, tiny_folder: Path, tmp_path: Path) -> Settings:
    """Settings of a fresh database in which the tiny model is registered and active."""
    settings = Settings(tmp_path / "home", database)
    with blipdb.database.connection.connect(database, autocommit=True) as connection:
        blipdb.registry.register(connection, settings, tiny_folder)
    return settings


@pytest.fixture
def boss(ready: Settings) -> Iterator[psycopg.Connection]:
    """A connection to the ``ready`` database that commits each statement."""
    with blipdb.database.connection.connect(ready.database_url(), autocommit=True) as connection:
        yield connection


@pytest.fixture
def model(boss: psycopg.Connection) -> Model:
    """The tiny model."""
    return blipdb.registry.active(boss, "retrieval")


def _url(cluster: Settings, name: str) -> str:
    return cluster.database_url().replace(f"/{DATABASE}?", f"/{name}?")


@contextmanager
def _copy(cluster: Settings, template: str) -> Iterator[str]:
    name = f"test_{next(_numbers)}"
    with psycopg.connect(_url(cluster, "postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield _url(cluster, name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
