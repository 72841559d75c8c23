"""CapFilt from its corpus to its report, on a real PostgreSQL, with tiny models."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from blipdb import registry
from blipdb.database import connection, jobs
from blipdb.errors import UsageError
from blipdb.model.writing import Writing
from blipdb.settings import Settings
from blipdb.training.capfilt import __main__ as command
from blipdb.training.capfilt import loop as loops
from blipdb.training.capfilt.loop import STEPS, Loop
from blipdb.training.capfilt.plan import Plan, read_plan
from blipdb.training.capfilt.steps import CapFiltError, judge, write
from blipdb.training.datasets.open import open_dataset
from blipdb.training.datasets.sample import Broken
from blipdb.training.run.config import ConfigError
from tests.tiny import tiny_artifact
from tests.training.capfilt.conftest import HUMAN, WEB


def ask(where: Settings, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with psycopg.connect(where.database_url()) as conn:
        return conn.execute(query.encode(), values).fetchall()


def keep_some(where: Settings) -> None:
    """A model that has learned nothing says the same of all; as if it had told them apart."""
    with psycopg.connect(where.database_url()) as conn:
        conn.execute(
            "UPDATE blip.captions SET itm = CASE WHEN origin = 'web' THEN 0.9 ELSE 0.1 END"
        )


def test_the_whole_loop(
    plan: Plan, where: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    run = Loop(plan, out, where, truth=lambda _, text: "red" in text)
    done = run.run(STEPS[:6])
    assert done["collect"]["web 0"]["texts"] == WEB
    assert done["write"] == {"captions": WEB, "failed": 0}
    assert done["judge"] == {"images": WEB + HUMAN, "failed": 0}
    written = ask(where, "SELECT writer, decoding FROM blip.verdicts WHERE origin = 'synthetic'")
    how = {"nucleus": 0.9, "seed": 5, "max_tokens": 12}
    assert written == [("small-captioner", how)] * WEB
    judged = ask(where, "SELECT DISTINCT judge FROM blip.verdicts")
    assert judged == [("small-filter",)]
    unscored = "SELECT count(*) FROM blip.captions WHERE (itm IS NULL) <> (unread IS NOT NULL)"
    assert ask(where, unscored) == [(0,)]
    roles = ask(where, "SELECT name, roles FROM blip.models ORDER BY model_id")
    assert roles == [("small-captioner", ["captioner"]), ("small-filter", ["filter"])]
    active = "SELECT role, name FROM blip.active_models JOIN blip.models USING (model_id)"
    assert ask(where, active) == [("filter", "small-filter")], (
        "later captions are judged by it, too"
    )
    keep_some(where)
    done = run.run(["retrain"])
    assert done["retrain"]["model"] == "small"
    # Without Java, whose METEOR is metrics/test_captioning.py's: for each model it takes seconds.
    monkeypatch.setenv("PATH", "")
    run.run(["report"])
    report = json.loads((out / "report.json").read_text())
    counts = {(row["origin"], row["verdict"]): row["texts"] for row in report["counts"]}
    assert counts == {
        ("human", "kept"): HUMAN, ("web", "kept"): WEB, ("synthetic", "dropped"): WEB,
    }  # fmt: skip
    assert any("dropped none" in note for note in report["notes"])
    query = "SELECT avg((text !~ 'red')::int)::float8 FROM blip.captions WHERE origin = 'web'"
    ((noise,),) = ask(where, query)
    (web,) = (row for row in report["noise"] if row["origin"] == "web")
    assert web["noise"] == web["noise of what was kept"] == pytest.approx(noise)
    assert set(report["gains"]) == {"the noisy corpus", "what CapFilt kept"}
    page = (out / "report.html").read_text()
    assert page.count("<img") == 16
    assert "Web texts, kept" in page
    assert "Synthetic texts, dropped" in page


def test_again_nothing_is_done_twice(plan: Plan, where: Settings, tmp_path: Path) -> None:
    run = Loop(plan, tmp_path / "run", where)
    run.run(STEPS[:6])
    before = ask(where, "SELECT * FROM blip.captions ORDER BY 1, 2")
    weights = (tmp_path / "run" / "pretrain" / "weights.safetensors").stat().st_mtime_ns
    done = run.run(STEPS[:6])
    assert done["write"] == {"captions": 0, "failed": 0}
    assert done["judge"] == {"images": 0, "failed": 0}
    assert ask(where, "SELECT * FROM blip.captions ORDER BY 1, 2") == before
    assert (tmp_path / "run" / "pretrain" / "weights.safetensors").stat().st_mtime_ns == weights


@pytest.mark.slow
def test_killed_anywhere_it_goes_on(
    plan: Plan, plan_file: Path, where: Settings, cluster: Settings, tmp_path: Path
) -> None:
    """Killed every second or so until it is through, its captions are an undisturbed run's."""
    arguments = [str(plan_file), *STEPS[:6], "--out", str(tmp_path / "killed")]
    program = [sys.executable, "-m", "blipdb.training.capfilt", *arguments]
    program += ["--db", where.database_url(), "--home", str(where.home)]
    kills = 0
    for pause in (3.0, 4.0, 5.0, 6.0, 8.0, 120.0):
        running = subprocess.Popen(program, stdout=subprocess.DEVNULL, start_new_session=True)
        try:
            assert running.wait(pause) == 0
            break
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
            kills += 1
            time.sleep(0.2)
    assert 0 < kills < 6
    query = "SELECT image_id, origin, text, coalesce(itm, -1) FROM blip.captions ORDER BY 1, 2, 3"
    killed = ask(where, query)
    assert ask(where, "SELECT count(*) FROM blip.jobs WHERE state <> 'd'") == [(0,)]
    with psycopg.connect(where.database_url(), autocommit=True) as conn:
        conn.execute("TRUNCATE blip.images, blip.captions, blip.jobs CASCADE")
    Loop(plan, tmp_path / "undisturbed", where).run(STEPS[:6])
    undisturbed = ask(where, query)
    assert [row[:3] for row in undisturbed] == [row[:3] for row in killed]
    # Other batches: float32 sums in another order.
    assert [row[3] for row in undisturbed] == pytest.approx([row[3] for row in killed], abs=1e-4)


