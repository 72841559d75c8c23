"""An app's own Alembic environment, with blipdb's operations in its migrations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, create_engine, inspect, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from blipdb.database import requirements
from blipdb.errors import DatabaseError, UsageError
from blipdb.host import owner
from blipdb.orm import Image, image_column
from blipdb.orm.alembic import include_name
from blipdb.settings import Settings
from tests.orm.conftest import alchemy_url

ENV = """
from alembic import context
from sqlalchemy import create_engine, pool

from blipdb.orm.alembic import include_name

target = context.config.attributes.get("metadata")
url = context.config.get_main_option("sqlalchemy.url")
options = {"target_metadata": target, "include_schemas": True, "include_name": include_name}
if context.is_offline_mode():
    context.configure(url=url, literal_binds=True, **options)
    with context.begin_transaction():
        context.run_migrations()
else:
    with create_engine(url, poolclass=pool.NullPool).connect() as connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()
"""
MAKO = """
from alembic import op
import sqlalchemy as sa
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
def upgrade():
    ${upgrades if upgrades else "pass"}
def downgrade():
    ${downgrades if downgrades else "pass"}
"""
FIRST = """
import sqlalchemy as sa
from alembic import op

import blipdb.orm.alembic

revision, down_revision = "a1", None


def upgrade():
    op.require_blipdb()
    op.create_table("products", sa.Column("id", sa.Integer, primary_key=True))


def downgrade():
    op.drop_table("products")
"""
SECOND = """
from alembic import op

import blipdb.orm.alembic

revision, down_revision = "a2", "a1"


def upgrade():
    op.add_image_column("products"{options})


def downgrade():
    op.drop_image_column("products")
"""


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "products"
    id: Mapped[int] = mapped_column(primary_key=True)
    image_id: Mapped[UUID | None] = image_column()
    image: Mapped[Image | None] = relationship(Image)


@pytest.fixture
def bare(cluster: Settings) -> Iterator[str]:
    """The URL of a database without anything of blipdb."""
    with psycopg.connect(cluster.database_url(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE bare")
        yield cluster.database_url().replace("/blipdb?", "/bare?")
        admin.execute("DROP DATABASE bare WITH (FORCE)")


def app(folder: Path, url: str, options: str = "", metadata: MetaData = Base.metadata) -> Config:
    """The app's Alembic environment, with two migrations."""
    (folder / "versions").mkdir(exist_ok=True)
    (folder / "env.py").write_text(ENV)
    (folder / "script.py.mako").write_text(MAKO)
    (folder / "versions" / "a1_products.py").write_text(FIRST)
    (folder / "versions" / "a2_image.py").write_text(SECOND.format(options=options))
    config = Config(attributes={"metadata": metadata})
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    config.set_main_option("sqlalchemy.url", alchemy_url(url).replace("%", "%%"))
    return config


def shape(url: str) -> dict[str, Any]:
    """Describe the app's table: columns, foreign keys and indexes."""
    made = create_engine(alchemy_url(url))
    found = inspect(made)
    result = {
        "columns": {c["name"]: c["nullable"] for c in found.get_columns("products")},
        "keys": [
            (key["constrained_columns"], key["referred_schema"], key["options"].get("ondelete"))
            for key in found.get_foreign_keys("products")
        ],
        "indexes": [(i["name"], i["column_names"]) for i in found.get_indexes("products")],
        "blip": set(found.get_table_names("blip")),
    }
    made.dispose()
    return result


def revisions(url: str) -> list[str | None]:
    with psycopg.connect(url) as conn:
        return [
            row[0]
            for table in ("alembic_version", "blip.alembic_version")
            for row in conn.execute(f"SELECT version_num FROM {table}".encode())
        ]


def test_up_and_down(bare: str, tmp_path: Path) -> None:
    """From nothing, in the app's own transaction; down again, images and their tables stay."""
    config = app(tmp_path, bare)
    command.upgrade(config, "head")
    made = shape(bare)
    assert made["columns"] == {"id": False, "image_id": True}
    assert made["keys"] == [(["image_id"], "blip", "SET NULL")]
    assert made["indexes"] == [("ix_products_image_id", ["image_id"])]
    assert {"images", "image_vectors", "alembic_version"} <= made["blip"]
    assert revisions(bare) == ["a2", requirements.head()]

    command.downgrade(config, "a1")
    made = shape(bare)
    assert (made["columns"], made["keys"], made["indexes"]) == ({"id": False}, [], [])
    command.upgrade(config, "head")
    command.downgrade(config, "base")
    assert revisions(bare) == [requirements.head()]
    command.upgrade(config, "head")


def test_a_failure_takes_all_back(bare: str, tmp_path: Path) -> None:
    config = app(tmp_path, bare, ", no_such_option=1")
    with pytest.raises(TypeError):
        command.upgrade(config, "head")
    with psycopg.connect(bare) as conn:
        assert conn.execute("SELECT to_regnamespace('blip')").fetchone() == (None,)


@pytest.fixture
def ordinary(cluster: Settings, database: str) -> Iterator[str]:
    """The database's URL, for a role that may make tables of its own and read blipdb's."""
    people = {"root", owner.current().name}
    with (cluster.cluster_dir.parent / "pg_ident.conf").open("a") as file:
        file.writelines(f'blipdb "{name}" app_owner\n' for name in sorted(people))
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute("SELECT pg_reload_conf()")
        conn.execute("CREATE ROLE app_owner LOGIN IN ROLE blip_reader")
        conn.execute("GRANT CREATE ON SCHEMA public TO app_owner")
        yield database.replace("postgres@", "app_owner@")
        conn.execute("DROP OWNED BY app_owner")
        conn.execute("DROP ROLE app_owner")


