"""Ingest of files: they are found, compared by stat, read, decoded, stored and encoded.

The new content of a changed file is a new image, and the file moves to it; the old image stays,
with its results. A file that was refused for its content is reported again without another attempt
while it stays the same, unless a retry is asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import cast
from uuid import UUID

from psycopg import errors as pg_errors

from .. import registry
from ..database import captions as texts_of
from ..database import catalog, connection, jobs, requirements
from ..database.failures import translate
from ..database.jobs import Counts, Queue
from ..errors import ModelError
from ..images.limits import Limits
from ..registry import Model
from ..settings import Settings
from ..sources import captions as sidecars
from ..sources import files as sources
from ..sources.captions import Captions
from ..sources.files import Listing
from ..sources.records import Caption, Failure, SourceFile
from ..types import Connection
from ..work import executors
from ..work.executors import Executor, Notify, Progress, Show
from .intake import Encoding, Enqueueing, Intake, Place

LOOK_UP = 10_000  # files compared in one statement


@dataclass
class Report:
    """Results of an ingest.

    ``added`` counts new images, ``duplicates`` new or changed files with content that was there
    already. ``encoded`` and ``captioned`` count jobs, other callers' among them; ``parked``
    those that were given up meanwhile; ``waiting`` is what the queues hold now. ``model`` encodes
    for search, and it ``knows`` just that; others that caption or answer encode too, uncounted.
    Of the captions that were written meanwhile, ``judge`` (the active filter) has scored
    ``judged``, and would keep ``kept``. ``unscored`` counts all captions that lack its scores.
    """

    model: str
    knows: str
    found: int = 0
    added: int = 0
    unchanged: int = 0
    duplicates: int = 0
    captions: int = 0
    encoded: int = 0
    captioned: int = 0
    judge: str | None = None
    judged: int = 0
    kept: int = 0
    unscored: int = 0
    waiting: int = 0
    parked: int = 0
    failed: list[Failure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        return 1 if self.failed or self.parked else 0


def ingest(
    settings: Settings,
    paths: Sequence[str | Path] | Listing,
    *,
    space: str = "",
    captions: Sequence[str | Path] = (),
    caption: bool = False,
    store_content: bool = False,
    retry: bool = False,
    scores: bool = True,
    notify: Notify | None = None,
    wait: bool = True,
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Store the images at ``paths`` in the database, and have them encoded.

    Args:
        settings: the database, and the home that holds the models.
        paths: folders, files, globs, URLs, or ``-`` for a list on standard input; or the files
            that `sources.files.find` has found by them.
        space: the tenant that owns the images.
        captions: tables of captions (CSV, JSON, JSONL).
        caption: have the captioner write one for each image, too.
        store_content: keep the files' bytes in the database.
        retry: retry refused files and parked jobs.
        scores: have the captions scored now.
        notify: leave the work to workers elsewhere, which this notifies that a stage has some.
        wait: with ``notify``, until they are done.
        progress: called from this thread.

    Raises:
        UsageError: paths or tables that can't be used; nothing was changed.
        ModelError: no model is active, or its files are missing or altered.
        DatabaseError, SetupError: the database is gone, full, or not one of this version.
    """
    begin = time.monotonic()
    found = paths if isinstance(paths, Listing) else sources.find(paths)
    texts = sidecars.gather([file.uri for file in found.files], captions)
    with translate(), ExitStack() as opened:
        url = settings.database_url()
        conn = opened.enter_context(connection.connect_pinned(url, autocommit=True))
        requirements.check(conn)
        show = progress or (lambda _: None)
        executor = executors.choose(settings, conn, opened, notify, show, wait=wait, scores=scores)
        run = _Ingest(conn, space, executor, show)
        run.take_in(found, texts, store_content=store_content, retry=retry)
        run.encode_rest(retry=retry)
        if caption:
            run.caption([file.uri for file in found.files], retry=retry)
        run.judge(scores=scores)
        run.finish()
        run.report.seconds = time.monotonic() - begin
        return run.report