def test_no_captions_by_people(plan: Plan, where: Settings, tmp_path: Path) -> None:
    run = Loop(replace(plan, human=()), tmp_path / "run", where)
    with pytest.raises(CapFiltError, match=r"no captions by people(?s:.*)Salesforce/blip-itm-base"):
        run.run(STEPS[:6])
    assert ask(where, "SELECT count(*) FROM blip.models") == [(0,)]


def test_registered_models_stand_in(plan: Plan, where: Settings, tmp_path: Path) -> None:
    """As published ones would: nothing is trained before what they kept is."""
    artifact = tiny_artifact(tmp_path / "tiny")
    with connection.connect(where.database_url(), autocommit=True) as conn:
        name = registry.register(conn, where, artifact.folder, roles=()).name
    run = Loop(replace(plan, human=()), tmp_path / "run", where, captioner=name, filter=name)
    done = run.run(["collect", "captioner", "filter", "write", "judge"])
    assert done["captioner"] == done["filter"]
    assert done["write"]["captions"] == WEB
    assert not (tmp_path / "run" / "captioner").exists()
    run.run(["pretrain"])
    assert not (tmp_path / "run" / "pretrain").exists()


def test_a_model_of_the_wrong_role(plan: Plan, where: Settings, tmp_path: Path) -> None:
    run = Loop(plan, tmp_path / "run", where)
    run.run(["collect", "pretrain", "captioner"])
    wrong = Loop(plan, tmp_path / "other", where, filter="small-captioner")
    with pytest.raises(UsageError, match=r"small-captioner can't be a filter: its roles are capti"):
        wrong.run(STEPS)
    assert "filter" not in wrong.done


@pytest.mark.parametrize("count", [0, 1])
def test_a_corpus_too_small(plan: Plan, where: Settings, tmp_path: Path, count: int) -> None:
    run = Loop(replace(plan, web=(), human=()), tmp_path / "run", where)
    if count:
        Loop(replace(plan, human=()), tmp_path / "one", where).run(["collect"])
        with psycopg.connect(where.database_url()) as conn:
            conn.execute(
                "DELETE FROM blip.images WHERE image_id <> (SELECT min(image_id::text)::uuid"
                " FROM blip.images)"
            )
    with pytest.raises(CapFiltError, match=rf"The corpus has {count or 'no'} image"):
        run.run(["pretrain"])


