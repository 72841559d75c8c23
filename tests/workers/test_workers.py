"""Workers as processes, on real brokers: jobs are done, and errors are reported."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from blipdb import registry
from blipdb.cli.broker import notifier
from blipdb.database import captions, jobs, requirements
from blipdb.database.jobs import Counts, Queue
from blipdb.ingest.run import ingest
from blipdb.registry import Model
from blipdb.settings import Settings
from blipdb.types import Connection
from blipdb.work.executors import Progress
from blipdb.workers.app import app, use
from blipdb.workers.notifier import notify
from tests import attach as tables
from tests import stores
from tests.album import album, picture
from tests.tiny import tiny_artifact
from tests.work.test_worker import add, vector
from tests.workers.brokers import Broker, free_port
from tests.workers.celeries import HASTY, LONE, Celery, working
from tests.workers.ordeal import WORKING


def left(conn: Connection, *queues: Queue) -> int:
    """Count the open jobs of these queues."""
    counts = jobs.all_counts(conn)
    return sum(counts.get(queue, Counts()).left for queue in queues)


def lacking(conn: Connection) -> int:
    """Count the vectors and scores of the active models that captions lack."""
    return sum(captions.waiting(conn, queue) for queue in captions.active(conn).queues())


def add_many(conn: Connection, count: int, caption: str | None = None) -> None:
    with conn.transaction():
        for seed in range(count):
            add(conn, picture(seed, side=16), caption=caption)


def test_every_stage_is_done(
    ready: Settings, boss: Connection, model: Model, any_broker: Broker, tmp_path: Path
) -> None:
    """Nobody is notified: the caretaker finds the work."""
    add_many(boss, 100, "a red bicycle")
    jobs.enqueue_missing(boss, model.captioning)
    made = tiny_artifact(tmp_path / "filter", 3, roles=("filter",))
    judge = registry.register(boss, ready, made.folder)
    queues = [model.encoding, model.captioning, model.embedding, judge.scoring]
    with working(ready, any_broker.url, tmp_path, "-c", "2", app=HASTY) as (worker,):
        worker.wait_for(lambda: lacking(boss) == 0 and not left(boss, *queues))
        assert worker.stop() == 0
    assert jobs.all_counts(boss) == dict.fromkeys(queues, Counts(done=100))
    row = boss.execute(
        "SELECT count(*), count(text_vector), count(itm), count(DISTINCT origin) FROM blip.captions"
    ).fetchone()
    assert row == (200, 200, 200, 2)
    assert "Traceback" not in worker.log


def answer_seconds(broker: str) -> float:
    """Measure the seconds until a worker answers, in a process of its own, as Celery keeps
    connections to the first broker that it knew."""
    program = (
        "import time; from blipdb.workers import notifier; begin = time.monotonic();"
        "assert notifier.has_workers(5); print(time.monotonic() - begin)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "BLIPDB_BROKER": broker},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def test_ingest_through_a_broker(
    ready: Settings,
    boss: Connection,
    model: Model,
    broker: Broker,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    album(tmp_path / "album", 50)
    (tmp_path / "album" / "broken.png").write_bytes(picture(99)[:70])
    (tmp_path / "album" / "none.png").write_bytes(b"no picture")
    (tmp_path / "album" / "00001.txt").write_text("one of them")
    files = [tmp_path / "album"]
    seen: list[Progress] = []
    first = ingest(ready, files, caption=True, notify=notifier(broker.url), wait=False)
    hint = "no worker answers; start one with: celery -A blipdb.workers worker\n"
    assert capsys.readouterr().err == hint
    assert (first.added, first.captions, first.waiting) == (51, 1, 103)
    assert [failure.reason for failure in first.failed] == [
        "not a JPEG, PNG, WebP, GIF, BMP or TIFF picture"
    ]
    with working(ready, broker.url, tmp_path):
        second = ingest(
            ready, files, caption=True, notify=notifier(broker.url), progress=seen.append
        )
        assert answer_seconds(broker.url) < 1
    assert (second.unchanged, second.encoded, second.captioned) == (51, 50, 50)
    assert (second.waiting, second.parked, second.exit_code) == (0, 2, 1)
    assert ("caption", 51, 51, 1) in seen
    assert jobs.all_counts(boss) == {
        model.encoding: Counts(done=50, parked=1),
        model.captioning: Counts(done=50, parked=1),
        model.embedding: Counts(done=1),
        model.scoring: Counts(done=1),
    }
    row = boss.execute("SELECT DISTINCT width, height, mime FROM blip.images").fetchall()
    assert sorted(row, key=str) == [(24, 24, "image/png"), (None, None, "image/png")]


def test_one_bad_image_stops_no_other(
    ready: Settings, boss: Connection, model: Model, redis: Broker, tmp_path: Path
) -> None:
    add_many(boss, 60)
    for seed in range(60, 80):
        add(boss, picture(seed)[:-20])
    with working(ready, redis.url, tmp_path, *LONE) as (worker,):
        worker.wait_for(lambda: jobs.counts(boss, model.encoding) == Counts(done=60, parked=20))
    reasons = boss.execute("SELECT DISTINCT reason, attempts FROM blip_failures()").fetchall()
    assert {attempts for _, attempts in reasons} == {1}
    assert all("PNG" in reason for reason, _ in reasons), reasons


def test_attached_rows_are_encoded_by_who_nobody_told(
    ready: Settings, boss: Connection, model: Model, redis: Broker, tmp_path: Path
) -> None:
    """The caretaker finds rows that were there at first, and those of later statements."""
    tables.shop(boss)
    for number in range(30):
        tables.put(boss, number, picture(number))
    tables.attach(boss)
    with working(ready, redis.url, tmp_path, *LONE, app=HASTY) as (worker,):
        worker.wait_for(lambda: jobs.counts(boss, model.encoding) == Counts(done=30))
        boss.execute("UPDATE products SET photo = %s WHERE id = 1", [picture(99)])
        boss.execute("DELETE FROM products WHERE id = 2")
        worker.wait_for(lambda: tables.links(boss).get(1) == tables.id_of(picture(99)))
        worker.wait_for(lambda: vector(boss, tables.id_of(picture(99))) is not None)
    assert len(tables.stored(boss)) == 29
    assert "Traceback" not in worker.log


def test_a_worker_may_serve_some_stages_only(
    ready: Settings, boss: Connection, model: Model, redis: Broker, tmp_path: Path
) -> None:
    add_many(boss, 10)
    jobs.enqueue_missing(boss, model.captioning)
    with working(ready, redis.url, tmp_path, *LONE, "-Q", "blipdb.caption") as (worker,):
        worker.wait_for(lambda: jobs.counts(boss, model.captioning) == Counts(done=10))
        assert jobs.counts(boss, model.encoding) == Counts(pending=10)


@pytest.mark.slow
def test_a_long_queue_starves_no_other(
    ready: Settings, boss: Connection, broker: Broker, tmp_path: Path
) -> None:
    """One process for both: each gets its turn long before the other is through. RabbitMQ draws
    whose turn it is, so either must last for more runs than a draw is lost in a row."""
    slowest = tiny_artifact(tmp_path / "slowest", 6, arch=replace(WORKING, vision_layers=20))
    slow_model = registry.register(boss, ready, slowest.folder)
    add_many(boss, 2500)
    jobs.enqueue_missing(boss, slow_model.captioning)
    queues = [slow_model.encoding, slow_model.captioning]

    def are_both_begun_and_not_ended() -> bool:
        counts = [jobs.counts(boss, queue) for queue in queues]
        return all(count.done and count.left for count in counts)

    with working(ready, broker.url, tmp_path, *LONE, app=HASTY) as (worker,):
        worker.wait_for(are_both_begun_and_not_ended, 90)


@pytest.fixture
def slow_model(ready: Settings, boss: Connection, tmp_path: Path) -> Model:
    made = tiny_artifact(tmp_path / "slow", 5, arch=WORKING)
    return registry.register(boss, ready, made.folder)


def test_a_warm_stop_finishes_its_batch_and_gives_back_the_rest(
    ready: Settings, boss: Connection, slow_model: Model, redis: Broker, tmp_path: Path
) -> None:
    add_many(boss, 1500)
    with working(ready, redis.url, tmp_path, *LONE, "-c", "2") as (worker,):
        worker.wait_for(lambda: jobs.counts(boss, slow_model.encoding).done > 100)
        begin = time.monotonic()
        assert worker.stop() == 0
        assert time.monotonic() - begin < 5
    counts = jobs.counts(boss, slow_model.encoding)
    assert counts == Counts(pending=counts.pending, done=counts.done)
    assert 100 < counts.done < 1500
    tried = boss.execute("SELECT DISTINCT state, attempts FROM blip.jobs ORDER BY 1").fetchall()
    assert tried == [("d", 1), ("p", 0)], "nothing was tried in vain"


def test_a_killed_process_costs_no_more_than_its_batches(
    ready: Settings, boss: Connection, slow_model: Model, redis: Broker, tmp_path: Path
) -> None:
    add_many(boss, 600)
    with working(ready, redis.url, tmp_path, *LONE, app=HASTY) as (worker,):
        worker.wait_for(lambda: jobs.counts(boss, slow_model.encoding).done > 100)
        [child] = worker.children()
        child.kill()
        worker.wait_for(lambda: jobs.counts(boss, slow_model.encoding) == Counts(done=600))
    row = boss.execute("SELECT sum(attempts) - count(*), max(attempts) FROM blip.jobs").fetchone()
    assert row is not None
    assert row[0] <= 64
    assert row[1] <= 2


def test_events_and_metrics(
    ready: Settings, boss: Connection, model: Model, redis: Broker, tmp_path: Path
) -> None:
    port = free_port()
    place = f"127.0.0.1:{port}"
    use(redis.url)
    redis.wipe()  # of messages of earlier workers
    seen: list[str] = []
    made = tmp_path / "made"
    made.mkdir()

    def page() -> str:
        with urllib.request.urlopen(f"http://{place}/metrics", timeout=5) as answer:
            return str(answer.read().decode())

    chosen = {"BLIPDB_METRICS": place, "TMPDIR": str(made)}
    with working(ready, redis.url, tmp_path, *LONE, "-c", "2", count=1, **chosen) as (worker,):
        with app.connection_for_read() as connection:

            def note(event: dict[str, Any]) -> None:
                if event["type"] == "worker-heartbeat" and event["type"] not in seen:
                    add_many(boss, 40)  # now, as from now on it hears of all that is done
                    add(boss, picture(1)[:-20])
                    notify(jobs.ENCODE)
                seen.append(event["type"])
                receiver.should_stop = event["type"] == "task-succeeded"

            receiver = app.events.Receiver(connection, handlers={"*": note})
            receiver.capture(timeout=20)
        worker.wait_for(lambda: jobs.counts(boss, model.encoding) == Counts(done=40, parked=1))
        worker.wait_for(
            lambda: 'blipdb_jobs_run_total{outcome="done",stage="encode"} 40.0' in page()
        )
        shown = page()
        assert worker.stop() == 0
    assert {"task-received", "task-started", "task-succeeded"} <= set(seen)
    assert 'blipdb_jobs_run_total{outcome="failed",stage="encode"} 1.0' in shown
    assert 'blipdb_jobs{model="tiny",stage="encode",state="done"} 40.0' in shown
    assert 'blipdb_jobs{model="tiny",stage="encode",state="parked"} 1.0' in shown
    assert 'blipdb_jobs{model="",stage="attach",state="pending"} 0.0' in shown
    assert 'blipdb_shift_seconds_count{stage="encode"}' in shown
    assert "blipdb_database_up 1.0" in shown
    assert not list(made.iterdir()), "its files are gone with it"


def test_images_are_read_from_where_they_are(
    ready: Settings,
    boss: Connection,
    model: Model,
    redis: Broker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    certificate = stores.make_certificate(tmp_path / "server.pem")
    with stores.served(stores.Web, certificate) as site:
        site.objects["/plain/a.png"] = picture(1)
        url = f"https://localhost:{site.port}/plain/a.png"
        near, far = add(boss, picture(2)), add(boss, picture(1), url)
        boss.execute("UPDATE blip.images SET content = NULL WHERE image_id = %s", [far])
        boss.execute("UPDATE blip.files SET is_ingested = true")  # as ingest would have read it
        file = str(certificate.with_suffix(".crt"))
        with working(
            ready, redis.url, tmp_path, *LONE, BLIPDB_TRUSTED_HOSTS="localhost", SSL_CERT_FILE=file
        ) as (worker,):
            worker.wait_for(lambda: jobs.counts(boss, model.encoding) == Counts(done=2))
    assert vector(boss, near) is not None
    assert vector(boss, far) is not None


def test_a_model_whose_files_are_not_here_stops_no_other(
    ready: Settings, boss: Connection, model: Model, redis: Broker, tmp_path: Path
) -> None:
    other = registry.register(boss, ready, tiny_artifact(tmp_path / "o", 7).folder, activate=False)
    add_many(boss, 20)
    jobs.enqueue_missing(boss, other.encoding)
    (other.folder(ready) / "image.onnx").unlink()
    with working(ready, redis.url, tmp_path, *LONE, app=HASTY) as (worker,):
        worker.wait_for(lambda: jobs.counts(boss, model.encoding) == Counts(done=20))
        time.sleep(3)  # the caretaker looks again
        assert jobs.counts(boss, other.encoding) == Counts(pending=20)
    assert worker.log.count("image.onnx") == 1, "it is said once a minute"
    assert worker.log.count("received") < 20


def test_jobs_that_no_worker_can_do_ring_for_nobody(
    ready: Settings, boss: Connection, model: Model, redis: Broker, tmp_path: Path
) -> None:
    add_many(boss, 100)
    jobs.enqueue_missing(boss, model.captioning)
    boss.execute("UPDATE blip.models SET roles = '{retrieval}'")
    with working(ready, redis.url, tmp_path, *LONE, app=HASTY) as (worker,):
        worker.wait_for(lambda: jobs.counts(boss, model.encoding) == Counts(done=100))
        time.sleep(3)
    assert worker.log.count("received") < 10
    assert jobs.counts(boss, model.captioning) == Counts(pending=100)


# Versions, and what a worker says at its start


@pytest.fixture
def newer(boss: Connection) -> Iterator[None]:
    boss.execute("UPDATE blip.alembic_version SET version_num = '9999'")
    yield
    boss.execute("UPDATE blip.alembic_version SET version_num = %s", [requirements.head()])


def ended(settings: Settings, broker: str, folder: Path, *options: str) -> str:
    """Return the output of a worker that doesn't start."""
    worker = Celery(settings, broker, folder, *options)
    try:
        assert worker.process.wait(30) != 0
    finally:
        if worker.process.poll() is None:
            worker.kill()
    return worker.log


