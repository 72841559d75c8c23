from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from blipdb import services
from blipdb.database import extension
from blipdb.engine import daemon
from blipdb.host import cluster
from blipdb.settings import Settings
from tests.album import picture
from tests.cli.conftest import BLIPDB, COUNT, Run
from tests.work.test_worker import add


def test_status_of_what_runs(run: Run, scenes: Path, served: Settings) -> None:
    result = run("status", "--json")
    status = json.loads(result.stdout)
    assert (result.exit_code, result.stderr) == (0, "")
    assert status["url"] == served.database_url()
    assert status["home"] == str(served.home)
    assert status["cluster"]["pid"] == cluster.status(served).pid
    assert status["engine_answers"] is True
    counts = {(line["what"], line["state"]): line["count"] for line in status["counts"]}
    assert counts["images", "stored"] >= COUNT
    assert counts["encode", "pending"] == counts["encode", "running"] == 0

    rows = [row.split("\t") for row in run("status").stdout.splitlines()]
    assert ["engine", f"runs, process {daemon.pid_of(served)}"] in rows
    assert ["images", "", "stored", str(counts["images", "stored"])] in rows


def test_status_starts_nothing(run: Run, empty_home: Path) -> None:
    result = run("status", "--home", empty_home)
    assert result.exit_code == 1
    assert "does not run" in result.stdout
    assert result.stderr == "start what is down with: blipdb up\n"
    assert list(empty_home.iterdir()) == []


def test_url(run: Run, served: Settings, empty_home: Path) -> None:
    assert run("url").stdout == f"{served.database_url()}\n"
    assert run("url", "--db", "postgresql://you@/yours").stdout == "postgresql://you@/yours\n"
    down = run("url", "--home", empty_home)
    assert (down.exit_code, down.stdout) == (0, f"{Settings(empty_home).database_url()}\n")
    assert down.stderr == "PostgreSQL does not run; start it with: blipdb up\n"


