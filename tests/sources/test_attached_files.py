"""Attached tables whose columns hold paths or URLs: read by workers, where that is allowed."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import psycopg
import pytest

from blipdb.database import connection
from blipdb.settings import Settings
from blipdb.sources import files
from blipdb.types import Connection
from blipdb.work.executors import run_jobs
from tests import stores
from tests.album import picture
from tests.attach import attach, captions, id_of, links, shop, states, stored
from tests.work.test_worker import vector

A, B, C = (picture(seed) for seed in range(3))


@pytest.mark.parametrize(
    ("setting", "kind", "hint"),
    [("attach_paths", "path", "/the/folder"), ("attach_urls", "url", "'yes'")],
)
def test_paths_and_urls_are_not_allowed_at_first(
    boss: Connection, setting: str, kind: str, hint: str
) -> None:
    shop(boss)
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
        attach(boss, image="title", caption=None, kind=kind)
    assert caught.value.diag.message_primary == f"columns of {kind}s may not be attached here"
    assert hint in (caught.value.diag.message_hint or "")


def test_paths_are_read_by_workers(boss: Connection, ready: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, data in {"a.png": A, "b.png": B, "c.txt": b"text"}.items():
        (folder / name).write_bytes(data)
    (tmp_path / "secret.png").write_bytes(C)
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    boss.execute("CREATE TABLE products (id int PRIMARY KEY, path text, title text)")
    boss.execute("INSERT INTO blip.settings VALUES ('attach_paths', %s)", [str(folder)])
    names = ["a.png", "b.png", "c.txt", "gone.png", "link.png", "../secret.png"]
    for number, name in enumerate(names):
        boss.execute("INSERT INTO products VALUES (%s, %s, %s)", [number, f"{folder}/{name}", name])
    boss.execute("INSERT INTO products VALUES (9, 'a.png')")
    attach(boss, image="path", kind="path")
    run_jobs(ready)
    assert {key: id for key, id in links(boss).items() if id} == {0: id_of(A), 1: id_of(B)}
    failures = dict(boss.execute("SELECT uri, reason FROM blip_failures()").fetchall())
    outside = "it is outside the folders that may be attached"
    assert failures == {
        "public.products/2": f"{folder}/c.txt: not a JPEG, PNG, WebP, GIF, BMP or TIFF picture",
        "public.products/4": f"{folder}/link.png: {outside}",
        "public.products/5": f"{folder}/../secret.png: {outside}",
        "public.products/9": f"a.png: {outside}",
    }
    assert states(boss)[3] == "p"  # it may yet come
    assert vector(boss, id_of(B)) is not None

    boss.execute("UPDATE products SET path = %s WHERE id = 0", [f"{folder}/b.png"])
    run_jobs(ready)
    assert stored(boss) == {id_of(B)}
    boss.execute("DELETE FROM products WHERE id < 2")
    assert stored(boss) == set()


def test_a_path_that_changes_while_it_is_read(
    boss: Connection, ready: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, data in {"a.png": A, "b.png": B}.items():
        (tmp_path / name).write_bytes(data)
    boss.execute("CREATE TABLE products (id int PRIMARY KEY, path text, title text)")
    boss.execute("INSERT INTO blip.settings VALUES ('attach_paths', %s)", [str(tmp_path)])
    boss.execute("INSERT INTO products VALUES (1, %s)", [f"{tmp_path}/a.png"])
    attach(boss, image="path", kind="path")
    read = files.read

    def slowly(uri: str, limit: int) -> Any:
        if uri.endswith("a.png"):
            boss_too = connection.connect(ready.database_url(), autocommit=True)
            with boss_too:
                boss_too.execute("UPDATE products SET path = %s", [f"{tmp_path}/b.png"])
        return read(uri, limit)

    monkeypatch.setattr(files, "read", slowly)
    run_jobs(ready)
    run_jobs(ready)
    assert links(boss) == {1: id_of(B)}


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a site at localhost, which workers trust."""
    certificate = stores.make_certificate(tmp_path / "server.pem")
    monkeypatch.setenv("BLIPDB_TRUSTED_HOSTS", "localhost")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.with_suffix(".crt")))
    # aiohttp reads that variable when it is imported, which another test may have done.
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", ssl.create_default_context())
    return certificate


def test_urls_are_read_by_workers(boss: Connection, ready: Settings, certificate: Path) -> None:
    boss.execute("CREATE TABLE products (id int PRIMARY KEY, url text, title text)")
    boss.execute("INSERT INTO blip.settings VALUES ('attach_urls', 'yes')")
    with stores.served(stores.Web, certificate) as site:
        site.objects |= {"/a.png": A, "/b.png": B}
        for number, name in enumerate(["a.png", "b.png", "status/404"]):
            url = f"https://localhost:{site.port}/{name}"
            boss.execute("INSERT INTO products VALUES (%s, %s, 'words')", [number, url])
        attach(boss, image="url", kind="url")
        run_jobs(ready)
        assert {key: id for key, id in links(boss).items() if id} == {0: id_of(A), 1: id_of(B)}
        assert vector(boss, id_of(A)) is not None
        boss.execute("UPDATE products SET url = replace(url, 'a.png', 'b.png')")
        run_jobs(ready)
    assert stored(boss) == {id_of(B)}
    assert captions(boss) == {(id_of(B), "words")}


def test_who_may_attach_paths_reads_no_urls_by_them_nor_the_other_way_round(
    boss: Connection, ready: Settings, tmp_path: Path, certificate: Path
) -> None:
    (tmp_path / "a.png").write_bytes(A)
    boss.execute("CREATE TABLE products (id int PRIMARY KEY, path text, url text)")
    boss.execute(
        "INSERT INTO blip.settings VALUES ('attach_urls', 'yes'), ('attach_paths', %s)",
        [str(tmp_path)],
    )
    with stores.served(stores.Web, certificate) as site:
        site.objects["/a.png"] = A
        boss.execute(
            "INSERT INTO products VALUES (1, %s, %s)",
            [f"https://localhost:{site.port}/a.png", str(tmp_path / "a.png")],
        )
        attach(boss, image="path", caption=None, kind="path")
        attach(boss, image="url", caption=None, kind="url")
        run_jobs(ready)
        assert site.asked == []
    assert stored(boss) == set()
    reasons = {reason for (reason,) in boss.execute("SELECT reason FROM blip_failures()")}
    assert {reason.rpartition(": ")[2] for reason in reasons} == {
        "it is outside the folders that may be attached", "it is no URL that can be read",
    }  # fmt: skip


def test_an_urls_row_is_read_from_where_it_is(boss: Connection, ready: Settings) -> None:
    """Where nothing may be fetched from: told as a failure, and no insert breaks."""
    boss.execute("CREATE TABLE products (id int PRIMARY KEY, url text, title text)")
    boss.execute("INSERT INTO blip.settings VALUES ('attach_urls', 'yes')")
    boss.execute("INSERT INTO products VALUES (1, 'https://127.0.0.1/a.png?secret=1')")
    attach(boss, image="url", kind="url")
    run_jobs(ready)
    ((uri, reason),) = boss.execute("SELECT uri, reason FROM blip_failures()").fetchall()
    assert uri == "public.products/1"
    assert "127.0.0.1" in reason
    assert "secret=1" not in reason
