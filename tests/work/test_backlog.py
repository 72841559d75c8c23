"""Missing results, enqueued and run here by stage, model and space; parked jobs, retried."""

from __future__ import annotations

from pathlib import Path

import pytest

from blipdb import registry
from blipdb.database import jobs
from blipdb.database.jobs import Counts, Queue
from blipdb.errors import ModelError, UsageError
from blipdb.registry import Model
from blipdb.settings import Settings
from blipdb.types import Connection
from blipdb.work import backlog, stages
from blipdb.work.backlog import Line
from blipdb.work.executors import Progress
from tests.album import picture
from tests.attach import attach, put, shop
from tests.tiny import tiny_artifact
from tests.work.test_worker import add, reasons


def test_without_a_stage_what_waits_is_run(ready: Settings, boss: Connection) -> None:
    add(boss, picture(1))
    seen: list[Progress] = []
    assert backlog.run(ready, show=seen.append) == [Line("encode", "tiny", 0, 1, 0, 0)]
    assert seen == [("encode", 1, 1, 0)]
    assert backlog.run(ready) == []


def test_a_stage_does_what_is_missing(ready: Settings, boss: Connection, model: Model) -> None:
    for seed in range(3):
        add(boss, picture(seed), caption="a red bicycle")
    assert backlog.run(ready, ["encode"]) == [Line("encode", "tiny", 0, 3, 0, 0)]
    assert backlog.run(ready, ["text", "caption"]) == [
        Line("caption", "tiny", 3, 3, 0, 0),
        Line("text", "tiny", 3, 3, 0, 0),
    ]
    assert backlog.run(ready, ["text"]) == [], "a caption that is written has its vector"
    boss.execute("UPDATE blip.captions SET encoder_id = NULL WHERE origin = 'synthetic'")
    assert backlog.run(ready, ["text"]) == [Line("text", "tiny", 3, 3, 0, 0)]
    assert backlog.run(ready, ["text"]) == []
    row = boss.execute(
        "SELECT count(*), count(text_vector), count(DISTINCT encoder_id) FROM blip.captions"
    ).fetchone()
    assert row == (6, 6, 1)


def test_text_vectors_are_the_models(ready: Settings, boss: Connection, model: Model) -> None:
    add(boss, picture(1), caption="A red  bicycle!")
    add(boss, picture(2), caption="∅ ∅")
    backlog.run(ready, ["text"])
    rows = boss.execute(
        "SELECT text, text_vector::real[], encoder_id FROM blip.captions ORDER BY text"
    ).fetchall()
    runtime = registry.load(ready, model, "text")
    assert rows[0][1] == pytest.approx(runtime.embed_texts(["a red bicycle"])[0], abs=1e-3)
    assert rows[1][1:] == (None, model.model_id), "no word of it can be read, and that is known"


def test_rows_of_attached_tables_are_taken_in_first(ready: Settings, boss: Connection) -> None:
    shop(boss)
    for number in range(3):
        put(boss, number, picture(number))
    put(boss, 3, b"")
    attach(boss)
    seen: list[Progress] = []
    assert backlog.run(ready, show=seen.append) == [
        Line("attach", "", 0, 4, 0, 1),
        Line("encode", "tiny", 0, 3, 0, 0),
    ]
    assert list(dict.fromkeys(progress.stage for progress in seen)) == ["attach", "encode"]
    boss.execute("SET session_replication_role = replica")  # mended where no trigger sees it
    boss.execute("UPDATE products SET photo = %s WHERE id = 3", [picture(3)])
    assert backlog.run(ready, ["attach"]) == []
    assert backlog.retry(ready)[0] == Line("attach", "", 0, 1, 0, 0)


def test_only_one_tenants(ready: Settings, boss: Connection, model: Model) -> None:
    add(boss, picture(1))
    boss.execute("SELECT blip_add(%s, space => 'theirs')", [picture(2)])
    assert backlog.run(ready, ["caption"], space="theirs") == [Line("caption", "tiny", 1, 1, 0, 0)]


