"""The cost of scores where captions are written, and the speed of scoring others.

Each beside the same without: the same stage or ingest with scores off, and the match head alone, on
tokens in memory. They take turns, on fresh rows each time, and the quickest of each counts.
"""

from __future__ import annotations

import json
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from blipdb import registry
from blipdb.checkpoints.convert import PROMPT, convert
from blipdb.database import jobs, vectors
from blipdb.database.jobs import Queue
from blipdb.images.decode import Decoder
from blipdb.ingest.run import ingest
from blipdb.model import tokens
from blipdb.model.runtime import PAIRS
from blipdb.registry import Model
from blipdb.scenes.captions import caption
from blipdb.scenes.world import Scene
from blipdb.settings import Settings
from blipdb.types import Connection
from blipdb.work import backlog, stages
from blipdb.work.context import StageContext
from blipdb.work.executors import LocalExecutor
from blipdb.work.stages import results
from tests.benchmarks import base
from tests.benchmarks.report import Report
from tests.benchmarks.world import connect, draw, held_out
from tests.checkpoints import published
from tests.checkpoints.true_sizes import publish

WRITING = "Scores: of captions that are written"
COMING = "Scores: of captions that came in"
OFF = "the same with scores off"
CORES = os.cpu_count() or 1
CAPTIONS = 5  # of each image that comes with some, as COCO's have
WORDS = (6, 8, 9, 10, 11, 13, 16)  # of the texts that a model with random weights reads
# Methods of a worker, and what their time goes into.
PARTS = {
    "lacking": "reading captions and their vectors",
    "stored": "fetching tokens",
    "compute": "splitting texts into tokens, and cosines",
    "close": "writing scores and closing jobs",
}


@dataclass(frozen=True)
class Case:
    """A model, and how much it is given: images to write about, in ``rounds``, images with captions
    to score, and ``alone`` of these one at a time. ``at_hand``: stages run in workers that have
    their graphs already, as loading takes longer than so few images."""

    name: str
    model: Model
    written: int
    scored: int
    alone: int
    rounds: int
    at_hand: bool


def measure(settings: Settings, report: Report) -> None:
    with connect(settings) as conn:
        scenes = registry.active(conn, "retrieval")
        _measure(settings, conn, report, Case("scenes", scenes, 2_000, 2_000, 1_000, 3, False))
        model = _base(settings, conn)
        _measure(settings, conn, report, Case("a base model", model, 64, 72, 40, 2, True))


def _measure(settings: Settings, conn: Connection, report: Report, case: Case) -> None:
    with _empty(conn):
        _ingests(settings, conn, report, case)
    with _empty(conn):
        _stages(settings, conn, report, case)
    with _empty(conn):
        _judges(settings, conn, report, case)


def _base(settings: Settings, conn: Connection) -> Model:
    """BLIP-base's sizes with random weights, as a checkpoint is added, with BLIP's prompt."""
    folder = settings.home / "base"
    folder.mkdir()
    theirs = publish(published.BASE)
    theirs.round()
    file = theirs.pretrained_file(folder)
    (folder / "config.json").write_text(json.dumps({"prefix": PROMPT}))
    made = convert(file, folder / "made", name="base", compute=base.always(base.FEW))
    return registry.register(conn, settings, made.folder)


def _ingests(settings: Settings, conn: Connection, report: Report, case: Case) -> None:
    """Whole calls, from files to captions."""
    folder = settings.home / "albums" / f"written{case.model.model_id}"
    draw(folder, *held_out(case.written, seed=51), case.model.image_size, "jpg")

    def run(*, scores: bool) -> float:
        with _scores(conn, on=scores):
            begin = time.perf_counter()
            done = ingest(settings, [folder], caption=True)
            seconds = time.perf_counter() - begin
        assert (done.captioned, done.waiting, done.parked) == (case.written, 0, 0)
        assert done.judged == (case.written if scores else 0)
        _clear(conn)
        return seconds

    what = f"{case.name}: ingest of {case.written:,} files with captions"
    _compare(report, case, what, lambda: run(scores=True), lambda: run(scores=False))
    if case.at_hand:
        begin = time.perf_counter()
        registry.load(settings, case.model, PAIRS)
        seconds = time.perf_counter() - begin
        report.add(WRITING, f"{case.name}: of that, loading the match head, once", seconds, "s")


