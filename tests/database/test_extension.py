from __future__ import annotations

import os
import re
import stat
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import pytest

from blipdb.database import extension
from blipdb.errors import SetupError


def test_version_is_the_packages() -> None:
    assert extension.version() == version("blipdb")


def test_every_file_of_sql_is_a_part() -> None:
    names = {path.name for path in files("blipdb.sql").iterdir() if path.name.endswith(".sql")}
    assert names == {f"{part}.sql" for part in (*extension.PARTS, extension.ALLOW)}


def test_each_function_has_its_callers_beside_it() -> None:
    made = len(re.findall(r"^CREATE FUNCTION ", extension.script(), re.MULTILINE))
    assert len(extension.allow_calls()) == made
    assert "blip._allow(" not in extension.script().replace("blip._allow(function, ", "")


def test_install_writes_what_the_server_reads(tmp_path: Path) -> None:
    previous = os.umask(0o077)
    try:
        assert extension.install(tmp_path) is True
    finally:
        os.umask(previous)
    found = sorted(path.name for path in tmp_path.iterdir())
    assert found == [f"blipdb--{extension.version()}.sql", "blipdb.control"]
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o644  # the server's user must read them


def test_install_again_changes_nothing(tmp_path: Path) -> None:
    extension.install(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert extension.install(tmp_path) is False
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_install_replaces_what_differs(tmp_path: Path) -> None:
    extension.install(tmp_path)
    script = tmp_path / f"blipdb--{extension.version()}.sql"
    script.write_text("SELECT 1")
    assert extension.install(tmp_path) is True
    assert script.read_text() == extension.script()


def test_install_into_no_folder(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="There is no folder") as caught:
        extension.install(tmp_path / "missing")
    assert caught.value.hint is not None
    assert "pg_config --sharedir" in caught.value.hint


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_install_where_we_may_not_write(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(SetupError, match="not ours to write to") as caught:
        extension.install(tmp_path)
    assert caught.value.hint == "Run as its owner: sudo blipdb install-extension"


def test_script_refuses_to_be_run_by_hand() -> None:
    assert '\\echo Use "CREATE EXTENSION blipdb CASCADE" to load this file. \\quit' in (
        extension.script()
    )


def test_functions_can_be_created_before_the_tables() -> None:
    """A dump restores the extension first: no function may look tables up when it is created."""
    for banned in (r"BEGIN\s+ATOMIC", r"SETOF\s+blip\.", r"\bCREATE\s+VIEW\b", r"%ROWTYPE"):
        assert not re.search(banned, extension.script(), re.IGNORECASE), banned
