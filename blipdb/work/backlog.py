"""Missing results of stages: enqueued for the images that lack them, and run here or by workers."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from .. import registry
from ..database import connection, jobs, requirements
from ..database.failures import translate
from ..database.jobs import Counts, Queue
from ..errors import ModelError, UsageError
from ..registry import Model
from ..settings import Settings
from ..types import Connection
from . import attachments, executors
from . import stages as registered
from .context import Outcome
from .executors import Executor, Notify, Show


@dataclass(frozen=True)
class Line:
    """A queue after a call."""

    stage: str
    model: str

    added: int
    """Jobs that the call enqueued or reopened."""

    done: int
    """Jobs done meanwhile."""

    waiting: int
    parked: int


def run(
    settings: Settings,
    stages: Sequence[str] = (),
    *,
    model: str | None = None,
    space: str | None = None,
    notify: Notify | None = None,
    wait: bool = True,
    show: Show = lambda _: None,
) -> list[Line]:
    """Enqueue and run the jobs that images lack at these stages; without stages, run those that are
    due at all of them.

    Args:
        settings: where the database and the models are.
        stages: names of stages.
        model: by name or digest; else the active one in the role that a stage needs.
        space: only its images; else everybody's.
        notify: as for `blipdb.ingest.run.ingest`.
        wait: as for `blipdb.ingest.run.ingest`.
        show: called as work proceeds.

    Raises:
        UsageError: there is no such stage or model, or it can't have the role.
        ModelError: no model is active in the role, or its files are missing or altered.
        DatabaseError: the database is gone, full, or not one of this version.
    """
    _require_stages(stages)
    with translate(), ExitStack() as stack:
        conn = _connected(settings, stack)
        before = jobs.all_counts(conn)
        added = {}
        for stage in set(stages) - {jobs.ATTACH}:
            queue = Queue(stage, _model(conn, stage, model).model_id)
            added[queue] = registered.enqueue_missing(conn, queue, space=space)
        executor = executors.choose(settings, conn, stack, notify, show, wait=wait)
        return _drain(conn, executor, stages or registered.WORK, before, added)


def retry(
    settings: Settings,
    stages: Sequence[str] = (),
    *,
    notify: Notify | None = None,
    wait: bool = True,
    show: Show = lambda _: None,
) -> list[Line]:
    """Requeue parked and delayed jobs, and run them. Raises as `run` does."""
    _require_stages(stages)
    stages = stages or registered.WORK
    with translate(), ExitStack() as stack:
        conn = _connected(settings, stack)
        queues = [queue for queue in jobs.all_counts(conn) if queue.stage in stages]
        added = {queue: jobs.retry_parked(conn, queue) for queue in queues}
        if jobs.ATTACH in stages:
            attachments.retry(conn)
        before = jobs.all_counts(conn)
        executor = executors.choose(settings, conn, stack, notify, show, wait=wait)
        return _drain(conn, executor, stages, before, added, lacking=False)


def _require_stages(stages: Sequence[str]) -> None:
    if wrong := [stage for stage in stages if stage not in registered.WORK]:
        raise UsageError(
            f"There is no stage {', '.join(wrong)}; there are {', '.join(registered.WORK)}."
        )


def _connected(settings: Settings, stack: ExitStack) -> Connection:
    conn = stack.enter_context(connection.connect_pinned(settings.database_url(), autocommit=True))
    requirements.check(conn)
    return conn


def _model(conn: Connection, stage: str, name: str | None) -> Model:
    roles = registered.get(stage).roles
    if name is not None:
        model = registry.find(conn, name)
        if set(roles).isdisjoint(model.roles):
            raise UsageError(
                f"The model {model.name} can't {stage}: that needs the role {' or '.join(roles)},"
                f" and it can be {', '.join(model.roles)}.",
                _able(conn, stage),
            )
        if registered.get(stage).caption_column and roles[0] not in model.active:
            raise UsageError(
                f"The model {model.name} is not active as {roles[0]}: captions have the results of"
                " one model, and workers would replace those of another.",
                f"Have it {stage} all captions with: blipdb models activate {model.name}"
                f" --role {roles[0]}",
            )
        return model
    for role in roles:
        try:
            return registry.active(conn, role)
        except ModelError:
            continue
    return registry.active(conn, roles[0])


def _able(conn: Connection, stage: str) -> str:
    """Return the command that helps where a model can't do a stage."""
    roles = registered.get(stage).roles
    able = [model for model in registry.models(conn) if not set(roles).isdisjoint(model.roles)]
    if not able:
        return registry.ADD
    active = [model for model in able if not set(roles).isdisjoint(model.active)]
    if active:
        return f"The model {active[0].name} does that: blipdb run {stage}"
    return f"Have another do it: blipdb models activate {able[-1].name} --role {roles[0]}"


def _drain(
    conn: Connection,
    executor: Executor,
    stages: Sequence[str],
    before: dict[Queue, Counts],
    added: dict[Queue, int],
    *,
    lacking: bool = True,
) -> list[Line]:
    attached = executor.attach() if jobs.ATTACH in stages else 0
    outcomes: dict[Queue, Outcome] = {}
    for stage in registered.ORDER:
        if stage in stages:
            outcomes |= executors.drain_stage(conn, executor, stage, before, lacking=lacking)
    jobs.flush(conn)
    names = {model.model_id: model.name for model in registry.models(conn)}
    rows = attachments.counts(conn)
    lines = [Line(jobs.ATTACH, "", 0, attached, rows.left, rows.parked)]
    return (lines if attached or rows.left else []) + [
        Line(
            queue.stage,
            names[queue.model_id],
            added.get(queue, 0),
            outcomes.get(queue, Outcome()).done,
            counts.left,
            counts.parked,
        )
        for queue, counts in jobs.all_counts(conn).items()
        if queue in outcomes or added.get(queue)
    ]