def _stages(settings: Settings, conn: Connection, report: Report, case: Case) -> None:
    """The stage alone: of images that are encoded."""
    ingest(settings, [settings.home / "albums" / f"written{case.model.model_id}"])
    with _stage(settings, conn, case, case.model.captioning) as stage:

        def run(*, scores: bool) -> float:
            conn.execute("DELETE FROM blip.captions")
            conn.execute("DELETE FROM blip.jobs WHERE stage <> 'encode'")
            conn.execute("VACUUM ANALYZE")
            with _scores(conn, on=scores):
                begin = time.perf_counter()
                stage()
                seconds = time.perf_counter() - begin
            assert _scored(conn) == (case.written, case.written if scores else 0)
            return seconds

        if case.at_hand:
            run(scores=True)  # has its graphs loaded
        what = f"{case.name}: the stage caption, {case.written:,} images"
        _compare(report, case, what, lambda: run(scores=True), lambda: run(scores=False))


def _compare(
    report: Report,
    case: Case,
    what: str,
    scored: Callable[[], float],
    plain: Callable[[], float],
) -> None:
    times = [(scored(), plain()) for _ in range(case.rounds)]
    best, without = (min(column) for column in zip(*times, strict=True))
    report.add(WRITING, what, case.written / best, "images/s")
    report.add(WRITING, f"{what}, scores off", case.written / without, "images/s")
    report.add(WRITING, f"{what}, time", best / without, "times", "at most 1.15", OFF)


def _judges(settings: Settings, conn: Connection, report: Report, case: Case) -> None:
    """Captions that came beside files, and have their vectors already, as those come first."""
    folder = settings.home / "albums" / f"scored{case.model.model_id}"
    drawn, _ = held_out(case.scored, seed=52)
    album = draw(folder, drawn, [""] * len(drawn), case.model.image_size, "jpg")
    for n, (file, scene) in enumerate(zip(album.files, drawn, strict=True)):
        file.with_suffix(".txt").write_text("\n".join(_texts(case, scene, n)) + "\n")
    with _scores(conn, on=False):
        ingest(settings, [folder])
    count = _scored(conn)[0]
    head = Head(settings, conn, case.model)
    with _stage(settings, conn, case, case.model.scoring) as stage:

        def run() -> float:
            _forget(conn)
            begin = time.perf_counter()
            stage()
            seconds = time.perf_counter() - begin
            assert _scored(conn) == (count, count)
            return seconds

        if case.at_hand:
            run()
        head.run()
        times = [(run(), head.run()) for _ in range(case.rounds)]
    whole, alone = (min(column) for column in zip(*times, strict=True))
    single = head.run_singly(case.alone) / case.alone * count
    what = f"{case.name}: scoring {count:,} captions of {case.scored:,} images"
    threads = f"the match head alone, tokens in memory, {CORES} threads"
    report.add(COMING, what, count / whole, "captions/s")
    report.add(COMING, f"{case.name}: {threads}", count / alone, "captions/s")
    report.add(COMING, f"{what}, speed", alone / whole, "", "at least 0.9", threads)
    report.add(COMING, f"{what}, speed", single / whole, "times", None,
               f"the match head alone, a pair at a time, {CORES} threads")  # fmt: skip
    _forget(conn)
    for part, share in _shares(settings, conn, case.model).items():
        report.add(COMING, f"{case.name}: of scoring, {part}", share, "", None,
                   "all of it, by one worker")  # fmt: skip


def _texts(case: Case, scene: Scene, seed: int) -> list[str]:
    """An image's captions, no two the same."""
    rng = np.random.default_rng([53, seed])
    found: dict[str, None] = {}
    while len(found) < CAPTIONS:
        if case.at_hand:
            words = int(rng.choice(WORDS))
            found[base.text(words, int(rng.integers(2**31)))] = None
        else:
            found[caption(scene, rng)] = None
    return list(found)


class Head:
    """`Runtime.match` of all captions that are stored, with nothing to wait for."""

    def __init__(self, settings: Settings, conn: Connection, model: Model) -> None:
        self._runtime = registry.load(settings, model, PAIRS, "rerank")
        rows = conn.execute(
            "SELECT image_id, tokens FROM blip.image_tokens WHERE model_id = %s ORDER BY 1",
            [model.model_id],
            binary=True,
        ).fetchall()
        seen = [tokens.unpack(record, *model.record) for _, record in rows]
        self._tokens, self._scales = (np.stack(part) for part in zip(*seen, strict=True))
        places = {id: place for place, (id, _) in enumerate(rows)}
        pairs = conn.execute("SELECT image_id, text FROM blip.captions ORDER BY 1, 2").fetchall()
        self._texts = [text for _, text in pairs]
        self._places = [places[id] for id, _ in pairs]
        cls = self._runtime.artifact.manifest.special_tokens.cls
        self._ids = [self._runtime.tokenizer.encode(text, cls) for text in self._texts]

    def run(self) -> float:
        """Seconds for all of them, each thread with its share."""

        def match(rows: Sequence[int]) -> None:
            ids = [self._ids[row] for row in rows]
            places = [self._places[row] for row in rows]
            self._runtime.match(ids, self._tokens, self._scales, places)

        return _in_threads(match, len(self._ids))

    def run_singly(self, count: int) -> float:
        """Seconds for some of them, in a call each."""

        def rerank(rows: Sequence[int]) -> None:
            for row in rows:
                one = slice(self._places[row], self._places[row] + 1)
                self._runtime.rerank(self._texts[row], self._tokens[one], self._scales[one])

        return _in_threads(rerank, count)


