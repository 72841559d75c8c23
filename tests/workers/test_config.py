"""Celery's settings. Each has its reason in `workers/config.py` and docs/workers.md: whoever
changes one meets this test, and should know the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from celery.app import defaults

from blipdb.database import jobs
from blipdb.work import stages
from blipdb.workers.app import app
from blipdb.workers.config import (
    POLL_SECONDS,
    RETRY_SECONDS,
    RUN_SECONDS,
    SETTINGS,
    TIME_LIMIT,
    VISIBILITY_TIMEOUT,
    queue_name,
    stage_of,
    transport_options,
)

PAGE = (Path(__file__).parents[2] / "docs" / "workers.md").read_text()
EXPECTED = {
    "task_default_queue": "blipdb.encode",
    "task_create_missing_queues": False,
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "task_acks_on_failure_or_timeout": True,
    "worker_prefetch_multiplier": 1,
    "task_time_limit": 600,
    "visibility_timeout": 900,
    "result_backend_transport_options": {"visibility_timeout": 900},
    "task_ignore_result": True,
    "task_default_delivery_mode": "transient",
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "worker_enable_prefetch_count_reduction": False,
    "worker_soft_shutdown_timeout": 10.0,
    "task_serializer": "json",
    "accept_content": ["json"],
    "worker_send_task_events": True,
}
UNSAID = {"task_default_queue", "result_backend_transport_options", "visibility_timeout"}


def test_settings_are_what_their_reasons_ask_for() -> None:
    assert {name: app.conf[name] for name in EXPECTED} == EXPECTED
    assert SETTINGS.keys() == EXPECTED.keys() | {"task_queues"}


def test_each_has_its_reason_on_the_page() -> None:
    said = [name for name in EXPECTED.keys() - UNSAID if f"`{name}`" not in PAGE]
    assert said == []
    for option in ("visibility_timeout", "result_backend_transport_options", "task_queues"):
        assert f"`{option}`" in PAGE
    for broker in ("redis://h/0", "amqp://h//"):
        for option in transport_options(broker).keys() - {"socket_connect_timeout"}:
            assert f"`{option}`" in PAGE


def test_celery_knows_each_of_them() -> None:
    """Celery ignores a name that it doesn't know, silently."""
    known = {name for name, _ in defaults.flatten(defaults.NAMESPACES)}
    assert SETTINGS.keys() - known == {"visibility_timeout"}  # kombu's, and undocumented


def test_brokers_are_told() -> None:
    for url in ("redis://h:6379/0", "rediss://h/0", "redis+socket:///run/redis.sock"):
        assert transport_options(url) == {
            "visibility_timeout": 900,
            "queue_order_strategy": "round_robin",
            "socket_keepalive": True,
            "health_check_interval": 10,
            "socket_connect_timeout": 5,
        }
    assert transport_options("amqp://h//") == {"confirm_publish": True}


def test_a_lease_outlives_no_process_and_a_message_outlives_every_shift() -> None:
    assert jobs.DEADLINE.total_seconds() == TIME_LIMIT < VISIBILITY_TIMEOUT
    assert RUN_SECONDS <= 10
    assert RETRY_SECONDS <= POLL_SECONDS <= 10


def test_each_stage_has_a_queue_of_its_own() -> None:
    assert [queue.name for queue in app.conf.task_queues] == list(map(queue_name, stages.WORK))
    assert [queue.routing_key for queue in app.conf.task_queues] == [
        queue.name for queue in app.conf.task_queues
    ]
    assert {queue.exchange.name for queue in app.conf.task_queues} == {"blipdb"}


@pytest.mark.parametrize(
    ("queue", "stage"),
    [
        ("blipdb.encode", "encode"),
        ("encode", None),
        ("blipdb.other", None),
        ("blipdb.write", None),
    ],
)
def test_the_stage_of_a_queue(queue: str, stage: str | None) -> None:
    assert stage_of(queue) == stage
