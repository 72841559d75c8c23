"""Every caption has its vector and its scores, however it came in, without being asked."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import psycopg
import pytest

from blipdb import registry
from blipdb.database import captions, connection, jobs
from blipdb.database.jobs import Counts
from blipdb.identity import caption_id
from blipdb.images.decode import Decoder
from blipdb.ingest.run import ingest
from blipdb.registry import Model
from blipdb.settings import Settings
from blipdb.types import Connection
from blipdb.work import backlog, stages
from blipdb.work.context import Outcome, StageContext
from blipdb.work.executors import Progress, run_jobs
from tests.album import picture
from tests.attach import attach, put, shop
from tests.tiny import tiny_artifact
from tests.work.test_worker import add

DIFFERENCES = """
    SELECT count(*), max(abs(c.itm - blip_match(c.image_id, c.text))),
           max(abs(c.itc - (1 - (blip_embed(c.text) <=> v.itc)))),
           bool_and(c.text_vector = blip_embed(c.text))
    FROM blip.captions c JOIN blip.image_vectors v ON v.image_id = c.image_id
        AND v.model_id = c.filter_id
"""


@pytest.fixture
def scenes(served: Settings, elsewhere: str) -> Settings:
    """A fresh database with the bundled model, which an engine answers for."""
    return Settings(served.home, elsewhere)


@pytest.fixture
def own(scenes: Settings) -> Iterator[Connection]:
    with connection.connect(scenes.database_url(), autocommit=True) as conn:
        yield conn


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five pictures, of which two have captions beside them."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for seed in range(5):
        (folder / f"{seed}.png").write_bytes(picture(seed, side=96))
    (folder / "0.txt").write_text("a red bicycle\nThe small boat!\n")
    (folder / "1.txt").write_text("a blue car")
    return folder


def lacking(conn: Connection) -> tuple[int, int, int, int]:
    """Count all captions, and those without a vector, an ITM and an ITC."""
    row = conn.execute(
        "SELECT count(*), count(*) - count(text_vector), count(*) - count(itm),"
        " count(*) - count(itc) FROM blip.captions"
    ).fetchone()
    assert row is not None
    return cast(tuple[int, int, int, int], row)


def judges(conn: Connection) -> set[int | None]:
    return {row[0] for row in conn.execute("SELECT filter_id FROM blip.captions")}


def say(conn: Connection, id: UUID, text: str, origin: str = "human") -> None:
    """Write a caption as a person does."""
    conn.execute(
        "INSERT INTO blip.captions (image_id, caption_id, text, origin) VALUES (%s, %s, %s, %s)",
        [id, caption_id(origin, text), text, origin],
    )


def exact(conn: Connection, count: int) -> bool:
    found = conn.execute(DIFFERENCES).fetchone()
    assert found is not None
    assert found[0] == count
    assert found[1:3] == pytest.approx((0, 0), abs=1e-6)
    assert found[3]
    return True


def test_an_ingest_scores_what_comes_beside_files_and_what_it_writes(
    scenes: Settings, own: Connection, folder: Path
) -> None:
    report = ingest(scenes, [folder], caption=True)
    assert (report.captions, report.captioned, report.judged) == (3, 5, 5)
    assert (report.judge, report.unscored, report.waiting, report.parked) == ("scenes", 0, 0, 0)
    kept = own.execute(
        "SELECT count(*) FROM blip.captions WHERE origin = 'synthetic' AND itm >= 0.5"
    ).fetchone()
    assert kept == (report.kept,)
    assert exact(own, 8)
    assert jobs.all_counts(own)[registry.active(own, "filter").scoring] == Counts(done=2), (
        "what is written is scored as it is written"
    )


def test_captions_from_sql_tables_people_and_edits(scenes: Settings, own: Connection) -> None:
    first = add(own, picture(1, side=96), caption="a red bicycle")
    shop(own)
    for number in range(2, 4):
        put(own, number, picture(number, side=96), f"{number} green kites")
    attach(own)
    backlog.run(scenes)
    assert exact(own, 3)
    say(own, first, "My old bicycle, at home")
    own.execute("UPDATE products SET title = 'a yellow train' WHERE id = 2")
    own.execute("UPDATE blip.captions SET text = 'a blue bicycle' WHERE text = 'a red bicycle'")
    backlog.run(scenes)
    assert exact(own, 4)
    texts = own.execute("SELECT text FROM blip.captions ORDER BY text").fetchall()
    assert [text for (text,) in texts] == [
        "3 green kites", "My old bicycle, at home", "a blue bicycle", "a yellow train"
    ]  # fmt: skip


def test_long_and_strange_captions(scenes: Settings, own: Connection) -> None:
    id = add(own, picture(1, side=96))
    say(own, id, "a red bicycle " * 200)
    say(own, id, "∅ ∅")
    say(own, id, "red " * 32)
    backlog.run(scenes)
    rows = own.execute(
        "SELECT left(text, 3), itm IS NULL, itc IS NULL, text_vector IS NULL, unread IS NULL,"
        " filter_id IS NULL, encoder_id IS NULL FROM blip.captions ORDER BY length(text)"
    ).fetchall()
    assert rows == [
        ("∅ ∅", True, True, True, False, False, False),
        ("red", False, False, False, True, False, False),
        ("a r", False, False, False, True, False, False),
    ]
    assert backlog.run(scenes) == [], "and nothing is left to do"


def test_another_filter_judges_anew(
    ready: Settings, boss: Connection, model: Model, tmp_path: Path
) -> None:
    id = add(boss, picture(1), caption="red dog")
    say(boss, id, "a blue car")
    backlog.run(ready)
    assert judges(boss) == {model.model_id}
    before = boss.execute("SELECT caption_id, itm, itc FROM blip.captions ORDER BY 1").fetchall()
    judge = registry.register(
        boss,
        ready,
        tiny_artifact(tmp_path / "judge", 5, name="judge", roles=("filter",)).folder,
    )
    assert captions.waiting(boss, judge.scoring) == 2
    ranked = "SELECT itm, verdict FROM blip.ranked_captions WHERE origin = 'web'"
    assert boss.execute(ranked).fetchall() == [(None, "unjudged")], "another's scores don't count"
    lines = backlog.run(ready)
    assert [(line.stage, line.model, line.done) for line in lines] == [("score", "judge", 1)]
    assert (judges(boss), lacking(boss)) == ({judge.model_id}, (2, 0, 0, 0))
    assert captions.waiting(boss, judge.scoring) == 0
    after = boss.execute("SELECT caption_id, itm, itc FROM blip.captions ORDER BY 1").fetchall()
    assert before != after
    registry.activate(boss, model.name, ["filter"])
    backlog.run(ready)
    assert (
        boss.execute("SELECT caption_id, itm, itc FROM blip.captions ORDER BY 1").fetchall()
        == before
    ), "as it was at first"


def test_another_model_for_retrieval_embeds_and_judges_anew(
    ready: Settings, boss: Connection, model: Model, tmp_path: Path
) -> None:
    add(boss, picture(1), caption="red dog")
    backlog.run(ready)
    folder = tiny_artifact(tmp_path / "other", 5, name="other").folder
    other = registry.register(boss, ready, folder)
    assert jobs.counts(boss, model.scoring) == Counts(done=1)
    backlog.run(ready)
    row = boss.execute("SELECT encoder_id, filter_id FROM blip.captions").fetchone()
    assert row == (other.model_id, other.model_id)


def test_jobs_of_a_filter_that_was_replaced_are_forgotten(
    ready: Settings, boss: Connection, model: Model, tmp_path: Path
) -> None:
    add(boss, picture(1), caption="red dog")
    run_jobs(ready, stages=[jobs.ENCODE])
    assert captions.enqueue(boss, model.scoring) == 1
    assert jobs.counts(boss, model.scoring) == Counts(pending=1)
    registry.register(boss, ready, tiny_artifact(tmp_path / "j", 5, roles=("filter",)).folder)
    assert jobs.counts(boss, model.scoring) == Counts()


def test_a_captioner_that_is_not_the_filter_leaves_scores_to_it(
    ready: Settings, boss: Connection, model: Model, tmp_path: Path
) -> None:
    folder = tiny_artifact(tmp_path / "writer", 5, name="writer", roles=("captioner",)).folder
    writer = registry.register(boss, ready, folder)
    id = add(boss, picture(1))
    run_jobs(ready)
    jobs.enqueue(boss, writer.captioning, [id])
    run_jobs(ready, stages=[jobs.CAPTION])
    assert lacking(boss) == (1, 1, 1, 1)
    assert jobs.counts(boss, model.scoring) == Counts(pending=1), "with the caption itself"
    assert jobs.counts(boss, model.embedding) == Counts(pending=1)
    assert run_jobs(ready) == Outcome(done=2)
    assert (lacking(boss), judges(boss)) == ((1, 0, 0, 0), {model.model_id})


def test_a_captioner_that_is_not_the_filter_writes_of_images_old_and_new_at_once(
    ready: Settings, boss: Connection, model: Model, tmp_path: Path
) -> None:
    add(boss, picture(1))
    run_jobs(ready)
    add(boss, picture(2))
    folder = tiny_artifact(tmp_path / "judge", 5, name="judge", roles=("filter",)).folder
    registry.register(boss, ready, folder)
    [line] = backlog.run(ready, ["caption"])
    assert (line.done, line.waiting, line.parked) == (2, 0, 0)


def test_the_setting_leaves_scores_out(ready: Settings, boss: Connection, folder: Path) -> None:
    boss.execute("INSERT INTO blip.settings VALUES ('scores', 'off')")
    report = ingest(ready, [folder], caption=True)
    assert (report.judge, report.judged, report.unscored) == (None, 0, 0)
    assert lacking(boss) == (8, 0, 8, 8), "vectors are made all the same"
    assert backlog.run(ready) == []
    assert [line.stage for line in backlog.run(ready, ["score"])] == ["score"], "if asked for"
    assert lacking(boss) == (8, 0, 0, 0)


def test_who_may_not_read_settings_scores(ready: Settings, boss: Connection, folder: Path) -> None:
    boss.execute("CREATE ROLE unread_settings BYPASSRLS")
    try:
        boss.execute("GRANT USAGE ON SCHEMA blip TO unread_settings")
        boss.execute("GRANT ALL ON ALL TABLES IN SCHEMA blip TO unread_settings")
        boss.execute("GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA blip TO unread_settings")
        boss.execute("REVOKE ALL ON blip.settings FROM unread_settings")
        limited = Settings(ready.home, f"{ready.url}&options=-c%20role%3Dunread_settings")
        report = ingest(limited, [folder], caption=True)
        assert (report.added, report.judged, report.unscored) == (5, 5, 0)
    finally:
        boss.execute("DROP OWNED BY unread_settings; DROP ROLE unread_settings")


def test_an_ingest_may_leave_scores_for_later(
    ready: Settings, boss: Connection, folder: Path
) -> None:
    report = ingest(ready, [folder], caption=True, scores=False)
    assert (report.judge, report.judged, report.unscored) == ("tiny", 0, 8)
    assert lacking(boss) == (8, 0, 8, 8)
    backlog.run(ready)
    assert lacking(boss) == (8, 0, 0, 0)


def test_an_ingest_scores_what_others_added(
    ready: Settings, boss: Connection, folder: Path
) -> None:
    add(boss, picture(9), caption="a small boat")
    shown: list[Progress] = []
    ingest(ready, [folder], progress=shown.append)
    assert lacking(boss) == (4, 0, 0, 0)
    assert list(dict.fromkeys(state.stage for state in shown))[-2:] == ["text", "score"]


def test_an_ingest_goes_on_where_the_filter_is_not_here(
    ready: Settings, boss: Connection, folder: Path, tmp_path: Path
) -> None:
    artifact = tiny_artifact(tmp_path / "j", 5, name="judge", roles=("filter",))
    judge = registry.register(boss, Settings(tmp_path / "another", ready.url), artifact.folder)
    report = ingest(ready, [folder])
    [warning] = report.warnings
    assert "captions wait at the stage score: The model judge is registered, but its" in warning
    assert (report.added, report.unscored, report.exit_code) == (5, 3, 0)
    assert lacking(boss) == (3, 0, 3, 3)
    assert report.judge == judge.name


def test_a_text_that_is_edited_while_it_is_scored_keeps_no_score_of_the_old(
    ready: Settings, boss: Connection, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(boss, picture(1), caption="red dog")
    run_jobs(ready, stages=[jobs.ENCODE, jobs.TEXT])
    write = captions.store_results

    def edit_first(*arguments: Any, **options: Any) -> Any:
        boss.execute("UPDATE blip.captions SET text = 'blue dog' WHERE text = 'red dog'")
        return write(*arguments, **options)

    captions.enqueue(boss, model.scoring)
    monkeypatch.setattr(captions, "store_results", edit_first)
    with (
        Decoder(children=1) as decoder,
        connection.connect(ready.database_url(), autocommit=True) as conn,
    ):
        context = StageContext(conn, model, registry.load(ready, model), decoder)
        context.runtime.open("pairs")
        assert stages.run_due(context, model.scoring) == Outcome(done=1)
    assert lacking(boss) == (1, 1, 1, 1)
    monkeypatch.undo()
    backlog.run(ready)
    assert lacking(boss) == (1, 0, 0, 0)


def test_edits_in_any_order_while_captions_are_scored_deadlock_nobody(
    ready: Settings, boss: Connection, model: Model
) -> None:
    for seed in range(3):
        add(boss, picture(seed), caption="red dog")
    run_jobs(ready, stages=[jobs.ENCODE, jobs.TEXT])
    edit = "UPDATE blip.captions SET text = 'blue dog' WHERE (image_id, caption_id) = (%s, %s)"
    first, _, last = boss.execute(
        "SELECT image_id, caption_id FROM blip.captions ORDER BY 1, 2"
    ).fetchall()
    with connection.connect(ready.database_url()) as app:
        app.execute(edit, last)
        with ThreadPoolExecutor(1) as threads:
            scoring = threads.submit(run_jobs, ready)
            scored = "SELECT count(*) FROM blip.captions WHERE itm IS NOT NULL"
            until = time.monotonic() + 20
            while boss.execute(scored).fetchone() != (2,):
                assert time.monotonic() < until, "what nobody edits waits for nobody"
                time.sleep(0.05)
            app.execute(edit, first)
            app.commit()
            scoring.result()
    backlog.run(ready)
    assert lacking(boss) == (3, 0, 0, 0)
    texts = boss.execute("SELECT text FROM blip.captions ORDER BY text").fetchall()
    assert texts == [("blue dog",), ("blue dog",), ("red dog",)]


def test_an_image_with_many_captions_is_scored_in_parts(
    ready: Settings, boss: Connection, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = sorted(add(boss, picture(seed)) for seed in range(2))
    for number in range(7):
        say(boss, first, "red dog " * (number + 1))
    say(boss, second, "a blue car")
    run_jobs(ready, stages=[jobs.ENCODE])
    monkeypatch.setattr("blipdb.work.stages.results.MAX_TEXTS", 3)
    lines = backlog.run(ready)
    assert [(line.stage, line.waiting, line.parked) for line in lines] == [
        ("score", 0, 0), ("text", 0, 0)
    ]  # fmt: skip
    assert lacking(boss) == (8, 0, 0, 0)
    assert jobs.counts(boss, model.scoring) == Counts(done=2)


def test_images_that_are_not_encoded_have_to_wait(
    ready: Settings, boss: Connection, model: Model
) -> None:
    add(boss, picture(1)[:-20], caption="red dog")
    assert captions.enqueue(boss, model.scoring) == 0, "it may be no image"
    lines = backlog.run(ready)
    assert [(line.stage, line.done, line.parked) for line in lines] == [
        ("encode", 0, 1), ("text", 1, 0)
    ]  # fmt: skip
    assert captions.enqueue(boss, model.scoring) == 0


def test_looking_for_captions_waits_for_nobody(
    ready: Settings, boss: Connection, model: Model
) -> None:
    ids = [add(boss, picture(seed), caption="red dog") for seed in range(2)]
    run_jobs(ready, stages=[jobs.ENCODE])
    with connection.connect(ready.database_url()) as app:
        app.execute("DELETE FROM blip.images WHERE image_id = %s", [ids[0]])
        boss.execute("SET lock_timeout = '5s'")
        assert captions.enqueue(boss, model.scoring) == 1
        assert captions.enqueue(boss, model.embedding) == 1
        app.rollback()
    assert captions.enqueue(boss, model.scoring) == 1, "what was left"
    assert captions.enqueue(boss, model.scoring) == 0
    with connection.connect(ready.database_url()) as app:
        assert captions.enqueue(app, model.embedding) == 1
        assert captions.enqueue(boss, model.embedding) == 0, "another is at it"
        app.commit()
    assert captions.enqueue(boss, model.embedding, wait=True) == 0, "and did it"


def test_a_locked_image_keeps_no_other_from_being_scored(
    ready: Settings, boss: Connection, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(5):
        add(boss, picture(seed), caption="red dog")
    run_jobs(ready, stages=[jobs.ENCODE])
    monkeypatch.setattr(captions, "MAX_ENQUEUED", 2)
    with connection.connect(ready.database_url()) as app:
        locked = app.execute("SELECT DISTINCT image_id FROM blip.captions LIMIT 2").fetchall()[0]
        app.execute("SELECT FROM blip.images WHERE image_id = %s FOR UPDATE", locked)
        backlog.run(ready)
        assert lacking(boss) == (5, 1, 1, 1)
        app.rollback()
    backlog.run(ready)
    assert lacking(boss) == (5, 0, 0, 0)


def test_a_stranger_who_holds_the_lock_stops_no_command(
    ready: Settings, boss: Connection, model: Model
) -> None:
    """Advisory locks are for every role to take."""
    add(boss, picture(1), caption="red dog")
    with connection.connect(ready.database_url()) as stranger:
        stranger.execute("SET ROLE blip_reader")
        stranger.execute(
            "SELECT pg_advisory_lock(%s, hashtext(%s))",
            [captions._LOOKUP_LOCK, f"text {model.model_id}"],
        )
        assert captions.enqueue(boss, model.embedding, wait=True) == 1
        assert boss.execute("SHOW lock_timeout").fetchone() == ("0",)


def test_what_is_lacking_is_found_by_an_index(
    ready: Settings, boss: Connection, model: Model
) -> None:
    id = add(boss, picture(1))
    boss.execute(
        "INSERT INTO blip.captions (image_id, caption_id, text, origin, filter_id)"
        " SELECT %s, gen_random_uuid(), 'red ' || n, 'web', %s FROM generate_series(1, 20000) n",
        [id, model.model_id],
    )
    boss.execute("ANALYZE blip.captions")
    lacking = captions._lacking(jobs.SCORE).as_string(boss)
    plan = boss.execute(
        f"EXPLAIN SELECT FROM blip.captions c WHERE {lacking}".encode(), {"model": model.model_id}
    ).fetchall()
    shown = "\n".join(line for (line,) in plan)
    assert "captions_filter_id_idx" in shown
    assert "Seq Scan" not in shown


def test_workers_may_do_it_with_their_role(ready: Settings, boss: Connection, model: Model) -> None:
    boss.execute("INSERT INTO blip.settings VALUES ('scores', 'off')")
    with psycopg.connect(ready.database_url(), autocommit=True) as conn:
        conn.execute("SET ROLE blip_worker")
        assert captions.active(conn) == (model.model_id, None)
        boss.execute("UPDATE blip.settings SET value = 'on' WHERE name = 'scores'")
        assert captions.active(conn) == (model.model_id, model.model_id)
        add(boss, picture(1), caption="red dog")
        assert captions.enqueue(conn, model.embedding) == 1