@pytest.mark.usefixtures("newer")
def test_an_old_worker_goes_on_with_newer_tables(
    ready: Settings, boss: Connection, model: Model, redis: Broker, tmp_path: Path
) -> None:
    """As long as the tables name it as good enough, which the newer `blipdb init` wrote."""
    add_many(boss, 20)
    with working(ready, redis.url, tmp_path, *LONE) as (worker,):
        worker.wait_for(lambda: jobs.counts(boss, model.encoding) == Counts(done=20))
    boss.execute("UPDATE blip.settings SET value = '9999' WHERE name = 'oldest_worker'")
    said = ended(ready, redis.url, tmp_path)
    assert "are of a newer blipdb: revision 9999" in said
    assert "pip install --upgrade blipdb" in said


def test_a_worker_needs_a_broker_and_queues_that_there_are(
    ready: Settings, redis: Broker, tmp_path: Path
) -> None:
    assert "error: No broker is named: BLIPDB_BROKER is not set." in ended(ready, "", tmp_path)
    assert "blipdb.encoed" in ended(ready, redis.url, tmp_path, "-Q", "blipdb.encoed")


def test_metrics_that_can_not_be_listened_at(
    ready: Settings, redis: Broker, tmp_path: Path
) -> None:
    made = tmp_path / "made"
    made.mkdir()
    worker = Celery(ready, redis.url, tmp_path, BLIPDB_METRICS="here", TMPDIR=str(made))
    assert worker.process.wait(30) != 0
    assert not list(made.iterdir())
    assert "BLIPDB_METRICS is 'here', where nothing can listen" in worker.log