def test_as_an_ordinary_role(database: str, ordinary: str, tmp_path: Path) -> None:
    """Where blipdb's tables are there, it needs to refer to them and no more."""
    config = app(tmp_path, ordinary)
    with pytest.raises(DatabaseError, match="permission denied for table images") as caught:
        command.upgrade(config, "head")
    assert caught.value.hint == "Let its owner run: GRANT REFERENCES ON blip.images TO <user>"
    with psycopg.connect(database) as conn:
        conn.execute("GRANT REFERENCES ON blip.images TO app_owner")
    command.upgrade(config, "head")
    assert shape(ordinary)["keys"] == [(["image_id"], "blip", "SET NULL")]


def test_an_ordinary_role_may_not_migrate(database: str, ordinary: str, tmp_path: Path) -> None:
    with psycopg.connect(database) as conn:
        conn.execute("UPDATE blip.alembic_version SET version_num = '0005'")
    with pytest.raises(DatabaseError, match="The database refuses: permission denied") as caught:
        command.upgrade(app(tmp_path, ordinary), "head")
    assert "blipdb init --db URL" in str(caught.value)


def test_a_newer_version_is_refused(database: str, tmp_path: Path) -> None:
    with psycopg.connect(database) as conn:
        conn.execute("UPDATE blip.alembic_version SET version_num = '9999'")
    with pytest.raises(DatabaseError, match="are of a newer blipdb: revision 9999"):
        command.upgrade(app(tmp_path, database), "head")


def test_other_drivers_are_refused(tmp_path: Path) -> None:
    config = app(tmp_path, "")
    config.set_main_option("sqlalchemy.url", "sqlite://")
    with pytest.raises(UsageError, match=r"this migration's connection is of sqlite3\.Connection"):
        command.upgrade(config, "head")


def test_options(database: str, tmp_path: Path) -> None:
    conventions = MetaData(
        naming_convention={
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "ix": "i_%(column_0_label)s",
        }
    )
    options = ', name="photo", nullable=False, ondelete="CASCADE"'
    command.upgrade(app(tmp_path, database, options, conventions), "head")
    made = shape(database)
    assert made["columns"] == {"id": False, "photo": False}
    assert made["keys"] == [(["photo"], "blip", "CASCADE")]
    assert made["indexes"] == [("i_products_photo", ["photo"])]


def test_what_may_not_be_null_is_not_set_to_null(database: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"products\.image_id may not be NULL") as caught:
        command.upgrade(app(tmp_path, database, ", nullable=False"), "head")
    assert "ondelete='CASCADE'" in str(caught.value)


def test_as_a_script(
    database: str, bare: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It checks for blipdb's tables where it runs, and says which command makes them."""
    command.upgrade(app(tmp_path, database), "head", sql=True)
    script = capsys.readouterr().out
    with psycopg.connect(bare, autocommit=True) as conn:
        with pytest.raises(psycopg.Error, match="are of revision none") as caught:
            conn.execute(script.encode())
        assert "blipdb init" in (caught.value.diag.message_hint or "")
        conn.execute("ROLLBACK")
    with psycopg.connect(database, autocommit=True) as conn:
        conn.execute(script.encode())
    assert shape(database)["keys"] == [(["image_id"], "blip", "SET NULL")]


def _context(connection: Connection, **options: Any) -> MigrationContext:
    options = {"target_metadata": Base.metadata, **options}
    return MigrationContext.configure(connection, opts=options)


def test_autogenerate_sees_the_app_alone(database: str, tmp_path: Path) -> None:
    """It agrees with what the operations made, and leaves blipdb's tables alone."""
    made = create_engine(alchemy_url(database))
    with made.begin() as connection:
        fresh = _context(connection, include_schemas=True, include_name=include_name)
        written = produce_migrations(fresh, Base.metadata).upgrade_ops
        assert written is not None
        code = render_python_code(written, migration_context=fresh)
        assert "['blip.images.image_id'], ondelete='SET NULL'" in code
        assert "drop" not in code
        assert code.count("create_table") == 1
    command.upgrade(app(tmp_path, database), "head")
    with made.connect() as connection:
        for options in ({}, {"include_schemas": True, "include_name": include_name}):
            assert compare_metadata(_context(connection, **options), Base.metadata) == []
    made.dispose()
    command.check(app(tmp_path, database))


def test_metadata_of_the_app_makes_its_tables_alone(bare: str, database: str) -> None:
    assert [table.name for table in Base.metadata.tables.values()] == ["products"]
    made = create_engine(alchemy_url(bare))
    with pytest.raises(Exception, match='schema "blip" does not exist'):
        Base.metadata.create_all(made)
    made.dispose()


def test_relationships(database: str) -> None:
    made = create_engine(alchemy_url(database))
    Base.metadata.create_all(made)
    with Session(made) as session:
        id = uuid4()
        session.add(Image(image_id=id, sha256=bytes(32), mime="image/png", size=1))
        session.flush()
        session.add(Product(id=1, image_id=id))
        session.commit()
        assert session.scalars(
            select(Product.id).join(Product.image).where(Image.mime == "image/png")
        ).all() == [1]
        image = session.get_one(Product, 1).image
        assert image is not None
        assert image.image_id == id
        session.delete(image)
        session.commit()
        assert session.get_one(Product, 1).image_id is None
        session.add(Product(id=2, image_id=uuid4()))
        with pytest.raises(Exception, match="violates foreign key constraint"):
            session.commit()
    Base.metadata.drop_all(made)
    assert inspect(made).has_table("images", schema="blip")
    made.dispose()
