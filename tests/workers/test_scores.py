"""Vectors and scores of captions by real workers, however captions came in, without a request."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from blipdb import registry
from blipdb.cli.broker import notifier
from blipdb.database import connection, jobs
from blipdb.database.jobs import Counts
from blipdb.ingest.run import ingest
from blipdb.registry import Model
from blipdb.settings import Settings
from blipdb.types import Connection
from tests.album import picture
from tests.attach import attach, put, shop
from tests.database.test_captions import exact, judges, say
from tests.tiny import tiny_artifact
from tests.work.test_worker import add
from tests.workers.brokers import Broker
from tests.workers.celeries import HASTY, LONE, working
from tests.workers.test_workers import add_many, lacking, left

SIDE = 96  # pixels

# By a filter that has encoded no image, of images that hold their bytes.
BY_ANOTHER = """
    SELECT count(*), max(abs(c.itm - blip_match(i.content, c.text, 'judge'))),
           max(abs(c.itc - (1 - (blip_embed(c.text, 'judge') <=> blip_embed(i.content, 'judge')))))
    FROM blip.captions c JOIN blip.images i USING (image_id)
    JOIN blip.models m ON m.model_id = c.filter_id AND m.name = 'judge'
"""


@pytest.fixture
def scenes(served: Settings, elsewhere: str) -> Settings:
    """A fresh database with the bundled model, which an engine answers for."""
    return Settings(served.home, elsewhere)


@pytest.fixture
def own(scenes: Settings) -> Iterator[Connection]:
    with connection.connect(scenes.database_url(), autocommit=True) as conn:
        yield conn


def is_whole(conn: Connection, count: int) -> bool:
    """Return whether there are so many captions, and none lacks a vector or scores."""
    row = conn.execute("SELECT count(*) FROM blip.captions").fetchone()
    return row == (count,) and lacking(conn) == 0


def test_however_a_caption_comes_in(
    scenes: Settings, own: Connection, any_broker: Broker, tmp_path: Path
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    for seed in range(12):
        (files / f"{seed}.png").write_bytes(picture(seed, side=SIDE))
    for seed in range(0, 12, 3):
        (files / f"{seed}.txt").write_text(f"a red bicycle\n{seed} of them\n")
    with working(scenes, any_broker.url, tmp_path, *LONE, app=HASTY) as (worker,):
        report = ingest(scenes, [files], caption=True, notify=notifier(any_broker.url))
        assert (report.captions, report.captioned, report.judged) == (8, 12, 12)
        assert (report.unscored, report.waiting, report.parked) == (0, 0, 0)
        assert exact(own, 20)
        # From here on nobody is notified.
        first = add(own, picture(20, side=SIDE), caption="a blue car")
        say(own, first, "My old car, at home")
        shop(own)
        put(own, 1, picture(21, side=SIDE), "a green kite")
        attach(own)
        put(own, 2, picture(22, side=SIDE), "two green kites")
        worker.wait_for(lambda: is_whole(own, 24))
        assert exact(own, 24)
        own.execute("UPDATE blip.captions SET text = 'a red car' WHERE text = 'a blue car'")
        own.execute("UPDATE products SET title = 'three kites' WHERE id = 2")
        words = "SELECT text FROM blip.captions WHERE text IN ('a red car', 'three kites')"
        worker.wait_for(lambda: len(own.execute(words).fetchall()) == 2 and is_whole(own, 24))
        assert exact(own, 24)
        assert worker.stop() == 0
    assert "Traceback" not in worker.log


def test_another_filter_judges_all_anew(
    scenes: Settings, own: Connection, redis: Broker, tmp_path: Path
) -> None:
    """Though it is active for nothing else, and so has encoded no image."""
    for seed in range(5):
        add(own, picture(seed, side=SIDE), caption=f"{seed} red kites")
    folder = tiny_artifact(tmp_path / "judge", 8, name="judge").folder
    judge = registry.register(own, scenes, folder, activate=False)
    usual = registry.active(own, "filter")
    query = "SELECT caption_id, itm, itc, text_vector::text FROM blip.captions ORDER BY 1"
    with working(scenes, redis.url, tmp_path, *LONE, app=HASTY) as (worker,):
        worker.wait_for(lambda: is_whole(own, 5))
        before = own.execute(query).fetchall()
        registry.activate(own, judge.name, ["filter"])
        worker.wait_for(lambda: is_whole(own, 5))
        assert judges(own) == {judge.model_id}
        found = own.execute(BY_ANOTHER).fetchone()
        assert found == pytest.approx((5, 0, 0), abs=1e-6)
        registry.activate(own, usual.name, ["filter"])
        worker.wait_for(lambda: is_whole(own, 5))
    assert judges(own) == {usual.model_id}
    assert own.execute(query).fetchall() == before


def test_scores_that_are_off(
    ready: Settings, boss: Connection, model: Model, redis: Broker, tmp_path: Path
) -> None:
    """Captions that come in or are written are embedded, and scored once scores are on again."""
    boss.execute("INSERT INTO blip.settings VALUES ('scores', 'off')")
    add_many(boss, 10, "a red dog")
    jobs.enqueue_missing(boss, model.captioning)
    with working(ready, redis.url, tmp_path, *LONE, app=HASTY) as (worker,):
        worker.wait_for(lambda: is_whole(boss, 20) and not left(boss, model.captioning))
        time.sleep(3)  # the caretaker looks again
        row = boss.execute(
            "SELECT count(text_vector), count(itm), count(itc), count(filter_id) FROM blip.captions"
        ).fetchone()
        assert row == (20, 0, 0, 0)
        assert jobs.counts(boss, model.scoring) == Counts()
        boss.execute("DELETE FROM blip.settings WHERE name = 'scores'")
        worker.wait_for(lambda: is_whole(boss, 20))
    assert judges(boss) == {model.model_id}


def test_a_model_writes_and_another_judges(
    ready: Settings, boss: Connection, model: Model, any_broker: Broker, tmp_path: Path
) -> None:
    writer, judge = (
        registry.register(
            boss, ready, tiny_artifact(tmp_path / role, seed, name=role, roles=(role,)).folder
        )
        for seed, role in enumerate(("captioner", "filter"), 5)
    )
    add_many(boss, 10)
    jobs.enqueue_missing(boss, writer.captioning)
    with working(ready, any_broker.url, tmp_path, *LONE, app=HASTY) as (worker,):
        worker.wait_for(lambda: is_whole(boss, 10))
    row = boss.execute(
        "SELECT DISTINCT model_id, encoder_id, filter_id FROM blip.captions"
    ).fetchall()
    assert row == [(writer.model_id, model.model_id, judge.model_id)]
    assert jobs.counts(boss, judge.scoring) == Counts(done=10), "enqueued with each caption"
