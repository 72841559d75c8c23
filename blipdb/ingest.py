"""Files into the database: found, compared by stat, read, decoded, stored, encoded.

Of a file that changed, the new content is a new image and the file moves to it; the old image
stays, with all that is known of it. A file that was refused for its content is reported again
without another try while it stays as it is, unless a retry is asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import BinaryIO, NamedTuple
from uuid import UUID

from psycopg import errors as pg_errors

from . import catalog, database, encode, jobs, registry, sidecars, sources
from .encode import Crew
from .images.decode import Decoder
from .jobs import Connection, Queue
from .outages import explained
from .pipeline import Pipeline
from .registry import Model
from .settings import Settings
from .sidecars import Caption, Captions
from .sources import Failure, Found, SourceFile

LOOK_UP = 10_000  # files compared in one statement


class Progress(NamedTuple):
    """``done`` of ``total`` in a stage: files (``ingest``), or jobs (``encode``, ``caption``)."""

    stage: str
    done: int
    total: int
    failed: int


@dataclass
class Report:
    """What an ingest did.

    ``added`` counts new images, ``duplicates`` new or changed files with content that was there
    already. ``encoded`` and ``captioned`` count jobs, other callers' among them; ``parked``
    those that were given up meanwhile; ``waiting`` is what the queues hold now. ``model`` encodes
    for search, and it ``knows`` just that; others that caption or answer encode too, uncounted.
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
    paths: Sequence[str | Path],
    *,
    space: str = "",
    captions: Sequence[str | Path] = (),
    caption: bool = False,
    store_content: bool = False,
    retry: bool = False,
    stdin: BinaryIO | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Report:
    """Bring the images that ``paths`` lead to into the database, and encode them.

    Args:
        settings: whose database, and whose home holds the models.
        paths: folders, files, globs, or ``-`` for a list on ``stdin``.
        space: whose images they are.
        captions: tables of captions (CSV, JSON, JSONL).
        caption: have the captioner write one for each image, too.
        store_content: keep the files' bytes in the database.
        retry: try refused files and parked jobs once more.
        progress: called from this thread.

    Raises:
        UsageError: paths or tables that can't be used; nothing was changed.
        ModelError: no model is active, or its files are missing or altered.
        DatabaseError, SetupError: the database is gone, full, or not one of this version.
    """
    begin = time.monotonic()
    found = sources.find(paths, stdin=stdin)
    texts = sidecars.gather([file.uri for file in found.files], captions)
    with explained(), ExitStack() as opened:
        url = settings.database_url()
        conn = opened.enter_context(database.connect(url, autocommit=True))
        database.check(conn)
        run = _Ingest(settings, conn, space, opened, progress or (lambda _: None))
        run.take_in(found, texts, store_content=store_content, retry=retry)
        run.encode_rest(retry=retry)
        if caption:
            run.caption([file.uri for file in found.files], retry=retry)
        run.finish()
        run.report.seconds = time.monotonic() - begin
        return run.report


class _Ingest:
    """One call of `ingest`: its steps, and what they share."""

    def __init__(
        self,
        settings: Settings,
        conn: Connection,
        space: str,
        opened: ExitStack,
        progress: Callable[[Progress], None],
    ) -> None:
        self._settings = settings
        self._conn = conn
        self._space = space
        self._opened = opened
        self._progress = progress
        self._model = registry.active(conn, "retrieval")
        self._others = [
            model
            for model in registry.models(conn)
            if model.encodes and model.model_id != self._model.model_id
        ]
        queues = [model.encoding for model in (self._model, *self._others)]
        self._parked = {queue: jobs.counts(conn, queue).parked for queue in queues}  # until now
        self.report = Report(self._model.name, self._model.knows)

    def take_in(self, found: Found, texts: Captions, *, store_content: bool, retry: bool) -> None:
        """Store and encode what is new among the found files; captions of the others, too."""
        report = self.report
        report.found = len(found.files) + len(found.failures)
        report.warnings += texts.warnings
        report.failed += found.failures
        catalog.add_failures(self._conn, self._space, found.failures)
        changed = list(self._changed(found.files, texts, retry=retry))
        if not changed:
            return
        pipeline = Pipeline(
            self._conn,
            self._space,
            texts,
            store_content=store_content,
            decoder=self._decoder,
            crew=self._crew,
            others=[model.encoding for model in self._others],
        )
        failed = 0
        for step in pipeline.run(changed):
            report.added += step.added
            report.duplicates += step.duplicates
            report.captions += step.captions
            report.encoded += step.jobs.done
            report.failed += step.failed
            failed += len(step.failed)
            done = report.added + report.duplicates + failed
            self._progress(Progress("ingest", done, len(changed), failed))

    def _changed(
        self, files: Sequence[SourceFile], texts: Captions, *, retry: bool
    ) -> Iterator[SourceFile]:
        """Files that are not as they were; of the others, failures are reported again."""
        for start in range(0, len(files), LOOK_UP):
            some = files[start : start + LOOK_UP]
            known = catalog.known(self._conn, self._space, [file.uri for file in some])
            captions: dict[UUID, list[Caption]] = {}
            for file in some:
                same = [last for last in known.get(file.uri, ()) if last.is_still(file)]
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
        """Run what was enqueued otherwise: by blip_add, by an ingest that was killed, by retry."""
        queue = self._model.encoding
        if retry:
            for each in (queue, *(model.encoding for model in self._others)):
                self._retry_parked(each)
        self.report.encoded += self._drain(queue, lambda: self._crew)
        for model in self._others:
            self._drain(model.encoding, partial(self._new_crew, model.encoding, model))

    def caption(self, uris: Sequence[str], *, retry: bool) -> None:
        """Have a caption written for every image among the files."""
        model = registry.active(self._conn, "captioner")
        queue = model.captioning
        self._parked[queue] = jobs.counts(self._conn, queue).parked
        for start in range(0, len(uris), LOOK_UP):
            some = uris[start : start + LOOK_UP]
            jobs.enqueue(self._conn, queue, catalog.image_ids(self._conn, self._space, some))
        if retry:
            self._retry_parked(queue)
        self.report.captioned += self._drain(queue, lambda: self._new_crew(queue, model))

    def _retry_parked(self, queue: Queue) -> None:
        jobs.retry_parked(self._conn, queue)
        self._parked[queue] = 0

    def _drain(self, queue: Queue, crew: Callable[[], Crew]) -> int:
        total = encode.due(self._conn, queue)
        done = failed = 0
        if total:
            for outcome in crew().drain():
                done += outcome.done
                failed += outcome.failed
                total = max(total, done + failed)
                self._progress(Progress(queue.stage, done + failed, total, failed))
        return done

    def finish(self) -> None:
        """Make all of it durable, index what has grown large, count what is left to do."""
        jobs.flush(self._conn)
        try:
            registry.index_vectors(self._conn, self._model)
        except pg_errors.InsufficientPrivilege:
            self.report.warnings.append(
                f"Search would be quicker with an index on the vectors of {self._model.name}; "
                "this user may not build it, the next ingest by their owner does."
            )
        for queue, before in self._parked.items():
            counts = jobs.counts(self._conn, queue)
            self.report.waiting += counts.pending + counts.running
            self.report.parked += max(0, counts.parked - before)

    @cached_property
    def _decoder(self) -> Decoder:
        return self._opened.enter_context(Decoder())

    @cached_property
    def _crew(self) -> Crew:
        return self._new_crew(self._model.encoding, self._model)

    def _new_crew(self, queue: Queue, model: Model) -> Crew:
        return self._opened.enter_context(Crew(self._settings, queue, model, self._decoder))
