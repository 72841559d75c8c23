"""The price of approximations in quality: the same model, pictures and queries, computed otherwise.

Measured on the bundled model; and, where BLIPDB_MANY names its artifact, on one whose images have
as many tokens as it takes for merging to say something (training/configs/scenes_192.toml).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psycopg

from blipdb import registry
from blipdb.checkpoints.rebuild import rebuild
from blipdb.model.artifact import Artifact
from blipdb.model.compute import EXACT, MERGED_TOKENS, Compute
from blipdb.scenes import sampling
from blipdb.settings import Settings
from blipdb.work.executors import run_jobs
from tests.benchmarks.report import Report
from tests.benchmarks.world import connect, draw, held_out, ids_by_file, take_in

SECTION = "What quality pays"
COUNT = 1000
HARDER, DISTRACTORS = 100, 31
CANDIDATES = 32
_FIRST = (
    "SELECT image_id::text FROM blip_search(%s, k => 1, candidates => %s, within => %s::uuid[])"
)
_AMONG = "SELECT image_id::text FROM blip_rerank(%s, %s::uuid[], 1)"


def measure(settings: Settings, report: Report) -> None:
    _price(settings, report, registry.bundled_folder(), (MERGED_TOKENS, 33, 17, 9))
    if many := os.environ.get("BLIPDB_MANY"):
        with connect(settings) as conn:
            conn.execute("DELETE FROM blip.images")
        _price(settings, report, Path(many), (129, MERGED_TOKENS, 29))


def _price(settings: Settings, report: Report, folder: Path, merged: Sequence[int]) -> None:
    artifact = Artifact.open(folder)
    arch = artifact.architecture
    model = f"{artifact.name} ({arch.image_tokens} tokens)"
    variants = [("fp32", EXACT), ("int8", Compute("int8"))]
    variants += [(f"int8, merged to {n}", Compute("int8", n)) for n in merged]
    results: dict[str, tuple[list[str], list[str]]] = {}
    with connect(settings) as conn:
        _use(settings, conn, artifact, EXACT)
        texts, truth = _pictures(settings, artifact)
        hard, groups = _look_alikes(settings, conn, artifact)
        hard_truth = [group[0] for group in groups]
        for name, compute in variants:
            _use(settings, conn, artifact, compute)
            found = [_one(conn, _FIRST, text, CANDIDATES, truth) for text in texts]
            pairs = zip(hard, groups, strict=True)
            harder = [_one(conn, _AMONG, text, group) for text, group in pairs]
            results[name] = found, harder
    best = [_share(*pair) for pair in zip(results["fp32"], (truth, hard_truth), strict=True)]
    for name, (found, harder) in results.items():
        target = {"int8": "at most 0.3", f"int8, merged to {MERGED_TOKENS}": "at most 0.5"}.get(
            name
        )
        r1, harder_r1 = _share(found, truth), _share(harder, hard_truth)
        report.add(SECTION, f"{model}, {name}: R@1 of {COUNT}, through SQL", r1, "")
        report.add(SECTION, f"{model}, {name}: R@1 among {DISTRACTORS} look-alikes", harder_r1, "")
        if name == "fp32":
            continue
        same = _share(found, results["fp32"][0])
        report.add(SECTION, f"{model}, {name}: first hits as in fp32", same, "")
        report.add(SECTION, f"{model}, {name}: R@1 lost", 100 * (best[0] - r1), "points", target,
                   "fp32 (difference)")  # fmt: skip
        report.add(SECTION, f"{model}, {name}: R@1 lost among look-alikes",
                   100 * (best[1] - harder_r1), "points", None, "fp32 (difference)")  # fmt: skip


def _use(
    settings: Settings, conn: psycopg.Connection, artifact: Artifact, compute: Compute
) -> None:
    """Search with the model from now on, as it computes so; all images are encoded with it."""
    folder = artifact.folder
    if compute != artifact.manifest.compute:
        folder = settings.home / f"{artifact.name}-{compute.precision}-{compute.tokens}"
        rebuild(artifact, folder, compute)
    registry.register(conn, settings, folder)
    run_jobs(settings)


def _pictures(settings: Settings, artifact: Artifact) -> tuple[list[str], list[str]]:
    drawn, texts = held_out(COUNT, seed=51)
    folder = settings.home / "albums" / artifact.name
    album = draw(folder, drawn, texts, artifact.architecture.image_size)
    take_in(settings, folder, "")
    with connect(settings) as conn:
        ids = ids_by_file(conn)
    return texts, [ids[str(file)] for file in album.files]


def _look_alikes(
    settings: Settings, conn: psycopg.Connection, artifact: Artifact
) -> tuple[list[str], list[list[str]]]:
    """Queries, and each one's scene with scenes that differ in one attribute or relation."""
    rng = np.random.default_rng(52)
    drawn, texts = held_out(HARDER, seed=52)
    flat = [
        one
        for scene in drawn
        for one in (
            scene,
            *(s for s, _ in sampling.variants(scene, rng, DISTRACTORS, split="test")),
        )
    ]
    folder = settings.home / "albums" / f"{artifact.name}-hard"
    album = draw(folder, flat, [""] * len(flat), artifact.architecture.image_size)
    take_in(settings, folder, "")
    by_file = ids_by_file(conn)
    ids = [by_file[str(file)] for file in album.files]
    return texts, [ids[n : n + DISTRACTORS + 1] for n in range(0, len(ids), DISTRACTORS + 1)]


def _one(conn: psycopg.Connection, query: str, *values: object) -> str:
    row = conn.execute(query.encode(), values).fetchone()
    assert row is not None
    return str(row[0])


def _share(found: Sequence[str], true: Sequence[str]) -> float:
    return float(np.mean([a == b for a, b in zip(found, true, strict=True)]))
