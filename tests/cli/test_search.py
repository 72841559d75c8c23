from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import blipdb
from blipdb.cli.search import is_path
from blipdb.database import connection
from blipdb.settings import Settings
from blipdb.types import Connection
from tests.album import picture
from tests.attach import attach, put, shop
from tests.cli.conftest import COUNT, Run


def test_a_pipe_gets_lines_of_fields(run: Run, scenes: Path) -> None:
    result = run("search", "an orange cup", "-k", "3")
    assert (result.exit_code, result.stderr) == (0, "")
    rows = [line.split("\t") for line in result.stdout.splitlines()]
    assert len(rows) == 3
    assert [float(row[0]) for row in rows] == sorted((float(row[0]) for row in rows), reverse=True)
    assert all(0 <= float(row[1]) <= 1 and -1 <= float(row[2]) <= 1 for row in rows)
    assert all(Path(row[3]).parent == scenes for row in rows)


def test_words_need_no_quotes(run: Run, scenes: Path) -> None:
    assert run("search", "red", "bicycle").stdout == run("search", "red bicycle").stdout


def test_json_holds_what_python_finds(run: Run, scenes: Path, served: Settings) -> None:
    result = run("search", "red bicycle", "-k", "4", "--json")
    with connection.connect(served.database_url()) as conn:
        hits = blipdb.connect(conn).search("red bicycle", 4)
    assert json.loads(result.stdout) == [
        {
            "image_id": str(hit.image_id),
            "uri": hit.uri,
            "caption": hit.caption,
            "score": hit.score,
            "itm": hit.itm,
            "itc": hit.itc,
        }
        for hit in hits
    ]


def test_a_search_opens_one_connection(run: Run, scenes: Path, served: Settings) -> None:
    """Where all is up: the server's log says who connects."""
    url, log = served.database_url(), served.logs_dir / "postgresql.log"
    with connection.connect(url, autocommit=True) as conn:
        conn.execute("ALTER SYSTEM SET log_connections = 'on'")
        try:
            _reload(conn, logs=True)
            begin = log.stat().st_size
            assert run("search", "red bicycle", "-k", "1").exit_code == 0
            assert log.read_bytes()[begin:].count(b"connection received") == 1
        finally:
            conn.execute("ALTER SYSTEM RESET log_connections")
            _reload(conn, logs=False)


def _reload(conn: Connection, *, logs: bool) -> None:
    """Have the server read its configuration, and wait for sessions that begin with it."""
    conn.execute("SELECT pg_reload_conf()")
    while True:
        with connection.connect(conn.info.dsn) as other:
            if (other.execute("SHOW log_connections").fetchone() == ("on",)) is logs:
                return


def test_rows_of_attached_tables_have_a_place_and_no_path(
    run: Run, scenes: Path, served: Settings
) -> None:
    with connection.connect(served.database_url(), autocommit=True) as conn:
        shop(conn)
        attach(conn, mode="live")
        put(conn, 1, picture(1))
        conn.execute("UPDATE blip.attached_rows SET state = 'x', error = 'too dull'")
        try:
            query = scenes.parent / "query.png"
            query.write_bytes(picture(1))
            assert "public.products/1" in run("search", query, "-k", "1").stdout
            only = run("search", query, "-k", "1", "--paths")
            assert only.stdout == ""
            assert "left out: 1 that came in through SQL" in only.stderr
            assert "public.products/1\tattach\t0\ttoo dull" in run("failures").stdout
            assert run("failures", "--paths").stdout == ""
        finally:
            conn.execute("SELECT blip_detach('products')")
            conn.execute("DROP TABLE products")


def test_paths_only(run: Run, scenes: Path) -> None:
    lines = run("search", "red", "-k", "5", "-f").stdout.splitlines()
    assert len(lines) == 5
    assert {Path(line).parent for line in lines} == {scenes}
    assert run("search", "red", "-k", "5", "-0").stdout.split("\0") == [*lines, ""]


def test_each_flag_has_a_variable(run: Run, scenes: Path) -> None:
    by_variable = run("search", "red", BLIPDB_TOP="2", BLIPDB_JSON="1", BLIPDB_THRESHOLD="0.0")
    assert by_variable.stdout == run("search", "red", "-k", "2", "--json").stdout
    assert len(json.loads(by_variable.stdout)) == 2


