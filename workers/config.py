"""Settings of Celery, with their reasons. A test names each, so that none changes unseen."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from kombu.entity import Exchange, Queue

from blipdb.database import jobs
from blipdb.work import stages

RUN_SECONDS = 5.0
"""Seconds for which a message keeps a process at a stage. Then it sends another, so that other
stages get their turn, and a process that is to end does so soon."""

TIME_LIMIT = int(jobs.DEADLINE.total_seconds())
"""Seconds after which the process of a message is killed: when its lease expires, so that a process
that hung can't go on beside the worker that took over."""

VISIBILITY_TIMEOUT = TIME_LIMIT + 300
"""Seconds after which Redis delivers an unacknowledged message to another worker. If this were less
than TIME_LIMIT, long ones would run twice."""

POLL_SECONDS = 5.0
"""Between a caretaker's looks into the database for work without a message."""

RETRY_SECONDS = 1.0
"""Between its looks while the database or the broker does not answer. Runs have then ended without
sending a message, so that only the caretaker starts them again."""


def queue_name(stage: str) -> str:
    """Return the name of a stage's queue, with a prefix so that a broker can be shared."""
    return f"blipdb.{stage}"


def stage_of(queue: str) -> str | None:
    """Return the stage of a queue, None for a queue of another application."""
    stage = queue.removeprefix("blipdb.")
    return stage if stage != queue and stage in stages.WORK else None


SETTINGS: dict[str, Any] = {
    # A queue for each stage: -Q chooses, and no stage's messages wait behind another's. Without a
    # routing key of its own, each queue would get all messages.
    "task_queues": [
        Queue(queue_name(stage), Exchange("blipdb"), queue_name(stage)) for stage in stages.WORK
    ],
    "task_default_queue": queue_name(jobs.ENCODE),
    "task_create_missing_queues": False,  # a mistyped name after -Q is an error, not a new queue
    # Acknowledged when done: the message of a dead process is redelivered at once.
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,  # acks_late alone acknowledges for a child that was killed
    # A run that failed is acknowledged too. Otherwise it would be redelivered without a pause:
    # retries are for jobs, which count their attempts, and the caretaker notifies of them.
    "task_acks_on_failure_or_timeout": True,
    # One message for each process. More would wait here while another worker is idle.
    "worker_prefetch_multiplier": 1,
    "task_time_limit": TIME_LIMIT,
    # A visibility timeout is read in three places, and the shortest one of all clients applies.
    "visibility_timeout": VISIBILITY_TIMEOUT,
    "result_backend_transport_options": {"visibility_timeout": VISIBILITY_TIMEOUT},
    # (the third is in `transport_options`)
    "task_ignore_result": True,  # results are rows
    # Messages need not survive a restart of the broker: jobs are in the database.
    "task_default_delivery_mode": "transient",
    # Reconnect forever: by default Celery gives up after 100 attempts, and its worker does nothing.
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    # Runs go on without the broker, and finish in the database.
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    # After a lost connection Celery takes fewer messages until the old ones are done, so that none
    # is run twice. Jobs can't be.
    "worker_enable_prefetch_count_reduction": False,
    # SIGTERM waits for runs, which end at their next batch; SIGQUIT waits for so many seconds.
    "worker_soft_shutdown_timeout": 10.0,
    # A message is a stage's name. Nothing is ever unpickled.
    "task_serializer": "json",
    "accept_content": ["json"],
    # `celery events` and Flower work without further options.
    "worker_send_task_events": True,
}


def transport_options(broker: str) -> dict[str, Any]:
    """Return options of the broker's client, by the scheme of the broker's URL."""
    if urlsplit(broker).scheme.startswith(("redis", "valkey", "sentinel")):
        return {
            "visibility_timeout": VISIBILITY_TIMEOUT,
            "queue_order_strategy": "round_robin",  # else the first queue starves the others
            # A connection that died silently is noticed, and not waited on forever.
            "socket_keepalive": True,
            "health_check_interval": 10,
            "socket_connect_timeout": 5,
        }
    return {"confirm_publish": True}  # else a message to a dying broker counts as sent
