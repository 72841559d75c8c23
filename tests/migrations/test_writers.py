"""Databases of before blip.files.is_ingested: which of their files may be opened."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from alembic import command
from alembic.config import Config

from blipdb.database import connection as db_connection
from blipdb.database import requirements, schema
from blipdb.settings import DATABASE, Settings


@pytest.fixture
def older(cluster: Settings, template: str) -> Iterator[str]:
    """A database at revision 0006; the roles came with the template."""
    name = "older"
    with psycopg.connect(cluster.database_url(), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        url = cluster.database_url().replace(f"/{DATABASE}?", f"/{name}?")
        with psycopg.connect(url) as conn:
            conn.execute("CREATE EXTENSION vector")
            conn.execute("CREATE SCHEMA blip")
        with db_connection.sqlalchemy_engine(url).begin() as connection:
            config = Config(attributes={"connection": connection})
            config.set_main_option("script_location", str(requirements.migrations()))
            command.upgrade(config, "0006")
        yield url
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_files_that_ingest_read_stay_readable(older: str, cluster: Settings) -> None:
    """Files of images without content, as ingest wrote them; a writer's own claims are text."""
    content = b"a picture's bytes"
    with psycopg.connect(older) as conn:
        conn.execute(
            "INSERT INTO blip.images (image_id, sha256, mime, bytes, content) VALUES"
            " (%(file)s, sha256('file'), 'image/png', 17, NULL),"
            " (encode(substr(sha256('\\x00'::bytea || %(content)b), 1, 16), 'hex')::uuid,"
            "  sha256(%(content)b), 'image/png', 17, %(content)b)",
            {"file": UUID(int=1), "content": content},
        )
        conn.execute(
            "INSERT INTO blip.files (uri, image_id, size, mtime)"
            " SELECT f.uri || CASE WHEN i.content IS NULL THEN '' ELSE ' stored' END,"
            "  i.image_id, f.size, f.mtime FROM blip.images i, (VALUES"
            "  ('/ingested', 17::bigint, 5::bigint), ('/added', 17, NULL), ('/etc/x', NULL, 5),"
            "  ('/claimed', 3, 5)) f (uri, size, mtime)"
        )
        conn.execute("GRANT INSERT, UPDATE ON blip.files, blip.images TO blip_writer")
        conn.execute("GRANT UPDATE (content, metadata) ON blip.images TO blip_writer")
    schema.init(older, Settings(cluster.home, older))
    with psycopg.connect(older) as conn:
        found = conn.execute("SELECT uri FROM blip.files WHERE is_ingested").fetchall()
        assert found == [("/ingested",)]
        rights = conn.execute(
            "SELECT has_table_privilege(r, t, 'UPDATE'), has_column_privilege(r, t, c, 'UPDATE'),"
            " has_table_privilege(r, t, 'INSERT'), has_column_privilege(r, t, n, 'INSERT')"
            " FROM (VALUES ('blip_writer', 'blip.images', 'content', 'preview'),"
            " ('blip_writer', 'blip.files', 'mtime', 'is_ingested')) u (r, t, c, n)"
        ).fetchall()
        assert rights == [(False,) * 4] * 2