def test_an_image_finds_itself_first(run: Run, scenes: Path) -> None:
    image = scenes / "scene-005.jpg"
    first, *others = json.loads(run("search", image, "-k", "3", "--json").stdout)
    assert first["uri"] == str(image)
    assert first["itc"] == pytest.approx(1, abs=1e-2)
    assert first["itm"] is None
    assert [other["itm"] for other in others] == [None, None]
    assert run("search", image, "-k", "1").stdout.split("\t")[1] == ""


def test_a_threshold_leaves_out(run: Run, scenes: Path) -> None:
    hits = json.loads(run("search", "red", "-k", str(COUNT), "--json").stdout)
    limit = sorted(hit["itm"] for hit in hits)[COUNT // 2]
    above = run("search", "red", "-k", str(COUNT), "--threshold", str(limit - 1e-6), "-f")
    assert len(above.stdout.splitlines()) == sum(hit["itm"] >= limit for hit in hits) < COUNT


def test_nothing_is_said_to_be_nothing(run: Run, scenes: Path) -> None:
    result = run("search", "red", "--threshold", "1.1")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "no hits\n")


def test_a_contact_sheet(run: Run, scenes: Path, tmp_path: Path) -> None:
    path = tmp_path / "hits.png"
    result = run("search", "red", "-k", "2", "--sheet", path)
    assert (result.exit_code, result.stderr) == (0, f"drawn: {path}\n")
    with Image.open(path) as image:
        assert image.format == "PNG"
        colours = image.convert("RGB").getcolors(1 << 20)
    assert colours is not None
    assert len(colours) > 1000, "there are no pictures on it"


def test_a_picture_that_has_changed_since_is_not_shown(
    run: Run, elsewhere: str, tmp_path: Path
) -> None:
    copy, path = tmp_path / "one.jpg", tmp_path / "hits.png"
    Image.new("RGB", (60, 60), (1, 200, 3)).save(copy, "JPEG")
    assert run("ingest", copy, "--db", elsewhere).exit_code == 0
    Image.new("RGB", (60, 60), (250, 1, 250)).save(copy, "JPEG")
    assert run("search", "green", "--sheet", path, "--db", elsewhere).exit_code == 0
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB")).reshape(-1, 3)
    assert not (abs(pixels - np.array([250, 1, 250])).max(axis=1) < 40).any()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([""], "the query is empty"),
        (["  \t"], "the query is empty"),
        (["zebra"], "no word of this text: 'zebra'"),
        (["red " * 60], "at most 40"),
        (["red", "-k", "0"], "k must be between 1 and 1000, not 0"),
        (["red", "-k", "1000000"], "k must be between 1 and 1000, not 1000000"),
        (["red", "-k", "9999999999999"], "out of range"),
        (["red", "-k", "5", "--candidates", "4"], "candidates must be between 5 and 1000, not 4"),
        (["red", "--model", "nobody"], "no model 'nobody'"),
        (["red", "--filter", "{year"], "no JSON: '{year'"),
        (["red", "--filter", "[1]"], "no JSON object: '[1]'"),
        (["./nowhere.jpg"], "nowhere.jpg: no such file or directory"),
        (["/dev/zero"], "/dev/zero: not a regular file"),
        (["./nowhere.jpg", "red"], "One image at a time"),
        (["-k", "3"], "Missing argument"),
    ],
)
def test_what_can_not_be_meant(run: Run, scenes: Path, arguments: list[str], says: str) -> None:
    result = run("search", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert says in result.stderr


def test_a_file_that_is_no_image(run: Run, scenes: Path, tmp_path: Path) -> None:
    path = tmp_path / "text.jpg"
    path.write_text("hello")
    result = run("search", path)
    assert result.exit_code != 0
    assert "not a JPEG, PNG, WebP, GIF, BMP or TIFF picture" in result.stderr


def test_control_characters_are_spaces_to_the_model(run: Run, scenes: Path) -> None:
    odd = run("search", "red\x07\n\x1bbicycle")
    assert odd.exit_code == 0
    assert odd.stdout == run("search", "red bicycle").stdout


def test_which_arguments_are_paths() -> None:
    paths = ["./a", "../a", "/a", "~/a", "a.jpg", "A.JPEG", "b c.png", "dir/x.webp"]
    texts = ["red bicycle", "a jpg", "and/or", "3.5 dogs", "jpg"]
    assert [is_path(word) for word in paths + texts] == [True] * len(paths) + [False] * len(texts)
