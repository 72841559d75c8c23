"""The queue on PostgreSQL: leases, fencing, deadlines, dead workers, poison."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import scalar_row

from blipdb import registry
from blipdb.database import connection, jobs
from blipdb.database.jobs import Counts, Lease, Queue
from blipdb.settings import Settings
from blipdb.types import Connection


@pytest.fixture
def queue(ready: Settings) -> Queue:
    with connection.connect(ready.database_url()) as conn:
        return registry.active(conn, "retrieval").encoding


@pytest.fixture
def other(ready: Settings) -> Iterator[Connection]:
    with connection.connect(ready.database_url(), autocommit=True) as conn:
        yield conn


def add_images(conn: Connection, count: int, first: int = 0) -> list[UUID]:
    """Rows for ``count`` images that were never files; their ids in ascending order."""
    ids = [UUID(int=first + n + 1) for n in range(count)]
    conn.cursor().executemany(
        "INSERT INTO blip.images (image_id, sha256, mime, bytes) VALUES (%s, %s, 'image/png', 1)",
        [(id, sha256(id.bytes).digest()) for id in ids],
    )
    return ids


def expire(conn: Connection) -> None:
    """Let every lease's deadline and every delay pass."""
    conn.execute("UPDATE blip.jobs SET run_after = now() - interval '1 second' WHERE state <> 'd'")


def states(conn: Connection) -> list[tuple[str, int, str | None]]:
    return conn.execute("SELECT state, attempts, error FROM blip.jobs ORDER BY image_id").fetchall()


def take(conn: Connection, queue: Queue, token: UUID, n: int = 10) -> Lease:
    lease = jobs.lease(conn, queue, token, n)
    assert lease is not None
    return lease


def test_enqueueing_can_be_repeated(boss: Connection, queue: Queue) -> None:
    ids = add_images(boss, 3)
    assert jobs.enqueue(boss, queue, ids[:2]) is None
    jobs.enqueue(boss, queue, ids)
    assert jobs.counts(boss, queue) == Counts(pending=3)
    token = jobs.hold(boss)
    jobs.complete(boss, take(boss, queue, token), ids)
    jobs.enqueue(boss, queue, ids)
    assert jobs.counts(boss, queue) == Counts(done=3)


def test_enqueueing_under_a_token_leases_what_is_new(boss: Connection, queue: Queue) -> None:
    ids = add_images(boss, 3)
    token = jobs.hold(boss)
    jobs.enqueue(boss, queue, ids[:1])
    assert jobs.enqueue(boss, queue, ids[::-1], token=token) == Lease(queue, token, tuple(ids[1:]))
    assert jobs.counts(boss, queue) == Counts(pending=1, running=2)
    assert jobs.enqueue(boss, queue, ids, token=token) is None


def test_every_image_is_enqueued_once(boss: Connection, queue: Queue) -> None:
    ids = add_images(boss, 3)
    jobs.enqueue(boss, queue, ids[:1])
    assert jobs.enqueue_missing(boss, queue) == 2
    assert jobs.enqueue_missing(boss, queue) == 0


def test_two_workers_never_hold_the_same_job(
    boss: Connection, other: Connection, queue: Queue
) -> None:
    ids = add_images(boss, 5)
    jobs.enqueue(boss, queue, ids)
    first = take(boss, queue, jobs.hold(boss), 3)
    second = take(other, queue, jobs.hold(other), 3)
    assert len(first.image_ids) == 3
    assert sorted(first.image_ids + second.image_ids) == ids
    assert jobs.lease(other, queue, second.token, 3) is None


def test_a_row_that_another_is_leasing_is_skipped_without_waiting(
    boss: Connection, other: Connection, queue: Queue
) -> None:
    ids = add_images(boss, 2)
    jobs.enqueue(boss, queue, ids)
    tokens = jobs.hold(boss), jobs.hold(other)
    with boss.transaction():
        take(boss, queue, tokens[0], 1)
        other.execute("SET lock_timeout = '1s'")
        assert len(take(other, queue, tokens[1]).image_ids) == 1


def test_leases_and_completion_hand_ids_in_ascending_order(boss: Connection, queue: Queue) -> None:
    ids = add_images(boss, 50)
    jobs.enqueue(boss, queue, ids)
    lease = take(boss, queue, jobs.hold(boss), 50)
    assert list(lease.image_ids) == ids
    assert jobs.complete(boss, lease, ids[::-1]) == ids


