"""Jobs run for real: a tiny model, PostgreSQL, images that hold, change, or are deleted."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import numpy as np
import pytest

from blipdb import registry
from blipdb.database import connection, jobs
from blipdb.database.jobs import Counts
from blipdb.images.decode import Decoder
from blipdb.model import tokens
from blipdb.model.runtime import Runtime
from blipdb.registry import Model
from blipdb.settings import Settings
from blipdb.types import Connection
from blipdb.work import stages
from blipdb.work.context import Outcome, StageContext
from blipdb.work.executors import run_jobs
from tests.album import picture


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder(children=2) as decoder:
        yield decoder


@pytest.fixture
def worker(ready: Settings, model: Model, decoder: Decoder) -> Iterator[StageContext]:
    runtime = registry.load(ready, model, "image", "caption")
    with connection.connect(ready.database_url(), autocommit=True) as conn:
        yield StageContext(conn, model, runtime, decoder)


def add(conn: Connection, data: bytes, uri: str | None = None, caption: str | None = None) -> UUID:
    row = conn.execute("SELECT blip_add(%s, %s, %s)", [data, uri, caption]).fetchone()
    assert row is not None
    assert isinstance(row[0], UUID)
    return row[0]


def vector(conn: Connection, id: UUID) -> list[float] | None:
    row = conn.execute(
        "SELECT itc::real[] FROM blip.image_vectors WHERE image_id = %s", [id]
    ).fetchone()
    return row[0] if row else None


def reasons(conn: Connection) -> list[tuple[str, int, str | None]]:
    return conn.execute("SELECT state, attempts, error FROM blip.jobs ORDER BY error").fetchall()


def test_what_is_stored_is_what_the_model_says(
    boss: Connection, ready: Settings, model: Model, decoder: Decoder
) -> None:
    data = [picture(seed, side=40 + seed) for seed in range(5)]
    ids = [add(boss, one) for one in data]
    assert run_jobs(ready) == Outcome(done=5)
    runtime = Runtime.load(model.folder(ready), graphs=["image"])
    pixels = np.stack([decoder.decode(one, model.image_size).pixels for one in data])
    encoded = runtime.encode_images(pixels)
    for n, id in enumerate(ids):
        stored = vector(boss, id)
        assert stored is not None
        # A halfvec has 11 bits of mantissa; batches differ by float32 rounding.
        assert np.allclose(stored, encoded.itc[n], rtol=0, atol=1e-3)
        row = boss.execute(
            "SELECT tokens FROM blip.image_tokens WHERE image_id = %s", [id], binary=True
        ).fetchone()
        assert row is not None
        values, scales = tokens.unpack(row[0], model.token_count, model.token_width)
        assert np.allclose(scales, encoded.scales[n], rtol=1e-4)
        assert np.abs(values.astype(int) - encoded.tokens[n]).max() <= 1
    assert jobs.counts(boss, model.encoding) == Counts(done=5)


def test_an_image_from_sql_gets_the_size_that_only_decoding_tells(
    boss: Connection, ready: Settings
) -> None:
    id = add(boss, picture(1, "WEBP", side=48))
    run_jobs(ready)
    row = boss.execute(
        "SELECT width, height, mime FROM blip.images WHERE image_id = %s", [id]
    ).fetchone()
    assert row == (48, 48, "image/webp")


def test_pixels_at_hand_are_not_read_again(
    boss: Connection, worker: StageContext, model: Model
) -> None:
    """The row has no content and no file: only the given pixels can have been used."""
    id = UUID(int=1)
    boss.execute(
        "INSERT INTO blip.images (image_id, sha256, mime, bytes) VALUES (%s, %s, 'image/png', 1)",
        [id, bytes(32)],
    )
    lease = jobs.enqueue(worker.conn, model.encoding, [id], token=worker.token)
    assert lease is not None
    pixels = np.full((model.image_size, model.image_size, 3), 7, np.uint8)
    assert stages.run(worker, lease, {id: pixels}) == Outcome(done=1)
    assert vector(boss, id) is not None


def test_an_unreadable_file_is_tried_again_and_its_batch_goes_on(
    boss: Connection, ready: Settings
) -> None:
    """A file may come back, as a disk that was not mounted does; broken content may not."""
    good, gone = add(boss, picture(1)), add(boss, picture(2))
    boss.execute("UPDATE blip.images SET content = NULL WHERE image_id = %s", [gone])
    assert run_jobs(ready) == Outcome(done=1, failed=1)
    assert vector(boss, good) is not None
    assert reasons(boss) == [
        ("p", 1, "neither its content nor a file of it is known that can be read here"),
        ("d", 1, None),
    ]


def test_undecodable_content_is_parked_and_its_batch_goes_on(
    boss: Connection, ready: Settings
) -> None:
    good = [add(boss, picture(seed)) for seed in range(3)]
    add(boss, picture(9)[:60])
    assert run_jobs(ready) == Outcome(done=3, failed=1)
    assert all(vector(boss, id) for id in good)
    [(state, attempts, reason), *_] = reasons(boss)
    assert (state, attempts) == ("x", 1)
    assert reason is not None
    assert "PNG" in reason


def test_an_image_deleted_while_it_is_encoded_fails_nothing(
    boss: Connection, worker: StageContext, model: Model
) -> None:
    ids = sorted(add(boss, picture(seed)) for seed in range(3))
    lease = jobs.lease(worker.conn, model.encoding, worker.token, 10)
    assert lease is not None
    boss.execute("DELETE FROM blip.images WHERE image_id = %s", [ids[0]])
    assert stages.run(worker, lease) == Outcome(done=2)
    pixels = np.zeros((model.image_size, model.image_size, 3), np.uint8)
    last = add(boss, picture(7))
    lease = jobs.lease(worker.conn, model.encoding, worker.token, 10)
    assert lease is not None
    boss.execute("DELETE FROM blip.images WHERE image_id = %s", [last])
    assert stages.run(worker, lease, {last: pixels}) == Outcome(lost=1)


def test_results_of_a_lease_that_was_taken_over_are_not_written(
    boss: Connection, worker: StageContext, model: Model
) -> None:
    id = add(boss, picture(1))
    lease = jobs.lease(worker.conn, model.encoding, worker.token, 10)
    assert lease is not None
    boss.execute("UPDATE blip.jobs SET lease = gen_random_uuid()")
    assert stages.run(worker, lease) == Outcome(lost=1)
    assert vector(boss, id) is None


def test_a_repeated_job_replaces_its_results(
    boss: Connection, ready: Settings, model: Model
) -> None:
    id = add(boss, picture(1))
    run_jobs(ready)
    first = vector(boss, id)
    boss.execute(
        "UPDATE blip.image_vectors SET itc = (SELECT array_agg(0) FROM unnest(itc::real[]))"
    )
    boss.execute("UPDATE blip.jobs SET state = 'p', run_after = now()")
    run_jobs(ready)
    assert vector(boss, id) == first


def test_a_run_that_breaks_gives_its_lease_back(
    boss: Connection, worker: StageContext, model: Model
) -> None:
    id = add(boss, picture(1))
    lease = jobs.lease(worker.conn, model.encoding, worker.token, 10)
    assert lease is not None
    with pytest.raises(ValueError, match="the model reads"):
        stages.run(worker, lease, {id: np.zeros((3, 3, 3), np.uint8)})
    assert reasons(boss) == [("p", 0, None)]


def test_captions_are_written_from_stored_tokens(
    boss: Connection, ready: Settings, model: Model
) -> None:
    ids = [add(boss, picture(seed), caption="came along") for seed in range(3)]
    run_jobs(ready)
    boss.execute("UPDATE blip.images SET content = NULL")
    jobs.enqueue(boss, model.captioning, ids)
    assert run_jobs(ready) == Outcome(done=3)
    written = boss.execute(
        "SELECT image_id, text, model_id, decoding FROM blip.captions WHERE origin = 'synthetic'"
    ).fetchall()
    assert sorted(row[0] for row in written) == sorted(ids)
    runtime = Runtime.load(model.folder(ready))
    for id, text, model_id, decoding in written:
        row = boss.execute(
            "SELECT tokens FROM blip.image_tokens WHERE image_id = %s", [id], binary=True
        ).fetchone()
        assert row is not None
        values, scales = tokens.unpack(row[0], model.token_count, model.token_width)
        assert [text] == runtime.caption(values[None], scales[None], beams=3)
        assert (model_id, decoding) == (model.model_id, {"beams": 3})


def test_the_role_blip_worker_may_do_all_of_it(
    boss: Connection, ready: Settings, model: Model, decoder: Decoder
) -> None:
    ids = [add(boss, picture(seed)) for seed in range(3)]
    jobs.enqueue(boss, model.captioning, ids)
    runtime = registry.load(ready, model, "image", "caption")
    url = ready.database_url()
    with connection.connect(url, autocommit=True) as conn:
        conn.execute("SET ROLE blip_worker")
        worker = StageContext(conn, model, runtime, decoder)
        assert stages.run_due(worker, model.encoding) == Outcome(done=3)
        assert stages.run_due(worker, model.captioning) == Outcome(done=3)
        assert stages.run_due(worker, model.encoding) is None
