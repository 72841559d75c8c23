"""The command line on a server without an engine: the same commands, the same output."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner, Result

from blipdb.cli.app import app
from tests.album import picture
from tests.client.conftest import READER, SCENES, World


def run(world: World, *arguments: str | Path, url: str | None = None) -> Result:
    environment = {"BLIPDB_HOME": str(world.home), "BLIPDB_URL": url or world.url}
    return CliRunner().invoke(app, [str(argument) for argument in arguments], env=environment)


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "red bicycle", "-k", "3", "-f"),
        ("search", "a pink kite", "-k", "8", "--threshold", "0.2", "-f"),
        ("search", "red", "--filter", '{"year": 2024}', "-f"),
        ("search", "zebra"),
        ("search", "red", "-k", "0"),
        ("search", "red", "--model", "nobody"),
        ("failures",),
    ],
)
def test_both_kinds_of_servers_answer_alike(
    arguments: tuple[str, ...], with_functions: World, with_tables: World
) -> None:
    expected, found = (run(world, *arguments) for world in (with_functions, with_tables))
    assert (found.exit_code, found.stdout) == (expected.exit_code, expected.stdout)
    hint = "SELECT * FROM blip_search"
    assert found.stderr.replace("search(", hint) == expected.stderr.replace("search(", hint)


def test_a_short_result_is_said_once(with_tables: World) -> None:
    result = run(with_tables, "search", "red", "-k", "9", "-f")
    assert len(result.stdout.splitlines()) == SCENES
    (line,) = result.stderr.splitlines()
    assert line.startswith("notice: only 8 of 9: no more images are encoded by model 'scenes'")


def test_an_image_and_a_contact_sheet(with_tables: World, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    result = run(with_tables, "search", with_tables.paths[2], "-k", "2", "-f", "--sheet", sheet)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.splitlines()[0] == str(with_tables.paths[2])
    assert sheet.read_bytes().startswith(b"\x89PNG")


def test_status_says_who_computes(with_functions: World, with_tables: World) -> None:
    result = run(with_tables, "status")
    assert result.exit_code == 0
    assert "engine\tnone: clients compute for themselves" in result.stdout.splitlines()
    assert "blipdb up" not in result.stderr
    for world in (with_functions, with_tables):
        found = json.loads(run(world, "status", "--json").stdout)
        assert found["inference"] == world.kind
        images = {"what": "images", "model": None, "state": "stored", "count": SCENES}
        assert images in found["counts"]


def test_there_is_nothing_to_start(with_tables: World) -> None:
    result = run(with_tables, "up")
    assert (result.exit_code, result.stdout) == (0, "all is up\n")


@pytest.mark.parametrize("kind", ["client"])
def test_from_init_to_search(write: World, tmp_path: Path, tiny_folder: Path) -> None:
    result = run(write, "init")
    assert (result.exit_code, result.stdout) == (0, "the database is of this version\n")
    assert result.stderr.startswith(
        "warning: The SQL functions that ask an engine are left out: this user may not"
    )
    path = tmp_path / "a.png"
    path.write_bytes(picture(3, side=64))
    result = run(write, "add", path, "--caption", "a thing")
    assert result.exit_code == 0, result.stderr
    assert str(path) in run(write, "search", "red", "-k", "9", "-f").stdout.splitlines()
    for number in range(2):
        (tmp_path / f"b{number}.png").write_bytes(picture(4 + number, side=64))
    result = run(write, "ingest", tmp_path)
    assert result.exit_code == 0, result.stderr
    assert len(run(write, "search", "red", "-k", "99", "-f").stdout.splitlines()) == SCENES + 3
    assert run(write, "run", "text").exit_code == 0
    result = run(write, "models", "add", tiny_folder)  # and with it all is encoded anew
    assert result.exit_code == 0, result.stderr
    assert run(write, "run").exit_code == 0
    result = run(write, "search", "red bicycle", "-k", "99", "-f")
    assert len(result.stdout.splitlines()) == SCENES + 3
    assert "tiny" in run(write, "models", "list").stdout
    with psycopg.connect(write.admin) as conn:
        row = conn.execute("SELECT count(*) FROM blip.captions WHERE text_vector IS NOT NULL")
        assert row.fetchone() == (8,)  # of the scenes, and of what was added


def test_a_damaged_picture_is_a_failure(write: World, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(picture(3)[:60])
    result = run(write, "add", path)
    assert result.exit_code == 1
    assert "truncated" in result.stderr
    assert str(path) in run(write, "failures", "-f").stdout


def test_a_role_without_rights_is_told(with_tables: World) -> None:
    result = run(with_tables, "add", with_tables.paths[0], url=with_tables.url_as(READER))
    assert result.exit_code == 1
    assert "permission denied" in result.stderr
    assert "Traceback" not in result.stderr