def test_a_job_taken_over_is_not_completed_by_its_first_worker(
    boss: Connection, other: Connection, queue: Queue
) -> None:
    [id] = add_images(boss, 1)
    jobs.enqueue(boss, queue, [id])
    late = take(boss, queue, jobs.hold(boss))
    expire(boss)
    current = take(other, queue, jobs.hold(other))
    assert jobs.complete(boss, late, [id]) == []
    jobs.fail(boss, late, id, "too late to matter")
    jobs.release(boss, late)
    assert states(boss) == [("r", 2, None)]
    assert jobs.complete(other, current, [id]) == [id]
    assert states(boss) == [("d", 2, None)]


def test_an_image_deleted_meanwhile_is_left_out_of_a_batch(boss: Connection, queue: Queue) -> None:
    ids = add_images(boss, 3)
    jobs.enqueue(boss, queue, ids)
    lease = take(boss, queue, jobs.hold(boss))
    boss.execute("DELETE FROM blip.images WHERE image_id = %s", [ids[1]])
    assert jobs.complete(boss, lease, ids) == [ids[0], ids[2]]


def test_a_completed_image_cannot_be_deleted_before_its_results_are_in(
    boss: Connection, other: Connection, queue: Queue
) -> None:
    [id] = add_images(boss, 1)
    jobs.enqueue(boss, queue, [id])
    lease = take(boss, queue, jobs.hold(boss))
    other.execute("SET lock_timeout = '100ms'")
    with boss.transaction():
        jobs.complete(boss, lease, [id])
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute("DELETE FROM blip.images WHERE image_id = %s", [id])


def test_completing_and_opening_again_lock_in_one_order(
    boss: Connection, other: Connection, queue: Queue
) -> None:
    first, second = add_images(boss, 2)
    token = jobs.hold(boss)
    jobs.enqueue(boss, queue, [second])
    taken = take(boss, queue, token)
    late = jobs.enqueue(boss, queue, [first], token=token)  # behind it in the table and the index
    assert late is not None
    both = Lease(queue, token, (*late.image_ids, *taken.image_ids))
    with other.transaction():
        jobs.reopen(other, queue, [first])
        completing = threading.Thread(target=jobs.complete, args=[boss, both, [first, second]])
        completing.start()
        until = time.monotonic() + 10
        waits = "SELECT cardinality(pg_blocking_pids(%s)) > 0"
        while other.execute(waits, [boss.info.backend_pid]).fetchone() != (True,):
            assert time.monotonic() < until
            time.sleep(0.02)
        other.execute("SET LOCAL lock_timeout = '500ms'")
        jobs.reopen(other, queue, [second])
    completing.join()
    assert jobs.counts(boss, queue) == Counts(done=2)


def test_what_a_dead_worker_held_is_free_at_once_and_singly(
    ready: Settings, boss: Connection, queue: Queue
) -> None:
    ids = add_images(boss, 3)
    jobs.enqueue(boss, queue, ids)
    with connection.connect(ready.database_url(), autocommit=True) as dying:
        take(dying, queue, jobs.hold(dying))
        pid = dying.info.backend_pid
        token = jobs.hold(boss)
        assert jobs.lease(boss, queue, token, 10) is None, "its worker lives"
    wait_for_the_end_of(boss, pid)
    for _ in ids:
        assert len(take(boss, queue, token, 10).image_ids) == 1
    assert jobs.lease(boss, queue, token, 10) is None
    assert states(boss) == [("r", 2, None)] * 3


def test_workers_that_look_for_abandoned_jobs_at_once_all_find_some(
    ready: Settings, boss: Connection, other: Connection, queue: Queue
) -> None:
    """The second waits for the first instead of finding every row locked, and none free."""
    jobs.enqueue(boss, queue, add_images(boss, 2))
    with connection.connect(ready.database_url(), autocommit=True) as dying:
        pid = dying.info.backend_pid
        take(dying, queue, jobs.hold(dying))
    wait_for_the_end_of(boss, pid)
    tokens = jobs.hold(boss), jobs.hold(other)
    found: list[Lease | None] = []
    second = threading.Thread(target=lambda: found.append(jobs.lease(other, queue, tokens[1], 1)))
    with boss.transaction():
        found.append(jobs.lease(boss, queue, tokens[0], 1))
        second.start()
        time.sleep(0.2)
    second.join(10)
    assert None not in found
    assert len(found) == 2


