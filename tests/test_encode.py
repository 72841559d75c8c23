"""Jobs run for real: images from the database or from files, a tiny model, PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import numpy as np
import psycopg
import pytest

from blipdb import database as databases
from blipdb import encode, jobs, registry, tokens
from blipdb.encode import Outcome, Worker, run_jobs
from blipdb.errors import ModelError
from blipdb.identity import image_id
from blipdb.images.decode import Decoder
from blipdb.jobs import Connection, Counts
from blipdb.registry import Model
from blipdb.runtime import Runtime
from blipdb.settings import Settings
from tests.album import picture
from tests.tiny import tiny_artifact


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder(children=2) as decoder:
        yield decoder


@pytest.fixture
def boss(ready: Settings) -> Iterator[Connection]:
    with databases.connect(ready.database_url(), autocommit=True) as conn:
        yield conn


@pytest.fixture
def model(boss: Connection) -> Model:
    return registry.active(boss, "retrieval")


@pytest.fixture
def worker(ready: Settings, model: Model, decoder: Decoder) -> Iterator[Worker]:
    runtime = registry.load(ready, model, "image", "caption")
    with databases.connect(ready.database_url(), autocommit=True) as conn:
        yield Worker(conn, model, runtime, decoder)


def add(conn: Connection, data: bytes, uri: str | None = None, caption: str | None = None) -> UUID:
    row = conn.execute("SELECT blip_add(%s, %s, %s)", [data, uri, caption]).fetchone()
    assert row is not None
    assert isinstance(row[0], UUID)
    return row[0]


def add_file(conn: Connection, model: Model, path: Path, data: bytes) -> UUID:
    """An image of which the database knows the file alone, as ingest leaves it."""
    path.write_bytes(data)
    id = image_id("", data)
    conn.execute(
        "INSERT INTO blip.images (image_id, sha256, mime, bytes) VALUES (%s, %s, 'image/png', %s)",
        [id, sha256(data).digest(), len(data)],
    )
    conn.execute("INSERT INTO blip.files (uri, image_id) VALUES (%s, %s)", [str(path), id])
    jobs.enqueue(conn, model.encoding, [id])
    return id


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


def test_pixels_at_hand_are_not_read_again(boss: Connection, worker: Worker, model: Model) -> None:
    """The row has no content and no file: only the given pixels can have been used."""
    id = UUID(int=1)
    boss.execute(
        "INSERT INTO blip.images (image_id, sha256, mime, bytes) VALUES (%s, %s, 'image/png', 1)",
        [id, bytes(32)],
    )
    lease = jobs.enqueue(worker.conn, model.encoding, [id], token=worker.token)
    assert lease is not None
    pixels = np.full((model.image_size, model.image_size, 3), 7, np.uint8)
    assert worker.run(lease, {id: pixels}) == Outcome(done=1)
    assert vector(boss, id) is not None


def test_a_file_is_read_by_its_path_and_verified(
    boss: Connection, ready: Settings, model: Model, tmp_path: Path
) -> None:
    good = add_file(boss, model, tmp_path / "a.png", picture(1))
    add_file(boss, model, tmp_path / "b.png", picture(2))
    (tmp_path / "b.png").write_bytes(picture(3))
    add_file(boss, model, tmp_path / "c.png", picture(4))
    (tmp_path / "c.png").unlink()
    assert run_jobs(ready) == Outcome(done=1, failed=2)
    assert vector(boss, good) is not None
    assert reasons(boss) == [
        ("p", 1, f"{tmp_path}/b.png: it has other content now; ingest it again"),
        ("p", 1, f"{tmp_path}/c.png: no such file or directory"),
        ("d", 1, None),
    ]


def test_another_file_of_the_image_stands_in_for_one_that_changed(
    boss: Connection, ready: Settings, model: Model, tmp_path: Path
) -> None:
    id = add_file(boss, model, tmp_path / "a.png", picture(1))
    (tmp_path / "b.png").write_bytes(picture(1))
    (tmp_path / "a.png").write_bytes(b"something else")
    boss.execute(
        "INSERT INTO blip.files (uri, image_id) VALUES (%s, %s), ('https://example.org/a', %s)",
        [str(tmp_path / "b.png"), id, id],
    )
    assert run_jobs(ready) == Outcome(done=1)


def test_an_image_without_content_or_local_file_waits_with_that_reason(
    boss: Connection, ready: Settings, model: Model
) -> None:
    boss.execute(
        "INSERT INTO blip.images (image_id, sha256, mime, bytes) VALUES (%s, %s, 'image/png', 1)",
        [UUID(int=1), bytes(32)],
    )
    jobs.enqueue_all(boss, model.encoding)
    assert run_jobs(ready) == Outcome(failed=1)
    assert reasons(boss) == [("p", 1, "neither its content nor a local file of it is known")]


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
    boss: Connection, worker: Worker, model: Model
) -> None:
    ids = sorted(add(boss, picture(seed)) for seed in range(3))
    lease = jobs.lease(worker.conn, model.encoding, worker.token, 10)
    assert lease is not None
    boss.execute("DELETE FROM blip.images WHERE image_id = %s", [ids[0]])
    assert worker.run(lease) == Outcome(done=2)
    pixels = np.zeros((model.image_size, model.image_size, 3), np.uint8)
    last = add(boss, picture(7))
    lease = jobs.lease(worker.conn, model.encoding, worker.token, 10)
    assert lease is not None
    boss.execute("DELETE FROM blip.images WHERE image_id = %s", [last])
    assert worker.run(lease, {last: pixels}) == Outcome(lost=1)


def test_results_of_a_lease_that_was_taken_over_are_not_written(
    boss: Connection, worker: Worker, model: Model
) -> None:
    id = add(boss, picture(1))
    lease = jobs.lease(worker.conn, model.encoding, worker.token, 10)
    assert lease is not None
    boss.execute("UPDATE blip.jobs SET lease = gen_random_uuid()")
    assert worker.run(lease) == Outcome(lost=1)
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


def test_many_images_through_two_workers(boss: Connection, ready: Settings, model: Model) -> None:
    count = 2 * encode.batch_size(model) + 5
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


def test_a_run_that_breaks_gives_its_lease_back(
    boss: Connection, worker: Worker, model: Model
) -> None:
    id = add(boss, picture(1))
    lease = jobs.lease(worker.conn, model.encoding, worker.token, 10)
    assert lease is not None
    with pytest.raises(ValueError, match="the model reads"):
        worker.run(lease, {id: np.zeros((3, 3, 3), np.uint8)})
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


def test_a_captioner_of_its_own_reads_the_image_itself(
    boss: Connection, ready: Settings, model: Model, tmp_path: Path
) -> None:
    other = registry.register(boss, ready, tiny_artifact(tmp_path / "b", seed=5).folder,
                              activate=False)  # fmt: skip
    registry.activate(boss, other.digest, ["captioner"])
    id = add(boss, picture(1))
    jobs.enqueue(boss, other.captioning, [id])
    assert run_jobs(ready) == Outcome(done=2)
    assert boss.execute(
        "SELECT origin, model_id FROM blip.captions WHERE image_id = %s", [id]
    ).fetchall() == [("synthetic", other.model_id)]
    assert boss.execute("SELECT DISTINCT model_id FROM blip.image_tokens").fetchall() == [
        (model.model_id,)
    ]


def test_the_role_blip_worker_may_do_all_of_it(
    boss: Connection, ready: Settings, model: Model, decoder: Decoder
) -> None:
    ids = [add(boss, picture(seed)) for seed in range(3)]
    jobs.enqueue(boss, model.captioning, ids)
    runtime = registry.load(ready, model, "image", "caption")
    url = ready.database_url()
    with databases.connect(url, role="blip_worker", autocommit=True) as conn:
        worker = Worker(conn, model, runtime, decoder)
        assert worker.run_due(model.encoding) == Outcome(done=3)
        assert worker.run_due(model.captioning) == Outcome(done=3)
        assert worker.run_due(model.encoding) is None


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
                except psycopg.errors.DeadlockDetected:
                    continue  # then it was the deleter whom PostgreSQL chose
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