@pytest.mark.slow
def test_everything_rejected(plan: Plan, where: Settings, tmp_path: Path) -> None:
    run = Loop(plan, tmp_path / "run", where)
    run.run(STEPS[:6])
    with psycopg.connect(where.database_url()) as conn:
        conn.execute("UPDATE blip.captions SET itm = 0.01")
    with pytest.raises(CapFiltError, match=rf"dropped all {2 * WEB} texts(?s:.*)blip\.verdicts"):
        run.run(["retrain"])
    assert not (tmp_path / "run" / "retrain").exists()


@pytest.mark.slow
def test_nothing_is_judged_yet(plan: Plan, where: Settings, tmp_path: Path) -> None:
    run = Loop(plan, tmp_path / "run", where)
    run.run(["collect", "pretrain"])
    with pytest.raises(CapFiltError, match=rf"No filter has judged the {WEB} texts yet"):
        run.run(["retrain"])


@pytest.mark.slow
def test_a_space_is_a_corpus_of_its_own(plan: Plan, where: Settings, tmp_path: Path) -> None:
    Loop(replace(plan, space="theirs"), tmp_path / "theirs", where).run(["collect"])
    run = Loop(plan, tmp_path / "run", where)
    run.run(STEPS[:6])
    query = "SELECT count(*) FROM blip.verdicts v JOIN blip.images i USING (image_id) WHERE"
    assert ask(
        where, f"{query} i.space = 'theirs' AND (judge IS NOT NULL OR writer IS NOT NULL)"
    ) == [(0,)]
    index = (tmp_path / "run" / "pretrain" / "captions.index").stat().st_size
    assert index // 32 == WEB + HUMAN


@pytest.mark.slow
def test_a_text_in_another_script_is_not_judged(
    plan: Plan, where: Settings, tmp_path: Path
) -> None:
    run = Loop(plan, tmp_path / "run", where)
    run.run(["collect", "pretrain", "filter"])
    with psycopg.connect(where.database_url()) as conn:
        conn.execute(
            "UPDATE blip.captions SET text = 'красный велосипед' WHERE image_id ="
            " (SELECT min(image_id::text)::uuid FROM blip.captions WHERE origin = 'web')"
        )
    run.run(["judge"])
    found = ask(
        where,
        "SELECT verdict, itm, reason FROM blip.verdicts WHERE text = 'красный велосипед'",
    )
    assert [row[:2] for row in found] == [("dropped", None)]
    assert "knows no word of this text: 'красный'" in found[0][2]
    assert ask(where, "SELECT count(*) FROM blip.verdicts WHERE verdict = 'unjudged'") == [(0,)]


@pytest.mark.slow
def test_an_image_that_is_lost_in_the_middle(plan: Plan, where: Settings, tmp_path: Path) -> None:
    """The others are done; it is tried again, and told of."""
    run = Loop(plan, tmp_path / "run", where)
    run.run(["collect", "pretrain", "captioner", "filter"])
    with psycopg.connect(where.database_url()) as conn:
        conn.execute(
            "UPDATE blip.images SET content = NULL WHERE image_id ="
            " (SELECT min(image_id::text)::uuid FROM blip.captions WHERE origin = 'web')"
        )
    done = run.run(["write", "judge"])
    assert done["write"] == {"captions": WEB - 1, "failed": 1}
    assert done["judge"]["images"] == WEB + HUMAN - 1
    errors = ask(where, "SELECT DISTINCT error FROM blip.jobs WHERE state <> 'd'")
    assert errors == [("neither its content nor a file of it is known that can be read here",)]


@pytest.mark.slow
def test_another_active_model_changes_nothing(plan: Plan, where: Settings, tmp_path: Path) -> None:
    run = Loop(plan, tmp_path / "run", where)
    run.run(["collect", "pretrain", "captioner", "filter"])
    artifact = tiny_artifact(tmp_path / "tiny")
    with connection.connect(where.database_url(), autocommit=True) as conn:
        registry.register(conn, where, artifact.folder)  # takes retrieval and captioner
    run.run(["write", "judge"])
    writers = ask(where, "SELECT DISTINCT writer FROM blip.verdicts WHERE origin = 'synthetic'")
    assert writers == [("small-captioner",)]
    assert ask(where, "SELECT DISTINCT judge FROM blip.verdicts") == [("small-filter",)]