class _Ingest:
    """Steps of one call of `ingest`, and their shared state."""

    def __init__(self, conn: Connection, space: str, executor: Executor, show: Show) -> None:
        self._conn = conn
        self._space = space
        self._executor = executor
        self._show = show
        self._model = registry.active(conn, "retrieval")
        self._others = [
            model
            for model in registry.models(conn)
            if model.encodes and model.model_id != self._model.model_id
        ]
        self._queues = [model.encoding for model in (self._model, *self._others)]
        self._begun = jobs.all_counts(conn)
        self._began = _now(conn)
        self._before = {queue: self._begun.get(queue, Counts()) for queue in self._queues}
        self.report = Report(self._model.name, self._model.knows)

    def take_in(
        self, listing: Listing, texts: Captions, *, store_content: bool, retry: bool
    ) -> None:
        """Store and encode new files among those found, and store captions of the others."""
        report = self.report
        report.found = len(listing.files) + len(listing.failures)
        report.warnings += texts.warnings
        report.failed += listing.failures
        catalog.add_failures(self._conn, self._space, listing.failures)
        changed = list(self._changed(listing.files, texts, retry=retry))
        if not changed:
            return
        failed = 0
        place = Place(self._conn, self._space, texts, store_content, self._queues)
        for step in self._intake(place).run(changed):
            report.added += step.added
            report.duplicates += step.duplicates
            report.captions += step.captions
            report.encoded += step.jobs.done
            report.failed += step.failed
            failed += len(step.failed)
            done = report.added + report.duplicates + failed
            self._show(Progress("ingest", done, len(changed), failed))

    def _intake(self, place: Place) -> Intake:
        workers = self._executor.open_pool(self._model.encoding, self._model)
        if workers is None:
            return Enqueueing(place, Limits().bytes)
        return Encoding(place, workers)

    def _changed(
        self, files: Sequence[SourceFile], texts: Captions, *, retry: bool
    ) -> Iterator[SourceFile]:
        """Yield new and changed files; of the others, report failures again."""
        for start in range(0, len(files), LOOK_UP):
            some = files[start : start + LOOK_UP]
            states = catalog.file_states(self._conn, self._space, [file.uri for file in some])
            captions: dict[UUID, list[Caption]] = {}
            for file in some:
                same = [last for last in states.get(file.uri, ()) if last.matches(file)]
                last = same[0] if same else None
                if last is None or (last.image_id is None and retry):
                    yield file
                elif last.image_id is None:
                    self.report.failed.append(Failure(file.uri, last.reason or "", *file[1:]))
                else:
                    self.report.unchanged += 1
                    beside = texts.by_uri.get(file.uri, [])
                    captions.setdefault(last.image_id, []).extend(beside)
            self.report.captions += catalog.add_captions(self._conn, captions)

    def encode_rest(self, *, retry: bool) -> None:
        """Run jobs enqueued by others: blip_add, an ingest that was killed, a retry."""
        if retry:
            for queue in self._queues:
                self._retry_parked(queue)
        self.report.encoded += self._drain(self._model.encoding, self._model)
        for model in self._others:
            self._drain(model.encoding, model)

    def caption(self, uris: Sequence[str], *, retry: bool) -> None:
        """Write a caption for every image among the files."""
        model = registry.active(self._conn, "captioner")
        queue = model.captioning
        self._before[queue] = self._begun.get(queue, Counts())  # workers may have done some since
        for start in range(0, len(uris), LOOK_UP):
            some = uris[start : start + LOOK_UP]
            jobs.enqueue(self._conn, queue, catalog.image_ids(self._conn, self._space, some))
        if retry:
            self._retry_parked(queue)
        self.report.captioned += self._drain(queue, model)

    def judge(self, *, scores: bool) -> None:
        """Compute the vectors and scores that captions lack. If that can't be done here, the images
        are stored all the same, and the captions wait for others."""
        active = texts_of.active(self._conn)
        for queue in active.queues(scores=scores):
            self._before.setdefault(queue, self._begun.get(queue, Counts()))
            try:
                executors.drain_stage(self._conn, self._executor, queue.stage, self._before)
            except ModelError as error:
                self.report.warnings.append(f"captions wait at the stage {queue.stage}: {error}")
        if active.filter is None:
            return
        names = {model.model_id: model.name for model in registry.models(self._conn)}
        self.report.judge = names[active.filter]
        self.report.unscored = texts_of.waiting(self._conn, Queue(jobs.SCORE, active.filter))
        if self.report.captioned:
            written = texts_of.judged(self._conn, active.filter, self._began)
            self.report.judged, self.report.kept = written

    def _retry_parked(self, queue: Queue) -> None:
        jobs.retry_parked(self._conn, queue)
        self._before[queue] = replace(self._before[queue], parked=0)

    def _drain(self, queue: Queue, model: Model) -> int:
        return self._executor.drain(queue, model, self._before[queue]).done

    def finish(self) -> None:
        """Make all results durable, index large tables of vectors, and count open jobs."""
        jobs.flush(self._conn)
        try:
            registry.index_vectors(self._conn, self._model)
        except pg_errors.InsufficientPrivilege:
            self.report.warnings.append(
                f"Search would be quicker with an index on the vectors of {self._model.name}; "
                "this user may not build it, the next ingest by their owner does."
            )
        counts = jobs.all_counts(self._conn)
        for queue, before in self._before.items():
            now = counts.get(queue, Counts())
            self.report.waiting += now.left
            self.report.parked += max(0, now.parked - before.parked)


def _now(conn: Connection) -> datetime:
    row = conn.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    return cast(datetime, row[0])