def test_a_model_encodes_before_it_is_active(
    ready: Settings, boss: Connection, model: Model, tmp_path: Path
) -> None:
    add(boss, picture(1))
    backlog.run(ready)
    other = registry.register(
        boss, ready, tiny_artifact(tmp_path / "o", 2, name="other").folder, activate=False
    )
    assert backlog.run(ready, ["encode"], model="other") == [Line("encode", "other", 1, 1, 0, 0)]
    assert registry.activate(boss, "other") == 0, "and nothing is left to do then"
    assert jobs.counts(boss, other.encoding) == Counts(done=1)


def test_jobs_of_a_model_that_lost_its_roles_are_forgotten(
    ready: Settings, boss: Connection, model: Model, tmp_path: Path
) -> None:
    add(boss, picture(1))
    other = registry.register(boss, ready, tiny_artifact(tmp_path / "o", 2).folder)
    assert jobs.all_counts(boss) == {other.encoding: Counts(pending=1)}
    assert registry.activate(boss, model.digest) == 1


def test_what_was_given_up_is_tried_once_more(
    ready: Settings, boss: Connection, model: Model
) -> None:
    id = add(boss, picture(1)[:-20])
    backlog.run(ready)
    [(state, attempts, _)] = reasons(boss)
    assert (state, attempts) == ("x", 1)
    assert backlog.retry(ready) == [Line("encode", "tiny", 1, 0, 0, 1)]
    boss.execute("DELETE FROM blip.images WHERE image_id = %s", [id])
    assert backlog.retry(ready, ["encode"]) == []


def test_stages_and_models_that_there_are_not(
    ready: Settings, boss: Connection, model: Model, tmp_path: Path
) -> None:
    message = r"no stage encoed, write; there are attach, encode, text, caption, score\."
    with pytest.raises(UsageError, match=message):
        backlog.run(ready, ["encoed", "write"])
    writer = tiny_artifact(tmp_path / "w", 2, name="writer", roles=("captioner",)).folder
    registry.register(boss, ready, writer, activate=False)
    with pytest.raises(
        UsageError, match="writer can't score: that needs the role filter"
    ) as caught:
        backlog.run(ready, ["score"], model="writer")
    assert caught.value.hint == "The model tiny does that: blipdb run score"
    other = tiny_artifact(tmp_path / "o", 3, name="other").folder
    registry.register(boss, ready, other, activate=False)
    with pytest.raises(UsageError, match="other is not active as filter") as caught:
        backlog.run(ready, ["score"], model="other")
    assert "blipdb models activate other --role filter" in (caught.value.hint or "")
    boss.execute("DELETE FROM blip.active_models WHERE role = 'filter'")
    with pytest.raises(ModelError, match="No model is active as filter") as missing:
        backlog.run(ready, ["score"])
    assert missing.value.hint == "Make it one: blipdb models activate other --role filter"


def test_counts_are_of_one_moment_and_of_all_queues(
    ready: Settings, boss: Connection, model: Model
) -> None:
    add(boss, picture(1))
    jobs.enqueue_missing(boss, model.captioning)
    texts = Queue(jobs.TEXT, model.model_id)
    assert jobs.all_counts(boss) == {
        model.captioning: Counts(pending=1),
        model.encoding: Counts(pending=1),
    }
    assert stages.open_queues(boss, due=True) == [model.captioning, model.encoding]
    lease = jobs.lease(boss, model.encoding, jobs.hold(boss), 5)
    assert lease is not None
    assert stages.open_queues(boss, due=True) == [model.captioning]
    assert stages.open_queues(boss) == [model.captioning, model.encoding]
    assert jobs.due(boss, model.captioning, 5) == 1
    assert jobs.due(boss, texts, 5) == 0


def test_two_models_of_one_mind_write_once_each(
    ready: Settings, boss: Connection, model: Model, tmp_path: Path
) -> None:
    """The second model's caption is the first's, and is stored already: its job is done too."""
    add(boss, picture(1))
    folder = tiny_artifact(tmp_path / "twin", name="twin").folder
    registry.register(boss, ready, folder, activate=False)
    backlog.run(ready, ["encode", "caption"])
    assert backlog.run(ready, ["caption"], model="twin") == [Line("caption", "twin", 1, 1, 0, 0)]
    assert boss.execute("SELECT count(*) FROM blip.captions").fetchone() == (1,)
    assert backlog.run(ready, ["caption"], model="twin") == []
