"""Every due job of every queue, all cores at work, a tiny model, PostgreSQL."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import psycopg
import pytest

from blipdb import registry
from blipdb.database import jobs
from blipdb.errors import ModelError
from blipdb.registry import Model
from blipdb.settings import Settings
from blipdb.types import Connection
from blipdb.work.context import Outcome
from blipdb.work.executors import run_jobs
from blipdb.work.stages.base import batch_size
from tests.album import picture
from tests.tiny import tiny_artifact
from tests.work.test_worker import add, reasons, vector


def test_many_images_through_two_workers(boss: Connection, ready: Settings, model: Model) -> None:
    count = 2 * batch_size(model) + 5
    with boss.transaction():
        ids = [add(boss, picture(seed, side=8)) for seed in range(count)]
    assert run_jobs(ready) == Outcome(done=count)
    assert all(vector(boss, id) for id in ids)


def test_nothing_to_do_loads_no_model(boss: Connection, ready: Settings, model: Model) -> None:
    (model.folder(ready) / "image.onnx").unlink()
    assert run_jobs(ready) == Outcome()


def test_an_altered_model_runs_nothing_and_costs_no_attempt(
    boss: Connection, ready: Settings, model: Model
) -> None:
    add(boss, picture(1))
    with (model.folder(ready) / "image.onnx").open("r+b") as file:
        file.write(b"?")
    with pytest.raises(ModelError, match=r"image\.onnx was altered"):
        run_jobs(ready)
    assert reasons(boss) == [("p", 0, None)]


def test_a_captioner_of_its_own_reads_the_image_itself(
    boss: Connection, ready: Settings, model: Model, tmp_path: Path
) -> None:
    other = registry.register(boss, ready, tiny_artifact(tmp_path / "b", seed=5).folder,
                              activate=False)  # fmt: skip
    registry.activate(boss, other.digest, ["captioner"])
    id = add(boss, picture(1))
    jobs.enqueue(boss, other.captioning, [id])
    assert run_jobs(ready, stages=("caption",)) == Outcome(done=1)
    assert boss.execute(
        "SELECT origin, model_id FROM blip.captions WHERE image_id = %s", [id]
    ).fetchall() == [("synthetic", other.model_id)]
    assert boss.execute("SELECT model_id FROM blip.image_tokens").fetchall() == []


def test_who_answers_encodes_too_and_has_no_vectors(
    boss: Connection, ready: Settings, model: Model, tmp_path: Path
) -> None:
    first = add(boss, picture(1))
    folder = tiny_artifact(tmp_path / "a", name="vqa", roles=("answerer",)).folder
    other = registry.register(boss, ready, folder)
    assert (other.roles, other.active) == (["answerer"], ["answerer"])
    second = add(boss, picture(2))
    assert run_jobs(ready) == Outcome(done=4)
    stored = {
        table: boss.execute(f"SELECT image_id, model_id FROM blip.{table}".encode()).fetchall()
        for table in ("image_tokens", "image_vectors")
    }
    both = {(id, model.model_id) for id in (first, second)}
    assert set(stored["image_vectors"]) == both
    assert set(stored["image_tokens"]) == both | {(first, other.model_id), (second, other.model_id)}
    assert not registry.index_vectors(boss, other)


@pytest.mark.slow
def test_deleting_in_any_order_while_workers_write_deadlocks_nobody(
    boss: Connection, ready: Settings, model: Model
) -> None:
    with boss.transaction():
        ids = [add(boss, picture(seed, side=8)) for seed in range(300)]
    stop = threading.Event()
    errors: list[Exception] = []

    def delete() -> None:
        rng = np.random.default_rng(0)
        with psycopg.connect(ready.database_url(), autocommit=True) as conn:
            while not stop.is_set():
                some = [ids[n] for n in rng.integers(0, len(ids), 4)]
                try:
                    with conn.transaction():
                        for id in some:
                            conn.execute("DELETE FROM blip.images WHERE image_id = %s", [id])
                except Exception as error:
                    errors.append(error)
                    return

    thread = threading.Thread(target=delete)
    thread.start()
    try:
        run_jobs(ready)
    finally:
        stop.set()
        thread.join()
    assert errors == []
    left = jobs.counts(boss, model.encoding)
    assert (left.pending, left.running, left.parked) == (0, 0, 0)
    assert boss.execute(
        "SELECT count(*) FROM blip.images i WHERE NOT EXISTS"
        " (SELECT FROM blip.image_vectors v WHERE v.image_id = i.image_id)"
    ).fetchone() == (0,)


def test_what_a_captioner_writes_is_judged_in_the_same_run(
    boss: Connection, ready: Settings, model: Model, tmp_path: Path
) -> None:
    made = tiny_artifact(tmp_path / "writer", seed=5, name="writer", roles=("captioner",))
    writer = registry.register(boss, ready, made.folder)
    jobs.enqueue(boss, writer.captioning, [add(boss, picture(1))])
    run_jobs(ready)
    found = boss.execute("SELECT model_id, encoder_id, filter_id FROM blip.captions").fetchall()
    assert found == [(writer.model_id, model.model_id, model.model_id)]