def _in_threads(work: Callable[[Sequence[int]], None], count: int) -> float:
    shares = [part.tolist() for part in np.array_split(np.arange(count), CORES)]
    with ThreadPoolExecutor(CORES) as threads:
        begin = time.perf_counter()
        list(threads.map(work, shares))
        return time.perf_counter() - begin


def _shares(settings: Settings, conn: Connection, model: Model) -> dict[str, float]:
    """Where the time of one worker goes, that scores all captions by itself."""
    runtime = registry.load(settings, model, *stages.get(jobs.SCORE).graphs)
    stages.enqueue_missing(conn, model.scoring)
    spent: dict[str, float] = {}
    with connect(settings) as own, Decoder(children=1) as decoder:
        context = StageContext(own, model, runtime, decoder)
        with (
            _clocked(runtime, "match", spent),
            _clocked(results, "lacking", spent),
            _clocked(vectors, "stored", spent),
            _clocked(results, "compute", spent),
            _clocked(results, "close", spent),
        ):
            begin = time.perf_counter()
            while stages.run_due(context, model.scoring):
                pass
            whole = time.perf_counter() - begin
    spent["compute"] -= spent["match"]
    parts = {"the match head": spent["match"]} | {PARTS[name]: spent[name] for name in PARTS}
    parts["leasing, and the rest"] = whole - sum(parts.values())
    return {name: seconds / whole for name, seconds in parts.items()}


@contextmanager
def _clocked(owner: Any, name: str, spent: dict[str, float]) -> Iterator[None]:
    """Add up the seconds of calls of a function."""
    method: Callable[..., Any] = getattr(owner, name)

    def clocked(*args: Any, **kwargs: Any) -> Any:
        begin = time.perf_counter()
        try:
            return method(*args, **kwargs)
        finally:
            spent[name] = spent.get(name, 0.0) + time.perf_counter() - begin

    setattr(owner, name, clocked)
    try:
        yield
    finally:
        setattr(owner, name, method)


@contextmanager
def _stage(
    settings: Settings, conn: Connection, case: Case, queue: Queue
) -> Iterator[Callable[[], object]]:
    """Return a function that runs a stage: as the command does, or with graphs at hand."""
    if not case.at_hand:
        yield lambda: backlog.run(settings, [queue.stage])
        return
    with ExitStack() as opened:
        workers = LocalExecutor(settings, conn, opened).open_pool(queue, case.model)

        def run() -> None:
            stages.enqueue_missing(conn, queue)
            deque(workers.drain(), maxlen=0)
            jobs.flush(conn)

        yield run


@contextmanager
def _scores(conn: Connection, *, on: bool) -> Iterator[None]:
    """With scores, or with the setting that leaves them out."""
    if not on:
        conn.execute("INSERT INTO blip.settings VALUES ('scores', 'off')")
    try:
        yield
    finally:
        conn.execute("DELETE FROM blip.settings WHERE name = 'scores'")


def _scored(conn: Connection) -> tuple[int, int]:
    """Count captions, and those with scores."""
    row = conn.execute("SELECT count(*), count(itm) FROM blip.captions").fetchone()
    assert row is not None
    return row[0], row[1]


def _forget(conn: Connection) -> None:
    """Have all captions without scores, as they came in."""
    conn.execute("UPDATE blip.captions SET itc = NULL, itm = NULL, filter_id = NULL")
    conn.execute("DELETE FROM blip.jobs WHERE stage = 'score'")
    conn.execute("VACUUM ANALYZE")


@contextmanager
def _empty(conn: Connection) -> Iterator[None]:
    """A database that has no images again afterwards."""
    try:
        yield
    finally:
        _clear(conn)


def _clear(conn: Connection) -> None:
    conn.execute("TRUNCATE blip.images CASCADE")
    conn.execute("VACUUM ANALYZE")
