from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from blipdb.identity import image_id
from blipdb.scenes.demo import draw_missing, plan_album
from blipdb.settings import Settings
from tests.cli.conftest import BLIPDB, COUNT, Run


def test_again_changes_nothing(run: Run, scenes: Path) -> None:
    result = run("ingest", scenes)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{COUNT} files: {COUNT} unchanged (")
    assert result.stderr == ""
    assert json.loads(run("ingest", scenes, "--json").stdout)["unchanged"] == COUNT


def test_files_are_listed_once(run: Run, scenes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = []
    scandir = os.scandir

    def listing(folder: str) -> Any:
        listed.append(folder)
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", listing)
    assert run("ingest", scenes).exit_code == 0
    assert listed.count(str(scenes)) == 1


def test_what_the_model_knows_is_said(run: Run, elsewhere: str, tmp_path: Path) -> None:
    picture = plan_album(tmp_path)[100]
    next(draw_missing([picture]))
    result = run("ingest", tmp_path, "--db", elsewhere)
    assert result.exit_code == 0
    assert "1 file: 1 added" in result.stdout
    assert "knows drawn scenes. For other pictures, add one" in result.stderr
    assert "blipdb models add PATH" in result.stderr


def test_some_failed(run: Run, scenes: Path, tmp_path: Path) -> None:
    shutil.copy(scenes / "scene-001.jpg", tmp_path / "good.jpg")
    broken = tmp_path / "broken.jpg"
    broken.write_bytes((scenes / "scene-002.jpg").read_bytes()[:3000])
    result = run("ingest", tmp_path)
    assert result.exit_code == 1
    assert result.stdout.startswith("2 files: 1 with known content, 1 failed (")
    assert f"failed: {broken}: truncated JPEG" in result.stderr

    listed = run("failures", "--json")
    assert listed.exit_code == 0
    (line,) = (line for line in json.loads(listed.stdout) if line["uri"] == str(broken))
    assert line["reason"].startswith("truncated JPEG")
    assert str(broken) in run("failures", "-f").stdout.splitlines()
    assert any(
        str(broken) in row and "read\t1" in row for row in run("failures").stdout.split("\n")
    )

    broken.write_bytes((scenes / "scene-002.jpg").read_bytes())
    assert run("ingest", tmp_path).exit_code == 0
    assert str(broken) not in run("failures", "-f").stdout.splitlines()


def test_paths_from_stdin(run: Run, scenes: Path) -> None:
    paths = "".join(f"{scenes}/scene-00{number}.jpg\n" for number in (1, 2))
    result = run("ingest", "-", given=paths)
    assert (result.exit_code, result.stdout[:21]) == (0, "2 files: 2 unchanged ")


def test_captions_come_along(run: Run, scenes: Path, tmp_path: Path) -> None:
    shutil.copy(scenes / "scene-003.jpg", tmp_path / "cup.jpg")
    (tmp_path / "cup.txt").write_text("my favourite \x1b[31mcup\n")
    result = run("ingest", tmp_path)
    assert "new captions: 1" in result.stdout
    shown = run("search", "an orange cup", "-k", str(COUNT)).stdout
    assert "\x1b" not in shown
    assert "my favourite" in shown


def test_captions_are_written(run: Run, scenes: Path, tmp_path: Path) -> None:
    shutil.copy(scenes / "scene-004.jpg", tmp_path / "copy.jpg")
    result = run("ingest", tmp_path, "--write-captions", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["captioned"] == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["./nowhere"], "./nowhere doesn't exist"),
        ([], "Missing argument"),
        (["/dev/null/x"], "/dev/null/x"),
    ],
)
def test_wrong_paths(run: Run, arguments: list[str], says: str) -> None:
    result = run("ingest", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


def test_a_folder_without_images(run: Run, tmp_path: Path) -> None:
    result = run("ingest", tmp_path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert str(tmp_path) in result.stderr
    assert len(result.stderr.splitlines()) <= 2


def test_adding_one(run: Run, scenes: Path) -> None:
    path = scenes / "scene-006.jpg"
    result = run("add", path, "--metadata", '{"year": 2023}', "--caption", "six")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.strip() == str(image_id("", path.read_bytes()))
    (hit,) = json.loads(run("search", "red", "--filter", '{"year": 2023}', "--json").stdout)
    assert (hit["image_id"], hit["caption"]) == (result.stdout.strip(), "six")
    assert run("add", path).stdout == result.stdout


def test_adding_from_stdin(run: Run, scenes: Path) -> None:
    content = (scenes / "scene-007.jpg").read_bytes()
    result = run("add", "-", "--uri", "https://example.org/7", "--json", given=content)
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "image_id": str(image_id("", content)),
        "uri": "https://example.org/7",
        "failed": None,
    }


def test_adding_what_is_no_image(run: Run, elsewhere: str, scenes: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes((scenes / "scene-008.jpg").read_bytes()[:2000])
    result = run("add", broken, "--db", elsewhere)
    assert result.exit_code == 1
    assert f"failed: {broken}: truncated JPEG" in result.stderr
    assert run("add", "./nowhere.jpg").exit_code == 2
    assert run("add", "-", given=b"").exit_code == 2
    assert run("add", scenes / "scene-008.jpg", "--metadata", "x").exit_code == 2


@pytest.mark.slow
def test_ctrl_c_and_on_again(run: Run, elsewhere: str, served: Settings, tmp_path: Path) -> None:
    album = plan_album(tmp_path / "album")
    for _ in draw_missing(album[:400]):
        pass
    process = subprocess.Popen(
        [BLIPDB, "ingest", "album", "--db", elsewhere],
        cwd=tmp_path,
        env={**os.environ, "BLIPDB_HOME": str(served.home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while _stored(elsewhere) == 0 and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err == "interrupted; the same command goes on from here\n"
    assert 0 < _stored(elsewhere) < 400, "it was over before it was interrupted"

    report = json.loads(run("ingest", tmp_path / "album", "--db", elsewhere, "--json").stdout)
    assert report["failed"] == []
    assert report["waiting"] == report["parked"] == 0
    assert _stored(elsewhere) == 400


def _stored(url: str) -> int:
    with psycopg.connect(url) as conn:
        row = conn.execute("SELECT count(*) FROM blip.image_vectors").fetchone()
    assert row is not None
    return int(row[0])
