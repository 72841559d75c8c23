"""``blipdb captions``: by path, URL and id, as a table, as lines and as JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from blipdb.database import connection
from blipdb.identity import image_id
from blipdb.settings import Settings
from tests.album import picture
from tests.cli.conftest import BLIPDB, Run
from tests.terminal import STYLE, in_terminal

LONG = "a photo of a scene " * 8
URL = "https://example.org/a%20b.jpg"


@pytest.fixture(scope="module")
def scene(scenes: Path, served: Settings) -> Iterator[Path]:
    """A stored file, known by a URL as well, whose image has captions in all states."""
    path = scenes / "scene-003.jpg"
    id = image_id("", path.read_bytes())
    with connection.connect(served.database_url(), autocommit=True) as conn:
        conn.execute(
            "INSERT INTO blip.captions (image_id, caption_id, text, origin, model_id, itm, itc,"
            " filter_id) SELECT %s, gen_random_uuid(), t.text, t.origin,"
            " CASE t.origin WHEN 'synthetic' THEN a.model_id END, t.itm, t.itc,"
            " CASE WHEN t.itm IS NOT NULL THEN a.model_id END"
            " FROM blip.active_models a, unnest(%s::text[], %s::text[], %s::real[], %s::real[])"
            " t (text, origin, itm, itc) WHERE a.role = 'filter'",
            [
                id,
                ["said", LONG, "a\x1b[2J\tb", "lies"],
                ["human", "synthetic", "web", "web"],
                [0.4, 0.9994, None, 0.0012],
                [0.5, 0.75, None, -0.25],
            ],
        )
        conn.execute("INSERT INTO blip.files (uri, image_id) VALUES (%s, %s)", [URL, id])
        yield path
        conn.execute("DELETE FROM blip.captions WHERE image_id = %s", [id])
        conn.execute("DELETE FROM blip.files WHERE uri = %s", [URL])


def test_lines_best_first(run: Run, scene: Path) -> None:
    result = run("captions", scene)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line.split("\t") for line in result.stdout.splitlines()] == [
        ["0.400", "0.500", "kept", "human", "", "said"],
        ["0.999", "0.750", "kept", "synthetic", "scenes", LONG],
        ["", "", "unjudged", "web", "", r"a\x1b[2J\tb"],
        ["0.001", "-0.250", "dropped", "web", "", "lies"],
    ]


def test_json_has_every_field(run: Run, scene: Path) -> None:
    found = json.loads(run("captions", scene, "--json").stdout)
    assert [caption["verdict"] for caption in found] == ["kept", "kept", "unjudged", "dropped"]
    assert found[0] == {
        **{"text": "said", "origin": "human", "writer": None, "decoding": None},
        **{"itm": pytest.approx(0.4), "itc": 0.5, "verdict": "kept"},
    }


def test_a_path_a_url_and_an_id_are_the_same_image(
    run: Run, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = run("captions", scene).stdout
    monkeypatch.chdir(scene.parent)
    id = image_id("", scene.read_bytes())
    for name in (scene.name, f"./{scene.name}", f"../{scene.parent.name}/{scene.name}", URL, id):
        assert run("captions", str(name)).stdout == expected
    monkeypatch.setenv("HOME", str(scene.parent))
    assert run("captions", f"~/{scene.name}").stdout == expected


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal(scene: Path, served: Settings, columns: int) -> None:
    environment = os.environ | {"BLIPDB_HOME": str(served.home), "TERM": "xterm"}
    command = [BLIPDB, "captions", str(scene)]
    shown, code = in_terminal(command, scene.parent, environment, columns=columns)
    first, *lines = STYLE.sub("", shown).splitlines()
    assert code == 0
    assert first.split() == ["itm", "itc", "verdict", "origin", "writer", "text"]
    assert all(len(line) <= columns for line in lines)
    assert lines[0].split() == ["0.400", "0.500", "kept", "human", "said"]


def test_a_file_of_a_space(run: Run, elsewhere: str, tmp_path: Path) -> None:
    path = tmp_path / "a b.png"
    path.write_bytes(picture(1))
    path.with_suffix(".txt").write_text("a thing")
    there = ("--space", "red", "--db", elsewhere)
    assert run("ingest", path, *there).exit_code == 0
    assert run("captions", path, *there).stdout.endswith("\tweb\t\ta thing\n")
    result = run("captions", path, "--db", elsewhere)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"error: {path} is not stored.\nStore it with: blipdb ingest '{path}'\n"
    )
    path.unlink()
    assert run("captions", path, *there).stdout.endswith("\tweb\t\ta thing\n")


def test_no_captions(run: Run, scenes: Path) -> None:
    result = run("captions", scenes / "scene-004.jpg")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no captions\n")
    assert run("captions", scenes / "scene-004.jpg", "--json").stdout == "[]\n"


def test_what_is_not_stored(run: Run, scenes: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.png"
    path.write_bytes(picture(2))
    result = run("captions", path, "--space", "a b")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        f"error: {path} is not stored.",
        f"Store it with: blipdb ingest --space 'a b' {path}",
    ]
    result = run("captions", "https://example.org/other.jpg")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "https://example.org/other.jpg is not stored." in result.stderr
    unknown = uuid4()
    result = run("captions", str(unknown))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[0] == f"error: image {unknown} is unknown here"


def test_who_may_not_read_is_told_which_role_may(run: Run, scenes: Path, served: Settings) -> None:
    url = f"{served.database_url()}&options=-c%20role%3Dmay_read_models"
    with connection.connect(served.database_url(), autocommit=True) as conn:
        conn.execute("CREATE ROLE may_read_models")
        try:
            conn.execute("GRANT USAGE ON SCHEMA blip TO may_read_models")
            conn.execute("GRANT SELECT ON blip.alembic_version, blip.models TO may_read_models")
            result = run("captions", scenes / "scene-004.jpg", "--db", url)
        finally:
            conn.execute("DROP OWNED BY may_read_models; DROP ROLE may_read_models")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: permission denied for table files\nSearching needs")


def test_what_was_refused(run: Run, elsewhere: str, tmp_path: Path) -> None:
    path = tmp_path / "text.jpg"
    path.write_text("hello")
    assert run("ingest", path, "--db", elsewhere).exit_code == 1
    result = run("captions", path, "--db", elsewhere)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {path} is not stored: not a JPEG, PNG")


@pytest.mark.parametrize("word", ["nothing", "", "1234", f"{UUID(int=1)}0", "./nowhere.jpg"])
def test_what_can_not_be_meant(run: Run, scenes: Path, word: str) -> None:
    result = run("captions", word)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error: {word!r} is neither a file nor an image_id.\n")


def test_help_lists_it_beside_search(run: Run) -> None:
    words = run("--help").stdout.split()
    assert words.index("search") < words.index("captions") < words.index("add")