def test_one_captioner_writes_in_one_way(plan: Plan, where: Settings, tmp_path: Path) -> None:
    run = Loop(plan, tmp_path / "run", where)
    run.run(["collect", "pretrain", "captioner", "write"])
    with connection.connect(where.database_url(), autocommit=True) as conn:
        model = registry.find(conn, "small-captioner")
    with pytest.raises(CapFiltError, match=r"has written captions here with .*nucleus.*beams"):
        write(where, model, Writing())


@pytest.mark.slow
def test_new_captions_are_judged_later(plan: Plan, where: Settings, tmp_path: Path) -> None:
    run = Loop(plan, tmp_path / "run", where)
    run.run(["collect", "pretrain", "filter", "judge"])
    with connection.connect(where.database_url(), autocommit=True) as conn:
        image = conn.execute("SELECT image_id FROM blip.captions LIMIT 1").fetchone()
        assert image is not None
        conn.execute(
            "INSERT INTO blip.captions (image_id, caption_id, text, origin)"
            " VALUES (%s, gen_random_uuid(), 'a red car', 'web')",
            [image[0]],
        )
        model = registry.find(conn, "small-filter")
        assert judge(where, model).done == 1
        assert jobs.counts(conn, jobs.Queue(jobs.SCORE, model.model_id)).done == WEB + HUMAN
    found = ask(where, "SELECT itm IS NOT NULL FROM blip.captions WHERE text = 'a red car'")
    assert (False,) not in found


def test_a_folder_that_is_full(plan: Plan, where: Settings, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    run = Loop(plan, tmp_path / "run", where)
    run.run(["collect"])
    (tmp_path / "run" / "pretrain").symlink_to("/dev/full")
    with pytest.raises(CapFiltError, match=r"can't write into .*pretrain(?s:.*)goes on"):
        run.run(["pretrain"])
    assert "pretrain" not in run.done


def test_the_command(
    plan_file: Path, where: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = ["--db", where.database_url(), "--home", str(where.home)]
    run = [str(plan_file), "--out", str(tmp_path / "run"), *there]
    command.main([*run[:1], "collect", *run[1:]])
    assert "collect: web 0 {'texts': 12" in capsys.readouterr().out
    command.main([*run, "--shards", str(tmp_path / "shards")])
    assert f"{HUMAN} texts in 1 shards" in capsys.readouterr().out
    spec = {"kind": "webdataset", "shards": str(tmp_path / "shards" / "capfilt-00000.tar")}
    samples = list(open_dataset(spec).once())
    assert len(samples) == HUMAN
    assert not any(isinstance(one, Broken) for one in samples)
    texts = {one.text for one in samples if not isinstance(one, Broken)}
    assert texts == {text for (text,) in ask(where, "SELECT text FROM blip.capfilt")}
    with tarfile.open(tmp_path / "shards" / "capfilt-00000.tar") as tar:
        assert tar.getnames()[:2] == ["000000000.png", "000000000.txt"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("colour = 1\n", "unknown colour; known: name"),
        ("retrain = 'nowhere.toml'\n", "retrain is nowhere.toml, and there is no"),
    ],
)
def test_plans_that_cannot_be(plan_file: Path, change: str, message: str) -> None:
    plan_file.write_text(change + plan_file.read_text())
    with pytest.raises(ConfigError, match=message):
        read_plan(plan_file)


def test_a_stage_with_data_of_its_own(plan_file: Path, plan: Plan) -> None:
    path = plan_file.with_name("filter.toml")
    path.write_text(path.read_text() + '[[data]]\nkind = "json"\npath = "a.json"\n')
    with pytest.raises(ConfigError, match=r"leave \[\[data\]\] out"):
        plan.config("filter", 100)


def test_a_step_that_is_none(plan_file: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="there is no step dance; there are collect"):
        command.main([str(plan_file), "dance", "--out", str(tmp_path)])


def test_steps_are_in_the_manual() -> None:
    assert all(f"    {step} " in (loops.__doc__ or "") for step in STEPS)
