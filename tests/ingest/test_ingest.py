"""Ingest from files to vectors: what goes in, what is left alone, what fails, what interrupts."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from blipdb import registry
from blipdb.database import connection, jobs
from blipdb.database.jobs import Counts
from blipdb.errors import DatabaseError, ModelError, UsageError
from blipdb.identity import image_id
from blipdb.ingest.run import Report, ingest
from blipdb.settings import Settings
from blipdb.sources.files import find
from blipdb.sources.records import Failure
from blipdb.types import Connection
from blipdb.work.executors import Progress
from blipdb.work.stages.base import batch_size
from tests.album import album, picture

DONE = (
    "SELECT count(*), count(v), count(t), count(j) FROM blip.images i"
    " LEFT JOIN blip.image_vectors v USING (image_id)"
    " LEFT JOIN blip.image_tokens t USING (image_id)"
    " LEFT JOIN blip.jobs j ON j.image_id = i.image_id AND j.stage = 'encode' AND j.state = 'd'"
)


@pytest.fixture
def boss(ready: Settings) -> Iterator[Connection]:
    with connection.connect(ready.database_url(), autocommit=True) as conn:
        yield conn


def one(conn: Connection, query: Any, *values: object) -> Any:
    row = conn.execute(query, values).fetchone()
    assert row is not None
    return row if len(row) > 1 else row[0]


def place(conn: Connection, path: Path | str) -> Any:
    """The image that a file is known to hold."""
    return one(conn, "SELECT image_id FROM blip.files WHERE uri = %s", str(path))


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def numbers(report: Report) -> dict[str, int]:
    names = ("found", "added", "unchanged", "duplicates", "encoded")
    return {name: getattr(report, name) for name in names if getattr(report, name)}


def test_every_kind_of_picture_goes_in_with_its_vector(
    ready: Settings, boss: Connection, tmp_path: Path
) -> None:
    kinds = ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"]
    for seed, kind in enumerate(kinds):
        write(tmp_path / "in" / f"{kind}.{kind.lower()}", picture(seed, kind, side=20 + seed))
    report = ingest(ready, [tmp_path / "in"])
    assert numbers(report) == {"found": 6, "added": 6, "encoded": 6}
    assert (report.failed, report.warnings, report.exit_code) == ([], [], 0)
    assert one(boss, DONE) == (6, 6, 6, 6)
    rows = boss.execute(
        "SELECT f.uri, i.mime, i.width, i.height, i.bytes, i.content, f.size, f.mtime"
        " FROM blip.files f JOIN blip.images i USING (image_id) ORDER BY i.width"
    ).fetchall()
    for seed, (kind, row) in enumerate(zip(kinds, rows, strict=True)):
        status = (tmp_path / "in" / f"{kind}.{kind.lower()}").stat()
        assert row[1:4] == (f"image/{kind.lower()}", 20 + seed, 20 + seed)
        assert row[4:] == (status.st_size, None, status.st_size, status.st_mtime_ns)


def test_the_id_is_made_of_space_and_content(
    ready: Settings, boss: Connection, tmp_path: Path
) -> None:
    path = write(tmp_path / "in" / "a.png", picture(1))
    for space in ("", "ours", "theirs"):
        assert numbers(ingest(ready, [path], space=space)) == {
            "found": 1,
            "added": 1,
            "encoded": 1,
        }
    ids = boss.execute("SELECT space, image_id FROM blip.files ORDER BY space").fetchall()
    assert ids == [(space, image_id(space, picture(1))) for space in ("", "ours", "theirs")]


def test_the_second_time_nothing_is_read(ready: Settings, boss: Connection, tmp_path: Path) -> None:
    """Content that differs under the same size and time proves that only stat was looked at."""
    path = write(tmp_path / "in" / "a.bmp", picture(1, "BMP"))
    ingest(ready, [path])
    status = path.stat()
    path.write_bytes(picture(2, "BMP"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert numbers(ingest(ready, [path])) == {"found": 1, "unchanged": 1}
    assert place(boss, path) == image_id("", picture(1, "BMP"))


def test_a_changed_file_moves_to_a_new_image(
    ready: Settings, boss: Connection, tmp_path: Path
) -> None:
    path = write(tmp_path / "in" / "a.png", picture(1))
    ingest(ready, [path])
    write(path, picture(2, side=30))
    assert numbers(ingest(ready, [path])) == {"found": 1, "added": 1, "encoded": 1}
    assert place(boss, path) == image_id("", picture(2, side=30))
    assert one(boss, DONE) == (2, 2, 2, 2)
    assert one(boss, "SELECT count(*) FROM blip.files") == 1


def test_a_touched_file_is_read_and_stays_the_image_that_it_was(
    ready: Settings, boss: Connection, tmp_path: Path
) -> None:
    path = write(tmp_path / "in" / "a.png", picture(1))
    ingest(ready, [path])
    os.utime(path, ns=(0, 5_000_000_000))
    assert numbers(ingest(ready, [path])) == {"found": 1, "duplicates": 1}
    assert one(boss, "SELECT mtime FROM blip.files") == 5_000_000_000
    assert numbers(ingest(ready, [path])) == {"found": 1, "unchanged": 1}


def test_the_same_content_is_one_image_with_all_its_files(
    ready: Settings, boss: Connection, tmp_path: Path
) -> None:
    paths = [write(tmp_path / "in" / name, picture(1)) for name in ("a.png", "b.png", "x/c.jpg")]
    report = ingest(ready, [tmp_path / "in"])
    assert numbers(report) == {"found": 3, "added": 1, "duplicates": 2, "encoded": 1}
    later = write(tmp_path / "in" / "later.png", picture(1))
    report = ingest(ready, [tmp_path / "in"])
    assert numbers(report) == {"found": 4, "unchanged": 3, "duplicates": 1}
    assert {place(boss, path) for path in [*paths, later]} == {image_id("", picture(1))}
    assert one(boss, DONE) == (1, 1, 1, 1)


def test_captions_come_from_beside_inside_and_tables(
    ready: Settings, boss: Connection, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a red   bicycle"
    path = write(tmp_path / "in" / "a.jpg", picture(1, "JPEG", exif=exif.tobytes()))
    write(tmp_path / "in" / "a.txt", b"beside one\nbeside two\n")
    table = write(tmp_path / "c.csv", b"file,caption,origin\na.jpg,from a person,human\n")
    report = ingest(ready, [path], captions=[table])
    assert report.captions == 4
    assert boss.execute(
        "SELECT origin, text FROM blip.captions ORDER BY origin, text"
    ).fetchall() == [
        ("human", "from a person"),
        ("web", "a red bicycle"),
        ("web", "beside one"),
        ("web", "beside two"),
    ]


def test_new_captions_of_unchanged_files_come_in_once(
    ready: Settings, boss: Connection, tmp_path: Path
) -> None:
    write(tmp_path / "in" / "a.png", picture(1))
    write(tmp_path / "in" / "copy.png", picture(1))
    assert ingest(ready, [tmp_path / "in"]).captions == 0
    write(tmp_path / "in" / "a.txt", b"a bicycle")
    write(tmp_path / "in" / "copy.txt", b"a bicycle\na copy")
    report = ingest(ready, [tmp_path / "in"])
    assert (report.unchanged, report.captions) == (2, 2)
    assert ingest(ready, [tmp_path / "in"]).captions == 0


def test_what_a_table_names_in_vain_is_a_warning(ready: Settings, tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.png", picture(1))
    table = write(tmp_path / "c.json", b'{"b.png": "not there"}')
    report = ingest(ready, [tmp_path / "in"], captions=[table])
    assert report.warnings == [f"{table} names 1 files that were not among the images, as b.png"]
    assert report.exit_code == 0


def test_bad_files_fail_with_reasons_and_the_rest_goes_on(
    ready: Settings, boss: Connection, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    write(folder / "good.png", picture(1))
    write(folder / "renamed.jpg", picture(2, "GIF"))
    write(folder / "cut.png", picture(3)[:-40])
    write(folder / "empty.jpg", b"")
    write(folder / "text.jpg", b"this is not a picture")
    (folder / "gone.png").symlink_to(folder / "nowhere")
    write(folder / "copy-of-text.jpg", b"this is not a picture")
    report = ingest(ready, [folder])
    assert numbers(report) == {"found": 7, "added": 2, "encoded": 2}
    failed = {Path(failure.uri).name: failure.reason for failure in report.failed}
    assert failed.keys() == {"cut.png", "empty.jpg", "text.jpg", "gone.png", "copy-of-text.jpg"}
    assert failed["empty.jpg"] == "the file is empty"
    assert failed["gone.png"] == "no such file or directory"
    assert failed["text.jpg"] == failed["copy-of-text.jpg"]
    assert report.exit_code == 1
    listed = boss.execute("SELECT uri, reason FROM blip_failures()").fetchall()
    assert {Path(uri).name: reason for uri, reason in listed} == failed


def test_a_refused_file_is_reported_again_and_tried_again_only_on_request(
    ready: Settings, boss: Connection, tmp_path: Path
) -> None:
    path = write(tmp_path / "in" / "cut.png", picture(3)[:-40])
    attempts = "SELECT attempts FROM blip.failed_files"
    first = ingest(ready, [path])
    assert ingest(ready, [path]).failed == first.failed
    assert one(boss, attempts) == 1
    ingest(ready, [path], retry=True)
    assert one(boss, attempts) == 2
    write(path, picture(3))
    assert ingest(ready, [path]).exit_code == 0
    assert one(boss, "SELECT count(*) FROM blip.failed_files") == 0


def test_a_file_that_could_not_be_read_is_tried_again(
    ready: Settings, boss: Connection, tmp_path: Path
) -> None:
    """Permissions change without size or time, so such a failure is never skipped."""
    listed = str(tmp_path / "in" / "a.png").encode()
    report = ingest(ready, find(["-"], stdin=io.BytesIO(listed)))
    assert report.failed == [Failure(listed.decode(), "no such file or directory")]
    write(Path(listed.decode()), picture(1))
    assert numbers(ingest(ready, find(["-"], stdin=io.BytesIO(listed)))) == {
        "found": 1,
        "added": 1,
        "encoded": 1,
    }
    assert one(boss, "SELECT count(*) FROM blip.failed_files") == 0


def test_a_broken_new_version_leaves_the_old_image_in_place(
    ready: Settings, boss: Connection, tmp_path: Path
) -> None:
    path = write(tmp_path / "in" / "a.png", picture(1))
    ingest(ready, [path])
    write(path, b"oops")
    assert len(ingest(ready, [path]).failed) == 1
    assert place(boss, path) == image_id("", picture(1))
    assert len(ingest(ready, [path]).failed) == 1


def test_content_is_stored_only_on_request(
    ready: Settings, boss: Connection, tmp_path: Path
) -> None:
    path = write(tmp_path / "in" / "a.png", picture(1))
    ingest(ready, [path], store_content=True)
    assert one(boss, "SELECT content FROM blip.images") == picture(1)


def test_content_fills_many_transactions_without_filling_memory(
    ready: Settings, boss: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("blipdb.ingest.intake.STORE_BYTES", 2000)
    monkeypatch.setattr("blipdb.ingest.intake.READ_BYTES", 1000)
    album(tmp_path / "in", 40)
    assert ingest(ready, [tmp_path / "in"], store_content=True).added == 40
    assert one(boss, DONE) == (40, 40, 40, 40)
    assert one(boss, "SELECT count(DISTINCT xmin::text) FROM blip.images") > 1


def test_captions_are_written_on_request(ready: Settings, boss: Connection, tmp_path: Path) -> None:
    album(tmp_path / "in", 3)
    assert ingest(ready, [tmp_path / "in"]).captioned == 0
    report = ingest(ready, [tmp_path / "in"], caption=True)
    assert (report.unchanged, report.captioned) == (3, 3)
    assert one(boss, "SELECT count(*) FROM blip.captions WHERE origin = 'synthetic'") == 3
    assert ingest(ready, [tmp_path / "in"], caption=True).captioned == 0


def test_what_was_added_by_sql_is_encoded_along(
    ready: Settings, boss: Connection, tmp_path: Path
) -> None:
    one(boss, "SELECT blip_add(%s)", picture(1))
    album(tmp_path / "in", 2, first=10)
    assert numbers(ingest(ready, [tmp_path / "in"])) == {"found": 2, "added": 2, "encoded": 3}
    assert one(boss, DONE) == (3, 3, 3, 3)


def test_parked_jobs_are_told_by_exit_code_and_tried_on_request(
    ready: Settings, boss: Connection, tmp_path: Path
) -> None:
    [path] = album(tmp_path / "in", 1)
    one(boss, "SELECT blip_add(%s)", picture(9)[:60])
    report = ingest(ready, [path])
    assert (report.failed, report.parked, report.exit_code) == ([], 1, 1)
    assert ingest(ready, [path]).exit_code == 0, "it is told once, by whom it happened to"
    assert ingest(ready, [path], retry=True).parked == 1
    assert one(boss, "SELECT attempts FROM blip.jobs WHERE state = 'x'") == 1


def test_progress_ends_at_the_whole(ready: Settings, tmp_path: Path) -> None:
    album(tmp_path / "in", 5)
    write(tmp_path / "in" / "copy.png", picture(0))
    write(tmp_path / "in" / "bad.png", b"bad")
    seen: list[Progress] = []
    ingest(ready, [tmp_path / "in"], caption=True, progress=seen.append)
    taken = [step for step in seen if step.stage == "ingest"]
    assert [step.done for step in taken] == sorted(step.done for step in taken)
    assert taken[-1] == Progress("ingest", 7, 7, 1)
    assert seen[-1] == Progress("caption", 5, 5, 0)


def test_the_report_says_what_the_model_knows(ready: Settings, tmp_path: Path) -> None:
    report = ingest(ready, album(tmp_path / "in", 1))
    assert (report.model, report.knows) == ("tiny", "nothing: its weights are random")


def test_usage_errors_come_before_the_database_is_looked_for(tmp_path: Path) -> None:
    nowhere = Settings(tmp_path / "home", "postgresql:///blipdb?host=/nonexistent")
    with pytest.raises(UsageError, match="doesn't exist"):
        ingest(nowhere, [tmp_path / "gone"])
    with pytest.raises(UsageError, match="can't be read"):
        ingest(nowhere, album(tmp_path / "in", 1), captions=[tmp_path / "gone.csv"])
    with pytest.raises(DatabaseError, match="PostgreSQL can't be reached"):
        ingest(nowhere, [tmp_path / "in"])


def test_without_an_active_model_nothing_is_stored(
    ready: Settings, boss: Connection, tmp_path: Path
) -> None:
    boss.execute("DELETE FROM blip.active_models")
    with pytest.raises(ModelError, match="No model is active as retrieval"):
        ingest(ready, album(tmp_path / "in", 1))
    assert one(boss, DONE) == (0, 0, 0, 0)


def test_an_altered_model_stores_nothing_and_the_same_command_later_finishes(
    ready: Settings, boss: Connection, tmp_path: Path, tiny_folder: Path
) -> None:
    folder = registry.active(boss, "retrieval").folder(ready)
    with (folder / "image.onnx").open("ab") as file:
        file.write(b"\0")
    paths = album(tmp_path / "in", 2)
    with pytest.raises(ModelError, match=r"image\.onnx was altered"):
        ingest(ready, paths)
    registry.register(boss, ready, tiny_folder)
    assert numbers(ingest(ready, paths)) == {"found": 2, "added": 2, "encoded": 2}


def test_a_database_that_goes_away_is_said_and_the_same_command_finishes(
    ready: Settings, boss: Connection, tmp_path: Path
) -> None:
    paths = album(tmp_path / "in", 300)

    def cut(step: Progress) -> None:
        boss.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )

    with pytest.raises(DatabaseError) as caught:
        ingest(ready, paths, progress=cut)
    assert "The database went away" in caught.value.message
    assert caught.value.hint is not None
    assert "the same command again" in caught.value.hint
    ingest(ready, paths)
    assert one(boss, DONE) == (300, 300, 300, 300)
    assert one(boss, "SELECT count(*) FROM blip.files") == 300


def test_two_ingests_of_one_folder_at_once_agree(
    ready: Settings, boss: Connection, tmp_path: Path
) -> None:
    album(tmp_path / "in", 300)
    write(tmp_path / "in" / "copy.png", picture(0))
    both = [start(ready, tmp_path / "in") for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    ingest(ready, [tmp_path / "in"])
    assert one(boss, DONE) == (300, 300, 300, 300)
    assert one(boss, "SELECT count(*) FROM blip.files") == 301


def start(settings: Settings, folder: Path) -> subprocess.Popen[bytes]:
    """An ingest in a process of its own, to be killed."""
    code = (
        "import sys, pathlib; from blipdb.ingest.run import ingest;"
        "from blipdb.settings import Settings;"
        "ingest(Settings(pathlib.Path(sys.argv[1]), sys.argv[2]), [sys.argv[3]])"
    )
    arguments = [str(settings.home), settings.database_url(), str(folder)]
    return subprocess.Popen([sys.executable, "-c", code, *arguments], stderr=subprocess.DEVNULL)


def wait_for_images(conn: Connection, count: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None and one(conn, "SELECT count(*) FROM blip.images") < count:
        time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_anywhere_the_same_command_finishes_with_nothing_lost_or_doubled(
    ready: Settings, boss: Connection, tmp_path: Path, how: signal.Signals
) -> None:
    count = 1200
    album(tmp_path / "in", count)
    for stop_at in (1, 250, 600, 900):
        process = start(ready, tmp_path / "in")
        wait_for_images(boss, stop_at, process)
        process.send_signal(how)
        process.wait(60)
    report = ingest(ready, [tmp_path / "in"])
    assert (report.failed, report.waiting, report.parked) == ([], 0, 0)
    assert one(boss, DONE) == (count, count, count, count)
    assert one(boss, "SELECT count(*) FROM blip.files") == count
    model = registry.active(boss, "retrieval")
    assert jobs.counts(boss, model.encoding) == Counts(done=count)


def test_batches_hold_many_small_images_and_few_large_ones(
    ready: Settings, boss: Connection
) -> None:
    model = registry.active(boss, "retrieval")
    assert batch_size(model) == 32
    large = registry.Model(**{**vars(model), "image_size": 384})
    assert batch_size(large) == 9


def test_a_user_with_the_role_blip_worker_alone_may_ingest(
    ready: Settings, boss: Connection, tmp_path: Path
) -> None:
    limited = Settings(ready.home, ready.database_url() + "&options=-c%20role%3Dblip_worker")
    album(tmp_path / "in", 3)
    write(tmp_path / "in" / "bad.png", b"bad")
    write(tmp_path / "in" / "copy.png", picture(0))
    write(tmp_path / "in" / "copy.txt", b"a caption")
    report = ingest(limited, [tmp_path / "in"], caption=True, retry=True)
    assert numbers(report) == {"found": 5, "added": 3, "duplicates": 1, "encoded": 3}
    assert (report.captions, report.captioned, len(report.failed)) == (1, 3, 1)


def test_a_large_model_is_indexed_at_the_end_by_whom_may(
    ready: Settings, boss: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "EXACT_UNTIL", 2)
    album(tmp_path / "in", 3)
    boss.execute(
        """
        CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE insufficient_privilege USING MESSAGE = 'must be owner'; END $$;
        CREATE EVENT TRIGGER refuse ON ddl_command_start WHEN TAG IN ('CREATE INDEX')
            EXECUTE FUNCTION refuse();
        """
    )
    [warning] = ingest(ready, [tmp_path / "in"]).warnings
    assert "this user may not build it" in warning
    boss.execute("DROP EVENT TRIGGER refuse")
    assert ingest(ready, [tmp_path / "in"]).warnings == []
    indexes = "SELECT count(*) FROM pg_indexes WHERE indexdef LIKE '%%USING hnsw%%'"
    assert one(boss, indexes) == 1