def wait_for_the_end_of(conn: Connection, pid: int) -> None:
    """Until the server has noticed that a connection was closed."""
    while conn.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid]).rowcount:
        time.sleep(0.01)


def test_untried_jobs_go_first_and_together(boss: Connection, queue: Queue) -> None:
    ids = add_images(boss, 4)
    jobs.enqueue(boss, queue, ids)
    token = jobs.hold(boss)
    lease = take(boss, queue, token, 2)
    for id in lease.image_ids:
        jobs.fail(boss, lease, id, "the disk was busy")
    expire(boss)
    assert set(take(boss, queue, token, 9).image_ids) == set(ids) - set(lease.image_ids)
    assert len(take(boss, queue, token, 9).image_ids) == 1


def test_a_failed_job_waits_longer_each_time_and_is_parked_after_the_third(
    boss: Connection, queue: Queue
) -> None:
    [id] = add_images(boss, 1)
    jobs.enqueue(boss, queue, [id])
    token = jobs.hold(boss)
    for seconds in (10, 60):
        lease = take(boss, queue, token)
        jobs.fail(boss, lease, id, "no\0such file")
        with boss.cursor(row_factory=scalar_row) as cursor:
            cursor.execute("SELECT extract(epoch FROM run_after - updated_at)::int FROM blip.jobs")
            assert cursor.fetchone() == seconds
        assert jobs.lease(boss, queue, token, 1) is None
        expire(boss)
    jobs.fail(boss, take(boss, queue, token), id, "no such file")
    assert states(boss) == [("x", 3, "no such file")]
    expire(boss)
    assert jobs.lease(boss, queue, token, 1) is None
    assert jobs.counts(boss, queue) == Counts(parked=1)


def test_a_failure_for_good_is_parked_at_once(boss: Connection, queue: Queue) -> None:
    [id] = add_images(boss, 1)
    jobs.enqueue(boss, queue, [id])
    jobs.fail(boss, take(boss, queue, jobs.hold(boss)), id, "r" * 9999, for_good=True)
    assert states(boss) == [("x", 1, "r" * jobs.MAX_REASON)]


def test_poison_that_kills_its_workers_is_parked_with_a_reason(
    ready: Settings, boss: Connection, queue: Queue
) -> None:
    ids = add_images(boss, 2)
    jobs.enqueue(boss, queue, ids)
    for _ in range(jobs.MAX_DEATHS):
        with connection.connect(ready.database_url(), autocommit=True) as dying:
            pid = dying.info.backend_pid
            token = jobs.hold(dying)
            while lease := jobs.lease(dying, queue, token, 10):
                if ids[0] in lease.image_ids:
                    break
                jobs.complete(dying, lease, lease.image_ids)
        wait_for_the_end_of(boss, pid)
    while lease := jobs.lease(boss, queue, jobs.hold(boss), 10):
        assert lease.image_ids == (ids[1],)
        jobs.complete(boss, lease, lease.image_ids)
    assert states(boss)[0] == ("x", 5, "its worker died or hung in 5 attempts")
    assert states(boss)[1][0] == "d", "the other job of its first batch was not dragged along"


def test_a_worker_that_hangs_loses_its_jobs_at_the_deadline(
    boss: Connection, other: Connection, queue: Queue
) -> None:
    [id] = add_images(boss, 1)
    jobs.enqueue(boss, queue, [id])
    jobs.lease(boss, queue, jobs.hold(boss), 1, deadline=timedelta(milliseconds=1))
    boss.execute("SELECT pg_sleep(0.01)")
    assert take(other, queue, jobs.hold(other)).image_ids == (id,)


def test_a_released_lease_costs_no_attempt(boss: Connection, queue: Queue) -> None:
    ids = add_images(boss, 2)
    jobs.enqueue(boss, queue, ids)
    token = jobs.hold(boss)
    jobs.release(boss, take(boss, queue, token))
    assert states(boss) == [("p", 0, None)] * 2
    assert len(take(boss, queue, token).image_ids) == 2


