"""Prometheus metrics of this worker's jobs and of the queues, at http://BLIPDB_METRICS/metrics.

A worker's processes count in files of one folder, which its first process makes and removes.
Queues are counted in the database at each request.
"""

from __future__ import annotations

import atexit
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

LISTEN = "BLIPDB_METRICS"
FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # which prometheus_client reads when it is imported


def _clear(folder: str, owner: int) -> None:
    if os.getpid() == owner:  # and no process that it forked
        shutil.rmtree(folder, ignore_errors=True)


if os.environ.get(LISTEN) and FOLDER not in os.environ:
    os.environ[FOLDER] = tempfile.mkdtemp(prefix="blipdb-metrics-")
    atexit.register(_clear, os.environ[FOLDER], os.getpid())

# ruff: noqa: E402
from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from blipdb import registry, settings
from blipdb.database import connection, jobs
from blipdb.errors import DatabaseError, UsageError
from blipdb.work import attachments
from blipdb.work.runner import StageRun

log = logging.getLogger(__name__)

_jobs = Counter("blipdb_jobs_run", "Jobs that this worker ended", ["stage", "outcome"])
_seconds = Histogram(
    "blipdb_shift_seconds",
    "How long a message kept a process",
    ["stage"],
    buckets=(0.1, 0.5, 1, 2.5, 5, 7.5, 10, 30, 60, 300),
)


@contextmanager
def timed(stage: str) -> Iterator[None]:
    """Count a run of a stage and its seconds."""
    with _seconds.labels(stage).time():
        yield


def count(stage: str, run: StageRun) -> None:
    """Count the jobs of a run, and its rows of attached tables."""
    if run.rows:
        _jobs.labels(stage, "done").inc(run.rows)
    for outcome in run.outcomes.values():
        for name in ("done", "failed", "lost"):
            _jobs.labels(stage, name).inc(getattr(outcome, name))


def serve() -> None:
    """Serve metrics at the address in BLIPDB_METRICS, if it is set.

    Raises:
        UsageError: the address is not HOST:PORT or PORT, or nothing can listen there.
    """
    if not (place := os.environ.get(LISTEN)):
        return
    host, _, port = place.rpartition(":")
    shown = CollectorRegistry()
    MultiProcessCollector(shown, os.environ[FOLDER])
    shown.register(_Queues())
    try:
        start_http_server(int(port), host.strip("[]") or "127.0.0.1", registry=shown)
    except (ValueError, OSError, OverflowError) as error:
        raise UsageError(
            f"{LISTEN} is {place!r}, where nothing can listen: {error}.",
            f"As in: {LISTEN}=127.0.0.1:9464",
        ) from error
    log.info("metrics at http://%s/metrics", place)


class _Queues(Collector):
    """Collector of the number of jobs in each state, in the whole database."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        reached = GaugeMetricFamily("blipdb_database_up", "Whether the database could be asked")
        found = GaugeMetricFamily(
            "blipdb_jobs", "Jobs in the database", labels=["stage", "model", "state"]
        )
        try:
            with connection.connect_pinned(settings.load().database_url()) as conn:
                names = {model.model_id: model.name for model in registry.models(conn)}
                counts = {
                    (queue.stage, names[queue.model_id]): counts
                    for queue, counts in jobs.all_counts(conn).items()
                }
                counts[jobs.ATTACH, ""] = attachments.counts(conn)
                for queue, numbers in counts.items():
                    for state, number in vars(numbers).items():
                        found.add_metric([*queue, state], number)
        except DatabaseError:
            reached.add_metric([], 0)
        else:
            reached.add_metric([], 1)
            yield found
        yield reached
