"""Speed of search and ingest, each beside the same work without a database."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path
from typing import Any, LiteralString, ParamSpec

import numpy as np
import numpy.typing as npt
from PIL import Image

from blipdb import registry
from blipdb.errors import ImageError
from blipdb.images.decode import Decoder
from blipdb.model.runtime import Runtime
from blipdb.settings import Settings
from tests.benchmarks.report import Report
from tests.benchmarks.world import connect, draw, held_out, take_in

P = ParamSpec("P")

SEARCH = "Speed of search"
INGEST = "Speed of ingest"
_MODEL: LiteralString = "blip._choose(NULL, 'retrieval')"
IMAGES = 500
CANDIDATES = 32
ROUNDS = 5
QUERIES = 40  # in each round
SMALL_SCENES = 2000  # as JPEG, which photographs are


def search(settings: Settings, report: Report) -> None:
    """psql and plain Python, on one core and on all, take turns with the same queries."""
    with connect(settings) as conn:
        model = registry.active(conn, "retrieval")
    drawn, texts = held_out(IMAGES, seed=11)
    album = draw(settings.home / "albums" / "search", drawn, texts, model.image_size)
    take_in(settings, settings.home / "albums" / "search", "")
    pixels = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in album.files])
    threads = sorted({1, cpu_count() or 1})
    plain = [PlainPython(Runtime.load(model.folder(settings), threads=n), pixels) for n in threads]
    psql: list[float] = []
    python: list[list[float]] = [[] for _ in plain]
    for turn in range(ROUNDS):
        some = texts[turn * QUERIES : (turn + 1) * QUERIES]
        psql += _psql_milliseconds(settings, some)
        for one, times in zip(plain, python, strict=True):
            one.search(some[0])
            times += [1000 * _seconds(one.search, text) for text in some]
    sql = statistics.median(psql)
    name = f"blip_search, {CANDIDATES} candidates of {IMAGES} images"
    report.add(SEARCH, f"{name}, p50 in psql", sql, "ms", "at most 30")
    report.add(SEARCH, f"{name}, p95 in psql", float(np.percentile(psql, 95)), "ms")
    best, n = min((statistics.median(times), n) for times, n in zip(python, threads, strict=True))
    report.add(SEARCH, f"{name}, p50 in plain Python", best, "ms")
    ratio_to = f"the same in plain Python without a database, {n} threads (the faster of {threads})"
    report.add(SEARCH, f"{name}, p50", sql / best, "times", "at most 1.3", ratio_to)
    _parts(settings, report, texts[:QUERIES])


def _parts(settings: Settings, report: Report, texts: Sequence[str]) -> None:
    """Where the time of a search goes, by the functions that it consists of."""
    times: dict[str, list[float]] = {}
    with connect(settings) as conn:

        def call(part: str, query: LiteralString, *values: object) -> Any:
            begin = time.perf_counter()
            row = conn.execute(query, values).fetchone()
            times.setdefault(part, []).append(1000 * (time.perf_counter() - begin))
            assert row is not None
            return row

        for text in texts:
            call("a statement without work", "SELECT 1")
            vector = call("the query's vector, by the engine", "SELECT blip_embed(%s)::text", text)
            recalled = f"SELECT image_ids FROM blip._recall({_MODEL}, %s, %s, NULL, NULL)"
            (ids,) = call("recall", recalled, *vector, CANDIDATES)
            logits = f"SELECT blip._logits({_MODEL}, %s, %s)"
            call("the candidates' logits, by the engine", logits, text, ids)
    for part, taken in times.items():
        report.add(SEARCH, f"of it, {part}", statistics.median(taken), "ms")


class PlainPython:
    """The computation of `blip_search` on arrays in memory."""

    def __init__(self, runtime: Runtime, pixels: npt.NDArray[np.uint8]) -> None:
        self._runtime = runtime
        self._images = runtime.encode_images(pixels)

    def search(self, text: str) -> list[int]:
        """The best ten images of the candidates, by ITM logit + ITC cosine."""
        cosines = self._images.itc @ self._runtime.embed_texts([text])[0]
        best = np.argpartition(-cosines, CANDIDATES)[:CANDIDATES]
        tokens, scales = self._images.tokens[best], self._images.scales[best]
        logits = self._runtime.rerank(text, tokens, scales)[:, 1]
        return [int(n) for n in best[np.argsort(-(logits + cosines[best]))][:10]]


def _psql_milliseconds(settings: Settings, texts: Sequence[str]) -> list[float]:
    """Milliseconds of each search by psql's \\timing, without the session's first (which loads)."""
    searches = [
        f"SELECT * FROM blip_search('{text}', candidates => {CANDIDATES});"
        for text in [texts[0], *texts]
    ]
    done = subprocess.run(
        ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", settings.database_url()],
        input="\n".join([r"\timing on", *searches]),
        capture_output=True,
        text=True,
        check=True,
    )
    times = [float(ms) for ms in re.findall(r"^Time: ([\d.]+) ms", done.stdout, re.MULTILINE)]
    if len(times) != len(searches):
        raise RuntimeError(f"psql said {len(times)} times for {len(searches)} searches")
    return times[1:]


def ingest(settings: Settings, report: Report) -> None:
    """Ingest and the encoder alone take turns, each with pictures that it has not seen."""
    with connect(settings) as conn:
        model = registry.active(conn, "retrieval")
    runtime = Runtime.load(model.folder(settings), graphs=["image"])
    whole, alone, decoding = [], [], []
    for turn in range(3):
        folder = settings.home / "albums" / f"ingest{turn}"
        drawn, texts = held_out(SMALL_SCENES, seed=20 + turn)
        album = draw(folder, drawn, texts, model.image_size, "jpg")
        pixels = np.stack([np.asarray(Image.open(f).convert("RGB")) for f in album.files])
        alone.append(_seconds(_encode, runtime, pixels))
        whole.append(_seconds(take_in, settings, folder, ""))
        decoding.append(_decoding_seconds(album.files, model.image_size))
    none = settings.home / "albums" / "one"
    draw(none, *held_out(1, seed=19), model.image_size, "jpg")
    start = _seconds(take_in, settings, none, "")
    speed = [SMALL_SCENES / statistics.median(seconds) for seconds in (whole, alone)]
    name = f"ingest of {SMALL_SCENES:,} small scenes (JPEG, {model.image_size} pixels)"
    report.add(INGEST, name, speed[0], "images/s")
    report.add(INGEST, "the image encoder alone on the same cores", speed[1], "images/s")
    report.add(INGEST, f"{name}, speed", speed[0] / speed[1], "", "at least 0.8",
               "the image encoder alone on the same cores")  # fmt: skip
    most = 1 / (1 + (statistics.median(decoding) + start) / statistics.median(alone))
    report.add(INGEST, "decoding alone, by confined processes on the same cores",
               SMALL_SCENES / statistics.median(decoding), "images/s")  # fmt: skip
    report.add(INGEST, "start-up: an ingest of one image", start, "s")
    report.add(INGEST, "the speed that is left after decoding and start-up, with a database that"
               " costs nothing", most, "", None, "the image encoder alone")  # fmt: skip
    blipdb = Path(sys.executable).with_name("blipdb")
    again = _seconds(_run, [blipdb, "ingest", folder, "--home", settings.home])
    report.add(INGEST, f"the command again, {SMALL_SCENES:,} unchanged files", again, "s",
               "at most 2")  # fmt: skip


def _encode(runtime: Runtime, pixels: npt.NDArray[np.uint8]) -> None:
    """All images, a thread per core, each with its share."""
    cores = cpu_count() or 1
    with ThreadPoolExecutor(cores) as threads:
        list(threads.map(runtime.encode_images, np.array_split(pixels, cores)))


def _decoding_seconds(files: Sequence[Path], size: int) -> float:
    """Without the start of the processes, which is measured apart."""
    with Decoder() as decoder:
        _decode(decoder, files[:100], size)
        return _seconds(_decode, decoder, files, size)


def _decode(decoder: Decoder, files: Sequence[Path], size: int) -> None:
    for _, decoded in decoder.decode_ahead(((f, f.read_bytes()) for f in files), size):
        if isinstance(decoded, ImageError):
            raise decoded


def _run(command: Sequence[str | Path]) -> None:
    subprocess.run(command, check=True)


def _seconds(call: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> float:
    begin = time.perf_counter()
    call(*args, **kwargs)
    return time.perf_counter() - begin