def test_parked_and_delayed_jobs_begin_anew_on_request(boss: Connection, queue: Queue) -> None:
    ids = add_images(boss, 3)
    jobs.enqueue(boss, queue, ids)
    token = jobs.hold(boss)
    lease = take(boss, queue, token)
    jobs.fail(boss, lease, ids[0], "for good", for_good=True)
    jobs.fail(boss, lease, ids[1], "later")
    jobs.complete(boss, lease, [ids[2]])
    assert jobs.retry_parked(boss, queue) == 2
    assert take(boss, queue, token).image_ids == (ids[0], ids[1])


def test_counts_take_an_expired_lease_as_pending(boss: Connection, queue: Queue) -> None:
    jobs.enqueue(boss, queue, add_images(boss, 4))
    take(boss, queue, jobs.hold(boss), 3)
    assert jobs.counts(boss, queue) == Counts(pending=1, running=3)
    expire(boss)
    assert jobs.counts(boss, queue) == Counts(pending=4)


def test_stages_and_models_are_queues_of_their_own(
    boss: Connection, queue: Queue, ready: Settings
) -> None:
    [id] = add_images(boss, 1)
    captions = Queue(jobs.CAPTION, queue.model_id)
    jobs.enqueue(boss, queue, [id])
    token = jobs.hold(boss)
    assert jobs.lease(boss, captions, token, 1) is None
    jobs.enqueue(boss, captions, [id])
    jobs.complete(boss, take(boss, captions, token), [id])
    assert jobs.counts(boss, queue) == Counts(pending=1)
    assert jobs.counts(boss, captions) == Counts(done=1)


def test_the_reading_role_of_a_worker_suffices(
    ready: Settings, boss: Connection, queue: Queue
) -> None:
    """The grants of ``blip_worker`` are all that the queue needs."""
    ids = add_images(boss, 4)
    url = ready.database_url()
    with connection.connect(url, autocommit=True) as worker:
        worker.execute("SET ROLE blip_worker")
        token = jobs.hold(worker)
        jobs.enqueue(worker, queue, ids)
        jobs.enqueue_missing(worker, queue)
        lease = take(worker, queue, token)
        assert jobs.complete(worker, lease, ids[:1]) == ids[:1]
        jobs.fail(worker, lease, ids[1], "for good", for_good=True)
        jobs.release(worker, lease)
        jobs.free_abandoned(worker, queue)
        jobs.flush(worker)
        assert jobs.retry_parked(worker, queue) == 1
        assert jobs.counts(worker, queue) == Counts(pending=3, done=1)


@pytest.mark.slow
def test_many_workers_that_die_at_random_lose_and_double_nothing(
    ready: Settings, boss: Connection, queue: Queue
) -> None:
    """Each of three workers drops its connection in the middle of every fourth batch."""
    ids = add_images(boss, 400)
    jobs.enqueue(boss, queue, ids)
    done: list[UUID] = []

    def work(number: int) -> None:
        leases = 0
        while len(done) < len(ids):
            with connection.connect(ready.database_url(), autocommit=True) as conn:
                token = jobs.hold(conn)
                while lease := jobs.lease(conn, queue, token, 7):
                    leases += 1
                    if len(lease.image_ids) > 1 and leases % 4 == number:
                        break
                    with conn.transaction():
                        finished = jobs.complete(conn, lease, lease.image_ids)
                    done.extend(finished)
            time.sleep(0.01)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(done) == ids
    assert jobs.counts(boss, queue) == Counts(done=400)


def test_a_token_is_new_each_time(boss: Connection) -> None:
    assert jobs.hold(boss) not in (jobs.hold(boss), uuid4())


def test_a_flush_makes_what_others_committed_durable(boss: Connection, other: Connection) -> None:
    other.execute("SET synchronous_commit TO off")
    add_images(other, 1)
    with other.cursor(row_factory=scalar_row) as cursor:
        end = cursor.execute("SELECT pg_current_wal_insert_lsn()").fetchone()
    jobs.flush(boss)
    with boss.cursor(row_factory=scalar_row) as cursor:
        flushed = "SELECT pg_current_wal_flush_lsn() >= %s"
        assert cursor.execute(flushed, [end]).fetchone() is True
