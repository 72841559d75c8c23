from __future__ import annotations

import json
import os

import pytest

from blipdb.cli.output import Column, note, print_json, print_paths, print_rows, short_path
from blipdb.escapes import visible

HOSTILE = "a\x1b]0;owned\x07b\x9b31mc\u202egnp.\udcff\n\t\\"


def test_control_characters_become_visible() -> None:
    assert visible(HOSTILE) == (r"a\x1b]0;owned\x07b\x9b31mc\u202egnp.\udcff\n\t" + "\\")
    assert visible("ordinary – žluťoučký 자전거 🚲") == "ordinary – žluťoučký 자전거 🚲"


@pytest.mark.parametrize("code", [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x202E, 0x2066])
def test_no_control_character_passes(code: int) -> None:
    assert visible(chr(code)).isascii()
    assert visible(chr(code)).isprintable()


def test_rows_in_a_pipe_are_tab_separated(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([Column("score", "number"), Column("path")], [["1.0", "a\tb"], ["0.5", "[red]"]])
    assert capsys.readouterr().out == "1.0\ta\\tb\n0.5\t[red]\n"


def test_json_is_read_back_exactly(capsys: pytest.CaptureFixture[str]) -> None:
    print_json([{"path": HOSTILE, "score": 0.5}])
    out = capsys.readouterr().out
    assert json.loads(out) == [{"path": HOSTILE, "score": 0.5}]
    assert "\x1b" not in out
    assert "\x9b" not in out
    assert "\u202e" not in out


def test_paths_are_bytes_as_the_system_knows_them(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    odd = os.fsdecode(b"/x/\xff y.png")
    print_paths([odd, "/x/\u00e9.png"])
    print_paths([odd, "/x/a\nb.png"], null=True)
    out, _ = capfdbinary.readouterr()
    assert out == b"/x/\xff y.png\n/x/\xc3\xa9.png\n/x/\xff y.png\0/x/a\nb.png\0"


def test_notes_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    note("first\nsecond \x1b[2J")
    assert capsys.readouterr() == ("", "first\nsecond \\x1b[2J\n")


def test_paths_are_short_inside_the_working_folder(
    tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert short_path(f"{tmp_path}/album/a.png") == "album/a.png"
    assert short_path("/elsewhere/a.png") == "/elsewhere/a.png"
    assert short_path("https://host/a.png") == "https://host/a.png"
