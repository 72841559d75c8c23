from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
from PIL import Image
from typer.testing import CliRunner

from blipdb import Hit
from blipdb.cli.app import app
from blipdb.scenes import demo
from blipdb.settings import Settings


def test_the_album_is_always_the_same(tmp_path: Path) -> None:
    album = demo.plan_album(tmp_path)
    assert album == demo.plan_album(tmp_path)
    assert len({picture.path for picture in album}) == len(album) == 500
    for query in demo.SEARCHES:
        assert demo.count_true(query, album) >= 1, query


def test_only_missing_pictures_are_drawn(tmp_path: Path) -> None:
    album = demo.plan_album(tmp_path / "new")[:3]
    assert list(demo.draw_missing(album)) == album
    bytes_before = [picture.path.read_bytes() for picture in album]
    album[1].path.unlink()
    assert list(demo.draw_missing(album)) == [album[1]]
    assert [picture.path.read_bytes() for picture in album] == bytes_before
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        f"scene-00{number}.jpg" for number in (1, 2, 3)
    ]
    with Image.open(album[0].path) as image:
        assert (image.format, image.size) == ("JPEG", (256, 256))


def test_an_interrupted_drawing_leaves_no_half_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    album = demo.plan_album(tmp_path)[:2]

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(demo, "draw", fail)
        with pytest.raises(KeyboardInterrupt):
            list(demo.draw_missing(album))
    assert list(tmp_path.glob("*.jpg")) == []
    assert list(demo.draw_missing(album)) == album
    assert len(list(tmp_path.iterdir())) == 2


def test_hits_are_judged_by_the_scene_behind_them(tmp_path: Path) -> None:
    album = demo.plan_album(tmp_path)
    query = "red bicycle"
    right = next(p for p in album if demo.count_true(query, [p]))
    wrong = next(p for p in album if not demo.count_true(query, [p]))
    hit = Hit(UUID(int=1), str(right.path), None, 1.0, 0.9, 0.5)
    hits = [
        hit,
        replace(hit, uri=str(wrong.path)),
        replace(hit, uri="/else"),
        replace(hit, uri=None),
    ]
    judged = demo.judge(query, hits, album)
    assert [one.is_right for one in judged] == [True, False, False, False]
    assert "red bicycle" in (judged[0].truth or "")
    assert [one.truth is None for one in judged] == [False, False, True, True]


@pytest.mark.slow
def test_the_second_demo_changes_nothing(
    served: Settings, elsewhere: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run() -> str:
        arguments = ["demo", "--home", str(served.home), "--db", elsewhere]
        result = CliRunner().invoke(app, arguments, catch_exceptions=False)
        assert result.exit_code == 0
        return result.stdout

    def files() -> dict[Path, tuple[int, str]]:
        paths = [path for path in tmp_path.rglob("*") if path.is_file()]
        return {p: (p.stat().st_mtime_ns, sha256(p.read_bytes()).hexdigest()) for p in paths}

    monkeypatch.chdir(tmp_path)
    first, before = run(), files()
    assert "album/scenes: 500 drawn of 500 scenes" in first
    assert "500 files: 500 added" in first
    assert first.count("blipdb search '") == len(demo.SEARCHES)
    assert len(before) == 501
    assert Path(tmp_path / "album" / "contact-sheet.png") in before

    second = run()
    assert "album/scenes: nothing drawn of 500 scenes" in second
    assert "500 files: 500 unchanged" in second
    assert second.splitlines()[2:] == first.splitlines()[2:]
    assert files() == before