def test_psql(scenes: Path, served: Settings) -> None:
    command = [BLIPDB, "psql", "--home", str(served.home), "--no-psqlrc", "-At", "-c"]
    done = subprocess.run(
        [*command, "SELECT count(*) FROM blip_search('red', k => 3)"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "3\n", "")
    done = subprocess.run([*command, "SELECT 1/0"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "division by zero" in done.stderr


def test_psql_keeps_a_password_out_of_the_list_of_processes(scenes: Path, served: Settings) -> None:
    url = f"{served.database_url()}&password=open%20sesame"
    show = r"\! tr '\0' ' ' </proc/$PPID/cmdline; echo; echo $PGPASSWORD"
    command = [BLIPDB, "psql", "--db", url, "--no-psqlrc", "-At", "-c", show]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    asked, password = done.stdout.splitlines()
    assert password == "open sesame"
    assert "psql" in asked
    assert "sesame" not in asked
    command[-1] = "SELECT 1"
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "1\n"


def test_up_where_all_is_up(run: Run, served: Settings) -> None:
    result = run("up")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "all is up\n", "")
    assert json.loads(run("up", "--json").stdout) == {"done": []}


def test_models(run: Run, served: Settings, tiny_folder: Path) -> None:
    (scenes,) = json.loads(run("models", "list", "--json").stdout)
    assert (scenes["name"], scenes["knows"]) == ("scenes", "drawn scenes")
    assert scenes["active"] == ["captioner", "filter", "retrieval"]
    assert run("models", "list").stdout.startswith(f"scenes\t{scenes['digest'][:16]}\t")


def test_adding_and_activating_a_model(run: Run, ready: Settings, tiny_folder: Path) -> None:
    assert ready.url is not None
    there = ("--db", ready.url, "--home", ready.home)
    added = run("models", "add", tiny_folder, "--no-activate", *there)
    assert (added.exit_code, added.stdout[:5]) == (0, "tiny ")
    active = run("models", "activate", "tiny", "--role", "captioner", *there)
    said = "tiny is active as captioner, filter, retrieval\n"
    assert (active.exit_code, active.stdout) == (0, said)
    assert run("models", "activate", "tiny", "--role", "answerer", *there).exit_code == 2
    unknown = run("models", "activate", "nobody", *there)
    assert unknown.exit_code == 2
    assert "There is no model 'nobody'; there are: tiny" in unknown.stderr


def test_a_filter_is_told_who_has_it_judge(
    run: Run, ready: Settings, boss: psycopg.Connection, tiny_folder: Path
) -> None:
    assert ready.url is not None
    activate = ("models", "activate", "tiny", "--role", "filter", "--db", ready.url)
    add(boss, picture(1), caption="red dog")
    boss.execute("INSERT INTO blip.settings VALUES ('scores', 'off')")
    assert run(*activate).stderr.endswith(
        "1 captions are to be judged by it; scores are off, but for: blipdb run score\n"
    )
    boss.execute("DELETE FROM blip.settings WHERE name = 'scores'")
    assert run(*activate).stderr.endswith(
        "1 captions are to be judged by it; workers do that, or: blipdb run\n"
    )


def test_how_a_model_computes(run: Run, ready: Settings, tiny_folder: Path) -> None:
    assert ready.url is not None
    there = ("--db", ready.url, "--home", ready.home)
    added = run("models", "add", tiny_folder, "--precision", "int8", "--tokens", "3", *there)
    assert (added.exit_code, added.stdout[:5]) == (0, "tiny ")
    listed = json.loads(run("models", "list", "--json", *there).stdout)
    assert [(m["token_count"], m["merged"]) for m in listed] == [(5, False), (3, True)]
    assert run("models", "add", tiny_folder, "--tokens", "all", *there).exit_code == 0
    for wrong, said in (
        (("--tokens", "few"), "--tokens is 'few'; it is a number, or all."),
        (("--tokens", "5"), "tokens is 5; the model has 5 of an image"),
        (("--tokens", "1"), "tokens is 1; it must be 2 or more"),
    ):
        result = run("models", "add", tiny_folder, *wrong, *there)
        assert result.exit_code == 2
        assert said in result.stderr
    assert run("models", "add", tiny_folder, "--precision", "fp16", *there).exit_code == 2


def test_adding_what_is_no_model(run: Run, served: Settings, tmp_path: Path) -> None:
    result = run("models", "add", tmp_path)
    assert (result.exit_code, result.stdout) == (1, "")
    assert str(tmp_path) in result.stderr


def test_exporting_a_model(run: Run, served: Settings, tiny_folder: Path, tmp_path: Path) -> None:
    result = run("models", "export", "scenes", "--to", "hf", tmp_path / "a", "--role", "retrieval")
    expected = f"{tmp_path / 'a'}: BlipForImageTextRetrieval\n"
    assert (result.exit_code, result.stdout) == (0, expected)
    by_folder = run("models", "export", tiny_folder, tmp_path / "b", "--to", "hf")
    assert by_folder.exit_code == 2
    assert "Say which, as in: --role retrieval" in by_folder.stderr
    names = ["README.md", "config.json", "model.safetensors", "preprocessor_config.json",
             "tokenizer.json", "tokenizer_config.json"]  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == names
    assert run("models", "export", "nobody", "--to", "hf", tmp_path / "c").exit_code == 2
    assert run("models", "export", "scenes", "--to", "onnx", tmp_path / "c").exit_code == 2


def test_init_of_an_existing_server(run: Run, database: str, served: Settings) -> None:
    result = run("init", "--db", database)
    assert (result.exit_code, result.stdout) == (0, "the database is of this version\n")
    assert run("status", "--db", database).exit_code == 0
    assert [m["name"] for m in json.loads(run("models", "list", "--db", database, "--json").stdout)]


def test_install_extension(run: Run, tmp_path: Path) -> None:
    first = run("install-extension", "--folder", tmp_path)
    assert (first.exit_code, first.stdout) == (0, f"installed in {tmp_path}\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"blipdb--{extension.version()}.sql",
        "blipdb.control",
    ]
    again = run("install-extension", "--folder", tmp_path)
    assert again.stdout == f"already in {tmp_path}\n"
    assert run("install-extension", "--folder", tmp_path / "none").exit_code == 1


@pytest.fixture
def own_home() -> Iterator[Path]:
    """A home whose services a test may stop."""
    folder = Path(tempfile.mkdtemp(prefix="blip", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    services.down(Settings(folder))
    shutil.rmtree(folder)


@pytest.mark.slow
def test_down_and_up_again(run: Run, own_home: Path, scenes: Path) -> None:
    there = {"BLIPDB_HOME": str(own_home)}
    first = run("ingest", scenes, **there)
    assert first.exit_code == 0
    assert first.stderr.splitlines()[:3] == [
        "PostgreSQL started",
        "database brought up to date",
        "engine started",
    ]
    found = run("search", "red bicycle", **there).stdout
    assert len(found.splitlines()) == 10
    assert run("down", **there).stdout == "engine stopped\nPostgreSQL stopped\n"
    assert run("down", **there).stdout == "nothing runs\n"
    assert run("status", **there).exit_code == 1

    again = run("search", "red bicycle", **there)
    assert again.stderr.splitlines() == ["PostgreSQL started", "engine started"]
    assert again.stdout == found


@pytest.mark.slow
def test_the_engine_in_the_foreground(own_home: Path) -> None:
    settings = Settings(own_home)
    command = [BLIPDB, "engine", "--home", str(own_home)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ)
    deadline = time.monotonic() + 30
    while daemon.health(settings) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert daemon.pid_of(settings) == process.pid
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in err
