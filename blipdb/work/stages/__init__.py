"""The stages of work on images.

A stage is an object with its name, roles, graphs, missing images, batch size, and `run`. To add
one, write its module and list the object in `_ALL`.
"""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter
from uuid import UUID

from ...database import jobs
from ...database.jobs import Lease, Queue
from ...types import Connection
from ..context import Outcome, Pixels, StageContext
from .base import Stage
from .caption import Caption
from .encode import Encode
from .score import Score
from .text import Text
from .write import Write

_ALL: tuple[Stage, ...] = (Encode(), Text(), Caption(), Score(), Write())
_BY_NAME = {stage.name: stage for stage in _ALL}

NAMES = tuple(stage.name for stage in _ALL if stage.shared)
"""Stages that any worker runs."""

WORK = (jobs.ATTACH, *NAMES)
"""All that workers and commands may be asked to do: stages, and linking rows of attached tables."""


def _in_order() -> tuple[str, ...]:
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(NAMES, ()))
    for name in NAMES:
        for fed in _BY_NAME[name].feeds:
            sorter.add(fed, name)
    return tuple(sorter.static_order())


ORDER = _in_order()
"""`NAMES` in an order in which a stage comes after those that feed it."""


def get(name: str) -> Stage:
    """Return a stage by its name."""
    return _BY_NAME[name]


def run(
    context: StageContext, lease: Lease, pixels: Mapping[UUID, Pixels] | None = None
) -> Outcome:
    """Run leased jobs and close them, their results in the same transaction.

    ``pixels`` (uint8 [S, S, 3]) of images that are decoded already save reading them again.

    Raises:
        BlipdbError, psycopg.Error: an error that no other job would survive either; the lease was
            given back.
    """
    try:
        return get(lease.queue.stage).run(context, lease, pixels or {})
    except BaseException:
        context.give_back(lease)
        raise


def run_due(context: StageContext, queue: Queue) -> Outcome | None:
    """Lease as many jobs as one transaction should hold, and run them. None if none is due."""
    size = get(queue.stage).batch_size(context.model, context.writing)
    lease = jobs.lease(context.conn, queue, context.token, size)
    return run(context, lease) if lease else None


def enqueue_missing(conn: Connection, queue: Queue, *, space: str | None = None) -> int:
    """Enqueue a job for each image (of one space, or of all) that lacks the queue's result. Return
    how many were added or reopened."""
    return jobs.enqueue_missing(conn, queue, missing=get(queue.stage).missing, space=space)


def open_queues(conn: Connection, *, due: bool = False) -> list[Queue]:
    """List the queues that have open jobs, or with ``due`` only those with one that could be leased
    now."""
    return jobs.queues(conn, NAMES, due=due)
