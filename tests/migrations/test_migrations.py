"""Migrations and models agree, and nobody sees what policies hide."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

import blipdb.migrations
from blipdb.database import connection as db_connection
from blipdb.database import indexes, requirements
from blipdb.migrations import access
from blipdb.orm import tables
from blipdb.settings import DATABASE, Settings

FOLDER = Path(blipdb.migrations.__file__).parent

# What autogenerate does not compare: CHECKs, storage, partitioning, order of columns, views.
CATALOGUE = {
    "columns": """
        SELECT c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
               a.attidentity, a.attstorage, a.attcollation, pg_get_expr(d.adbin, d.adrelid)
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
        WHERE c.relnamespace = 'blip'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0
          AND NOT a.attisdropped AND c.relname <> 'alembic_version'
        ORDER BY 1, 2""",
    "constraints": """
        SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'blip'::regnamespace AND conrelid <> 0
          AND conrelid::regclass::text NOT LIKE '%alembic_version'
        ORDER BY 1, 2""",
    "indexes": """
        SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index i
        JOIN pg_class c ON c.oid = i.indrelid
        WHERE c.relnamespace = 'blip'::regnamespace AND c.relname <> 'alembic_version'
        ORDER BY 1""",
    "tables": """
        SELECT relname, relkind, reloptions, pg_get_partkeydef(oid),
               obj_description(oid, 'pg_class')
        FROM pg_class WHERE relnamespace = 'blip'::regnamespace AND relkind IN ('r', 'p')
          AND relname <> 'alembic_version'
        ORDER BY 1""",
    "views": """
        SELECT relname, reloptions, pg_get_viewdef(oid), obj_description(oid, 'pg_class')
        FROM pg_class WHERE relnamespace = 'blip'::regnamespace AND relkind = 'v'
        ORDER BY 1""",
}


@pytest.fixture
def created(cluster: Settings) -> Iterator[str]:
    """A database with the tables as the models would make them, without a migration."""
    name = "created_from_models"
    with psycopg.connect(cluster.database_url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        url = cluster.database_url().replace(f"/{DATABASE}?", f"/{name}?")
        with psycopg.connect(url) as conn:
            conn.execute("CREATE EXTENSION vector")
            conn.execute("CREATE SCHEMA blip")
        with db_connection.sqlalchemy_engine(url).begin() as connection:
            tables.Base.metadata.create_all(connection)
        yield url
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def catalogue(url: str) -> dict[str, list[tuple[Any, ...]]]:
    with psycopg.connect(url) as conn:
        return {name: conn.execute(query).fetchall() for name, query in CATALOGUE.items()}


def test_autogenerate_finds_no_difference(database: str) -> None:
    with psycopg.connect(database) as conn:  # a model's partitions are no difference
        conn.execute(
            "INSERT INTO blip.models (name, digest, roles, image_size, itc_dims, token_count,"
            " token_width, max_tokens) VALUES ('m', repeat('0', 64), '{retrieval}', 8, 3, 1, 4, 9)"
        )
        indexes.create_model_partitions(conn, 1, 3)
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    with db_connection.sqlalchemy_engine(database).begin() as connection:
        config.attributes["connection"] = connection
        command.check(config)  # raises if there is any


def test_alembic_by_hand(database: str) -> None:
    """As a developer runs it in the checkout, to see what a new migration must do."""
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "check"],
        cwd=FOLDER.parent,
        env=os.environ | {"BLIPDB_URL": database},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "No new upgrade operations detected" in done.stdout + done.stderr


@pytest.mark.parametrize("part", CATALOGUE)
def test_models_make_the_same_catalogue(database: str, created: str, part: str) -> None:
    migrated, modelled = catalogue(database)[part], catalogue(created)[part]
    assert migrated == modelled
    assert migrated


def test_head_is_alembics(database: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [requirements.head()]
    with psycopg.connect(database) as conn:
        row = conn.execute("SELECT version_num FROM blip.alembic_version").fetchone()
    assert row == (requirements.head(),)


def test_migrations_only_go_forward() -> None:
    for path in (FOLDER / "versions").glob("[0-9]*.py"):
        assert "def downgrade" not in path.read_text()
    assert "def downgrade" not in (FOLDER / "script.py.mako").read_text()


def test_nothing_in_the_tables_needs_the_extension(database: str) -> None:
    """Else neither could be restored or renewed without the other."""
    with psycopg.connect(database) as conn:
        found = conn.execute(
            """
            SELECT pg_describe_object(d.classid, d.objid, d.objsubid)
            FROM pg_depend d JOIN pg_depend member ON member.objid = d.refobjid
                AND member.classid = d.refclassid AND member.deptype = 'e'
            JOIN pg_extension e ON e.oid = member.refobjid AND e.extname = 'blipdb'
            WHERE d.deptype = 'n' AND d.classid <> 'pg_extension'::regclass
              AND NOT EXISTS (SELECT FROM pg_depend own WHERE own.objid = d.objid
                              AND own.classid = d.classid AND own.deptype = 'e')
            """
        ).fetchall()
    assert found == []


def test_the_owner_of_all_tables_is_blip_owner(database: str) -> None:
    with psycopg.connect(database) as conn:
        found = conn.execute(
            "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class"
            " WHERE relnamespace = 'blip'::regnamespace AND relkind IN ('r', 'p', 'i', 'I', 'v')"
        ).fetchall()
    assert found == [("blip_owner",)]


def test_policies(database: str) -> None:
    with psycopg.connect(database) as conn:
        found = conn.execute(
            "SELECT tablename, policyname, cmd, roles::text FROM pg_policies"
            " WHERE schemaname = 'blip' ORDER BY 1, 2"
        ).fetchall()
    worker = [
        (table, "blip_worker", "ALL", "{blip_worker}")
        for table in (*access.GUARDED, *access.INTERNAL)
    ]
    visible = [
        (table, "visible", "SELECT", "{public}") for table in access.GUARDED if table != "images"
    ]
    assert found == sorted(
        [
            *worker,
            *visible,
            ("attachments", "addable", "INSERT", "{public}"),
            ("captions", "addable", "INSERT", "{public}"),
            ("files", "addable", "INSERT", "{public}"),
            ("files", "changeable", "UPDATE", "{public}"),
            ("jobs", "addable", "INSERT", "{public}"),
            ("settings", "blip_engine", "ALL", "{blip_engine}"),
            ("settings", "blip_worker", "SELECT", "{blip_worker}"),
            ("settings", "blip_writer", "SELECT", "{blip_writer}"),
        ]
    )


def test_row_level_security_is_on_for_all_but_what_the_owner_decides(database: str) -> None:
    with psycopg.connect(database) as conn:
        found = conn.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'blip'::regnamespace"
            " AND relkind IN ('r', 'p') AND NOT relrowsecurity ORDER BY 1"
        ).fetchall()
    # images: its owner enables it together with policies of their own.
    assert found == [("active_models",), ("alembic_version",), ("images",), ("models",)]


def test_content_must_be_what_the_id_says(conn: psycopg.Connection[Any]) -> None:
    insert = (
        "INSERT INTO blip.images (image_id, space, sha256, mime, bytes, content) VALUES"
        " (encode(substr(sha256('s\\000pixels'::bytea), 1, 16), 'hex')::uuid, %s, sha256('pixels'),"
        " 'image/png', %s, %s)"
    )
    for values in (["s", 6, b"pixelz"], ["t", 6, b"pixels"], ["s", 7, b"pixels"]):
        with (
            pytest.raises(psycopg.errors.CheckViolation, match="images_content_check"),
            conn.transaction(),
        ):
            conn.execute(insert, values)
    conn.execute(insert, ["s", 6, b"pixels"])


def test_grants_are_safe_to_repeat(database: str) -> None:
    query = (
        "SELECT relname, relacl::text FROM pg_class"
        " WHERE relnamespace = 'blip'::regnamespace ORDER BY 1"
    )
    with psycopg.connect(database) as conn:
        before = conn.execute(query).fetchall()
        for statement in access.statements(access.ROLES):
            conn.execute(statement.encode())
        assert conn.execute(query).fetchall() == before


def test_grants_leave_out_roles_that_do_not_exist() -> None:
    assert access.statements(()) == []
    assert all("blip_reader" in line for line in access.statements(["blip_reader"]))
