"""Common ground of all commands: options, errors, terminals, and a quick start."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import blipdb.cli.search
from blipdb.cli.app import app
from blipdb.database import connection
from blipdb.errors import DatabaseError
from blipdb.settings import Settings
from tests.cli.conftest import BLIPDB, Run
from tests.terminal import STYLE, in_terminal

HEAVY = {"PIL", "alembic", "numpy", "onnxruntime", "psycopg", "sqlalchemy", "torch"}


def commands(command: Any, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    if not hasattr(command, "commands"):
        yield names, command
        return
    for name, inner in command.commands.items():
        yield from commands(inner, *names, name)


COMMANDS = dict(commands(typer.main.get_command(app)))


def test_these_are_the_commands() -> None:
    assert sorted(" ".join(names) for names in COMMANDS) == [
        *("add", "captions", "demo", "down", "engine", "failures", "ingest"),
        *("init", "install-extension"),
        *("models activate", "models add", "models export", "models list"),
        *("psql", "retry", "run", "search", "status", "up", "url", "version"),
    ]


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_each_option_has_a_variable_and_a_help(names: tuple[str, ...]) -> None:
    command = COMMANDS[names]
    assert command.help
    for option in command.params:
        if option.param_type_name == "option" and option.name != "help":
            assert option.help, option.name
            assert str(option.envvar).startswith("BLIPDB_"), option.name


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_each_command_explains_itself(run: Run, names: tuple[str, ...]) -> None:
    result = run(*names, "--help")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "Usage: " in result.stdout


def test_without_a_command(run: Run) -> None:
    result = run()
    assert result.exit_code == 2
    assert "ingest" in result.output


def test_version(run: Run) -> None:
    from importlib.metadata import version

    assert run("--version").stdout == run("version").stdout == f"blipdb {version('blipdb')}\n"


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, blipdb.cli.app; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY.isdisjoint(done.stdout.split())
    assert "typer" in done.stdout.split()


def test_a_search_imports_no_model_code() -> None:
    code = (
        "import sys, blipdb.services, blipdb.client.client, blipdb.cli.search\n"
        "print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (HEAVY - {"psycopg"}).isdisjoint(done.stdout.split())


def test_an_error_is_two_lines_and_no_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise DatabaseError("no \x1b[31mway", "Do: this")

    monkeypatch.setattr(blipdb.cli.search, "read_query", fail)
    result = run("search", "red")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: no \\x1b[31mway\nDo: this\n"


def test_an_argument_that_is_not_utf8(run: Run, scenes: Path) -> None:
    for which, *arguments in (
        ("The query", "search", "dog\udcff"),
        ("The model", "search", "dog", "--model", "\udcff"),
        ("An argument", "run", "encode", "--space", "\udcff"),
    ):
        result = run(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert result.stderr.startswith(f"error: {which} is not valid UTF-8: '")


def test_a_server_that_is_not_there(run: Run) -> None:
    result = run("search", "red", "--db", "postgresql://nobody@127.0.0.1:1/none")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: PostgreSQL can't be reached at postgresql://nobody@")
    assert "Traceback" not in result.stderr


def test_a_url_that_is_none(run: Run) -> None:
    result = run("status", "--db", "mysql://x")
    assert result.exit_code == 2
    assert "must start with postgresql://" in result.stderr


def test_an_engine_that_is_not_there(run: Run, elsewhere: str, empty_home: Path) -> None:
    """On a server that was named nothing is started: the command that would is named."""
    with connection.connect(elsewhere, autocommit=True) as conn:
        conn.execute(
            "UPDATE blip.settings SET value = %s WHERE name = 'engine_socket'",
            [str(empty_home / "none.sock")],
        )
    result = run("search", "red", "--db", elsewhere)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: the blipdb engine does not run\nStart it with: blipdb up\n"


@pytest.fixture
def environment(served: Settings) -> dict[str, str]:
    return {
        "PATH": f"{Path(BLIPDB).parent}:{os.environ['PATH']}",
        "BLIPDB_HOME": str(served.home),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
    }


def test_on_a_terminal_there_is_a_table(scenes: Path, environment: dict[str, str]) -> None:
    shown, code = in_terminal([BLIPDB, "search", "red", "-k", "2"], scenes, environment)
    title, *rows = STYLE.sub("", shown).splitlines()
    assert code == 0
    assert title.split()[:4] == ["score", "itm", "itc", "path"]
    assert [row.split()[3][:6] for row in rows] == ["scene-"] * 2


def test_a_name_can_not_write_to_the_terminal(
    run: Run, elsewhere: str, scenes: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    name = "a\x1b]0;owned\x07\x1b[31mred\u202e.jpg"
    (tmp_path / name).write_bytes((scenes / "scene-009.jpg").read_bytes())
    there = {**environment, "BLIPDB_URL": elsewhere}
    assert run("ingest", tmp_path, "--db", elsewhere).exit_code == 0
    found, _ = in_terminal([BLIPDB, "search", "red"], tmp_path, there)
    (tmp_path / name).write_bytes(b"no image")
    failed, code = in_terminal([BLIPDB, "ingest", "."], tmp_path, there)
    listed, _ = in_terminal([BLIPDB, "failures"], tmp_path, there, columns=200)
    assert code == 1
    for text in (found, failed, listed):
        assert r"a\x1b]0;owned\x07\x1b[31mred\u202e.jpg" in text
        assert "\x1b]" not in text
        assert "\x1b[31m" not in text
        assert "\x07" not in text
        assert "\u202e" not in text


def test_a_reader_that_leaves_early(scenes: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["bash", "-c", "blipdb search red -k 12 | head -n 1; blipdb search red --json | true"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
