"""Two kinds of servers that hold the same scenes: one with the extension and an engine, and one
with tables and plain functions, made by an ordinary role.

``read`` is for tests that only read; what ``write`` gives is a copy of one test's own.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

import blipdb.database.connection
import blipdb.database.schema
import blipdb.registry
from blipdb.host import owner
from blipdb.identity import caption_id, image_id
from blipdb.ingest.run import ingest
from blipdb.model.artifact import Decoding
from blipdb.scenes.demo import draw_missing, plan_album
from blipdb.settings import DATABASE, Settings
from tests.tiny import tiny_artifact

SCENES = 8
ROLE = "shop"  # may log in, and make schemas where it was let
READER = "visitor"  # may log in, and is what the tables' owner grants
KINDS = ("server", "client")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class World:
    """A database that holds the pictures; ``kind`` is who computes. ``url`` is its owner's, or the
    superuser's where the extension is; ``admin`` is the superuser's."""

    kind: str
    home: Path
    url: str
    admin: str
    paths: tuple[Path, ...]

    @property
    def settings(self) -> Settings:
        return Settings(self.home, self.url)

    @property
    def contents(self) -> list[bytes]:
        return [path.read_bytes() for path in self.paths]

    @property
    def ids(self) -> list[UUID]:
        return [image_id("", content) for content in self.contents]

    def url_as(self, role: str) -> str:
        return self.admin.replace("postgres@", f"{role}@")


@pytest.fixture(scope="session")
def paths(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Drawn scenes."""
    album = plan_album(tmp_path_factory.mktemp("album"))
    return tuple(picture.path for picture in islice(draw_missing(album), SCENES))


@pytest.fixture(scope="session")
def answerer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model that answers questions."""
    folder = tmp_path_factory.mktemp("vqa")
    decoding = Decoding("", 3, 1, 10)
    return tiny_artifact(folder, 3, name="vqa", roles=("answerer",), decoding=decoding).folder


@pytest.fixture(scope="session")
def roles(cluster: Settings) -> None:
    """The ordinary roles, whom the cluster lets in as it does its superuser."""
    ours = {"root", owner.current().name}
    lines = [f'blipdb "{name}" {role}\n' for name in sorted(ours) for role in (ROLE, READER)]
    with (cluster.cluster_dir.parent / "pg_ident.conf").open("a") as file:
        file.writelines(lines)
    with psycopg.connect(cluster.database_url(), autocommit=True) as admin:
        for role in (ROLE, READER):
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(role)))
        admin.execute("SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def with_functions(
    served: Settings, template: str, paths: tuple[Path, ...], answerer: Path
) -> Iterator[World]:
    with _database(served, f"TEMPLATE {template}") as url:
        world = World("server", served.home, url, url, paths)
        _fill(world, answerer)
        yield world


@pytest.fixture(scope="session")
def with_tables(
    served: Settings, template: str, roles: None, paths: tuple[Path, ...], answerer: Path
) -> Iterator[World]:
    with _database(served) as admin:
        with psycopg.connect(admin, autocommit=True) as conn:
            conn.execute("CREATE EXTENSION vector")
            name = sql.Identifier(conn.info.dbname)
            grant = sql.SQL("GRANT CREATE ON DATABASE {} TO {}")
            conn.execute(grant.format(name, sql.Identifier(ROLE)))
        world = World("client", served.home, admin, admin, paths)
        world = replace(world, url=world.url_as(ROLE))
        blipdb.database.schema.init(world.url, world.settings)
        _fill(world, answerer)
        yield world


def _fill(world: World, answerer: Path) -> None:
    with blipdb.database.connection.connect(world.url, autocommit=True) as conn:
        blipdb.registry.register_bundled(conn, world.settings)
        blipdb.registry.register(conn, world.settings, answerer)
    assert ingest(world.settings, world.paths).added == SCENES
    with blipdb.database.connection.connect(world.url) as conn:
        for number, id in enumerate(world.ids):
            conn.execute(
                "UPDATE blip.images SET metadata = jsonb_build_object('third', %s::int,"
                " 'tags', jsonb_build_array('scene', %s::int)) WHERE image_id = %s",
                [number % 3, number, id],
            )
            for origin in ("web", "human")[: number % 3]:
                text = f"{origin} text of {number}"
                conn.execute(
                    "INSERT INTO blip.captions (image_id, caption_id, text, origin)"
                    " VALUES (%s, %s, %s, %s)",
                    [id, caption_id(origin, text), text, origin],
                )


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def read(kind: str, request: pytest.FixtureRequest) -> World:
    """A database that a test only reads."""
    return _world(kind, request)


@pytest.fixture
def write(kind: str, request: pytest.FixtureRequest, served: Settings) -> Iterator[World]:
    """A test's own copy of one."""
    world = _world(kind, request)
    with psycopg.connect(world.admin) as conn:
        name = conn.info.dbname
    with _database(served, f"TEMPLATE {name}") as url:
        copy = replace(world, admin=url, url=url)
        yield copy if kind == "server" else replace(copy, url=copy.url_as(ROLE))


def _world(kind: str, request: pytest.FixtureRequest) -> World:
    name = {"server": "with_functions", "client": "with_tables"}[kind]
    world = request.getfixturevalue(name)
    assert isinstance(world, World)
    return world


@contextmanager
def _database(cluster: Settings, how: str = "") -> Iterator[str]:
    name = f"world_{next(_numbers)}"
    with psycopg.connect(cluster.database_url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} {how}".encode())
        yield cluster.database_url().replace(f"/{DATABASE}?", f"/{name}?")
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
