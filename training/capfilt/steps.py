"""Steps of CapFilt, each by itself: workers and experiments call them as the loop does.

A killed step is resumed: training at its last checkpoint, writing and judging at unfinished jobs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import torch
from tokenizers import Tokenizer

from blipdb import registry
from blipdb.database import connection, jobs
from blipdb.database.failures import translate
from blipdb.database.jobs import Counts, Queue
from blipdb.errors import BlipdbError, UsageError
from blipdb.model.writing import USUAL, Writing
from blipdb.registry import Model
from blipdb.settings import Settings
from blipdb.types import Connection
from blipdb.work import stages
from blipdb.work.context import Outcome
from blipdb.work.executors import LocalExecutor, Progress

from ..evaluation.tasks.progress import Show, silent
from ..export import export
from ..pretrain import Weights, pretrain
from ..run.config import Config


class CapFiltError(BlipdbError):
    """A corpus or a model with which CapFilt can't continue."""


def train_on(
    settings: Settings,
    captions: str,
    config: Config,
    tokenizer: Tokenizer,
    folder: Path,
    device: torch.device,
    weights: Weights,
    show: Callable[[int, int], None] | None = None,
    space: str | None = None,
) -> Path:
    """Train on the database's captions, "all", "kept" or "human", in constant memory; returns the
    weights' file. The captions are those that there were when it was begun. show: see `pretrain`.
    space: whose images; None: everybody's.

    Raises:
        DataError: there are none.
        CheckpointError, FloatingPointError: see `Trainer`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / "captions.index"
    data = {
        "kind": "database",
        "url": settings.database_url(),
        "index": str(index),
        "captions": captions,
        **({} if space is None else {"space": space}),
    }
    pretrain(replace(config, data=(data,)), tokenizer, folder, device, weights, show=show)
    return folder / "weights.safetensors"


def register_run(
    settings: Settings, run: Path, name: str, knows: str, roles: Sequence[str]
) -> Model:
    """Register a run's model under its roles. It does not become active, and no image is encoded
    for it. Safe to repeat.

    Raises:
        ModelError: the run holds no model for these roles.
    """
    artifact = export(run, run / "model", name=name, knows=knows, roles=roles)
    with connection.connect_pinned(settings.database_url(), autocommit=True) as conn:
        return registry.register(conn, settings, artifact.folder, roles=())


def model_for(conn: Connection, step: str, name: str) -> Model:
    """Find a registered model for the step "captioner" or "filter".

    Raises:
        UsageError: there is none of that name, or it is of another role.
    """
    model = registry.find(conn, name)
    if step not in model.roles:
        raise UsageError(
            f"The model {model.name} can't be a {step}: its roles are {', '.join(model.roles)}.",
            f"Choose one with the role {step}: blipdb models list",
        )
    return model


def write(
    settings: Settings,
    model: Model,
    writing: Writing,
    *,
    space: str = "",
    show: Show = silent,
) -> Outcome:
    """Write a synthetic caption for each image without one by people.

    Raises:
        CapFiltError: this captioner has written there in another way.
        ModelError: its files are missing or altered.
        DatabaseError: the database is gone or full; what was written stays.
    """
    queue = Queue(jobs.WRITE, model.model_id)
    with translate(), connection.connect_pinned(settings.database_url(), autocommit=True) as conn:
        _require_same(conn, model, writing)
        conn.execute(
            """
            INSERT INTO blip.jobs (image_id, stage, model_id)
            SELECT i.image_id, %s, %s FROM blip.images i
            WHERE i.space = %s AND NOT EXISTS (
                SELECT FROM blip.captions c
                WHERE c.image_id = i.image_id AND c.origin = 'human')
            ON CONFLICT DO NOTHING
            """,
            [queue.stage, queue.model_id, space],
        )
        return _drain(conn, settings, model, queue, "writing captions", show, writing)


def _require_same(conn: Connection, model: Model, writing: Writing) -> None:
    rows = conn.execute(
        "SELECT DISTINCT decoding FROM blip.captions WHERE model_id = %s", [model.model_id]
    ).fetchall()
    if other_options := [row[0] for row in rows if row[0] != writing.to_dict()]:
        raise CapFiltError(
            f"{model.name} has written captions here with {other_options[0]}, and was to go on"
            f" with {writing.to_dict()}.",
            f"Delete the captions with model_id {model.model_id} from blip.captions, and their jobs"
            " from blip.jobs.",
        )


def judge(settings: Settings, model: Model, *, space: str = "", show: Show = silent) -> Outcome:
    """Score every caption that this filter has not judged, by ITC and ITM; people's too, which are
    always kept. Makes it the active filter: a database has only one.

    Raises:
        ModelError, DatabaseError: as `write`.
    """
    queue = Queue(jobs.SCORE, model.model_id)
    with translate(), connection.connect_pinned(settings.database_url(), autocommit=True) as conn:
        if registry.FILTER not in registry.find(conn, model.digest).active:
            registry.activate(conn, model.digest, [registry.FILTER])
        stages.enqueue_missing(conn, queue, space=space)
        return _drain(conn, settings, model, queue, "judging captions", show)


def _drain(
    conn: Connection,
    settings: Settings,
    model: Model,
    queue: Queue,
    words: str,
    show: Show,
    writing: Writing = USUAL,
) -> Outcome:
    def report(progress: Progress) -> None:
        show(words, progress.done, progress.total)

    with ExitStack() as stack:
        outcome = LocalExecutor(settings, conn, stack, report, writing=writing).drain(
            queue, model, Counts()
        )
    jobs.flush(conn)
    return outcome
