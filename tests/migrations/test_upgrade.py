"""A database that an older blipdb made and filled goes on after `blipdb init`: nothing is lost."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from blipdb import services
from blipdb.database import schema
from blipdb.host import cluster, postgresql
from blipdb.settings import Settings
from blipdb.work import backlog

OLDER = Path(__file__).parent / "revision_0006"

# In the words of both versions.
CONTENTS = {
    "images": "SELECT image_id, space, sha256, mime, width, height, bytes, content, metadata"
    " FROM blip.images ORDER BY 1",
    "files": "SELECT uri, space, image_id, size, mtime FROM blip.files ORDER BY 1, 2",
    "failures": "SELECT uri, space, reason FROM blip.failed_files ORDER BY 1",
    "captions": "SELECT image_id, caption_id, text, origin, model_id, decoding"
    " FROM blip.captions ORDER BY 1, 2",
    "vectors": "SELECT image_id, model_id, itc::text FROM blip.image_vectors ORDER BY 1, 2",
    "tokens": "SELECT * FROM blip.image_tokens ORDER BY 1, 2",
    "jobs": "SELECT image_id, stage, model_id, state, attempts FROM blip.jobs ORDER BY 1, 2, 3",
    "attached": "SELECT source, key, image_id FROM blip.attached ORDER BY 1, 2",
}


def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    with psycopg.connect(url) as conn:
        return {name: conn.execute(query).fetchall() for name, query in CONTENTS.items()}


@pytest.fixture
def older(empty_home: Path) -> Iterator[Settings]:
    """A private cluster as the older blipdb left it: its functions, roles, tables and rows."""
    settings = Settings(empty_home)
    cluster.up(settings)
    for name in ("blipdb.control", "blipdb--0.1.0.sql"):
        target = cluster.extension_dir(settings) / name
        target.write_bytes((OLDER / name).read_bytes())
        target.chmod(0o644)
    psql = postgresql.find().bin / "psql"
    options = ["--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1"]
    with (OLDER / "database.sql").open() as dump:
        subprocess.run([psql, *options, settings.database_url()], stdin=dump, check=True)
    yield settings
    services.down(settings)


def test_an_older_database_goes_on(older: Settings) -> None:
    url = older.database_url()
    before = contents(url)
    assert [len(rows) for rows in before.values()] == [4, 4, 1, 6, 3, 3, 7, 1]
    assert schema.init(url, older) == []
    assert contents(url) == before
    assert schema.init(url, older) == []

    services.up(older)  # the older database's model is the one that is bundled still
    with psycopg.connect(url, autocommit=True) as conn:
        hits = conn.execute("SELECT uri, caption FROM blip_search('red bicycle', 2)").fetchall()
        assert hits == [
            ("/album/scene-188.jpg", "a red bicycle"),
            ("/album/scene-186.jpg", before["captions"][2][2]),
        ]
        conn.execute("INSERT INTO products SELECT 8, 'a copy', photo FROM later")
        assert len(conn.execute("SELECT FROM blip.attached").fetchall()) == 2

    assert sum(line.done for line in backlog.run(older)) > 0
    after = contents(url)
    assert len(after["vectors"]) == len(after["tokens"]) == 4
    assert len(after["attached"]) == 3
    with psycopg.connect(url) as conn:
        query = "SELECT count(*) FROM blip.captions WHERE itm IS NULL OR text_vector IS NULL"
        assert conn.execute(query).fetchone() == (0,)
        query = "SELECT trouble, failed FROM blip_attachments()"
        assert conn.execute(query).fetchall() == [(None, 0)] * 2
