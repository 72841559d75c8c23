"""What Celery must be told, and why. A test names each of these: change one, and it asks why."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from kombu.entity import Exchange, Queue

from blipdb.database import jobs

SHIFT_SECONDS = 5.0
"""How long a message keeps a process at a stage: then it asks again, so that other stages get
their turn, and a process that is to end has not long to go."""

TIME_LIMIT = int(jobs.DEADLINE.total_seconds())
"""Of a message, in seconds. A process that hangs is killed when its lease runs out anyway: it must
not come back to life beside whoever took over."""

VISIBILITY_TIMEOUT = TIME_LIMIT + 300
"""Redis gives a message to another worker that was not acknowledged for so long. Shorter than the
longest message, and every long one would be run twice."""

LOOK_SECONDS = 5.0
"""Between a worker's looks into the database for work that nobody rang for."""

AGAIN_SECONDS = 1.0
"""Between its looks while the database or the broker does not answer. What was at work then has
ended without ringing, so nobody but the caretaker begins it again."""


def queue_name(stage: str) -> str:
    """With a prefix, so that a broker can be shared."""
    return f"blipdb.{stage}"


def stage_of(queue: str) -> str | None:
    """The stage whose queue this is; None for a queue of somebody else's."""
    stage = queue.removeprefix("blipdb.")
    return stage if stage != queue and stage in jobs.WORK else None


SETTINGS: dict[str, Any] = {
    # A queue for each stage: -Q chooses, and one stage's messages don't stand before another's.
    # Without a key of its own, each would get every other's messages.
    "task_queues": [
        Queue(queue_name(stage), Exchange("blipdb"), queue_name(stage)) for stage in jobs.WORK
    ],
    "task_default_queue": queue_name(jobs.ENCODE),
    "task_create_missing_queues": False,  # a name mistyped after -Q is an error, and no new queue
    # Acknowledged when done: what a dead process had rung for is rung for again, at once.
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,  # acks_late alone acknowledges for a child that was killed
    # A shift that failed is over all the same. Given back, it would come again without a pause:
    # retries are for jobs, which count their attempts; the caretaker rings for them.
    "task_acks_on_failure_or_timeout": True,
    # One message a process. More would lie there while another worker has nothing to do.
    "worker_prefetch_multiplier": 1,
    "task_time_limit": TIME_LIMIT,
    # The three places where a visibility timeout is read: the shortest of all clients' wins.
    "visibility_timeout": VISIBILITY_TIMEOUT,
    "result_backend_transport_options": {"visibility_timeout": VISIBILITY_TIMEOUT},
    # (the third is in `transport_options`)
    "task_ignore_result": True,  # results are rows
    # Messages need not survive a broker: the database does. So the broker's disk is left alone.
    "task_default_delivery_mode": "transient",
    # Forever: the default gives up after 100 attempts and leaves a worker that does nothing.
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    # What runs goes on without the broker, and finishes in the database.
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    # After a lost connection Celery takes fewer messages until it knows the old ones to be done;
    # ours can't be done twice.
    "worker_enable_prefetch_count_reduction": False,
    # SIGTERM waits for shifts, which end at their next batch; SIGQUIT for so many seconds.
    "worker_soft_shutdown_timeout": 10.0,
    # A message is a stage's name. Nothing is ever unpickled.
    "task_serializer": "json",
    "accept_content": ["json"],
    # `celery events` and Flower see all without further options.
    "worker_send_task_events": True,
}


def transport_options(broker: str) -> dict[str, Any]:
    """What the broker's client is told, by the scheme of the broker's URL."""
    if urlsplit(broker).scheme.startswith(("redis", "valkey", "sentinel")):
        return {
            "visibility_timeout": VISIBILITY_TIMEOUT,
            "queue_order_strategy": "round_robin",  # else the first queue starves the others
            # A connection that died without a word is noticed, and not waited on for ever.
            "socket_keepalive": True,
            "health_check_interval": 10,
            "socket_connect_timeout": 5,
        }
    return {"confirm_publish": True}  # else a message to a broker that is dying counts as sent
