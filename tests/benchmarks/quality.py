"""Quality of search and captions, through SQL, on held-out scenes whose truth is exact."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psycopg

from blipdb.scenes import sampling
from blipdb.settings import Settings
from tests.benchmarks import agreement
from tests.benchmarks.report import Report
from tests.benchmarks.world import Album, connect, draw, held_out, ids_by_file, take_in

SECTION = "Quality on held-out scenes, through SQL"
COUNT = 1000
CANDIDATES = 32
HARDER = 200
DISTRACTORS = 31

_BY_ITC = """
    WITH query AS MATERIALIZED (SELECT blip_embed(%s) AS itc)
    SELECT v.image_id::text FROM blip.image_vectors v, query q
    ORDER BY (v.itc <=> q.itc) + 0 LIMIT 10
"""
_BY_SEARCH = "SELECT image_id::text FROM blip_search(%s, k => 10, candidates => %s)"


def measure(settings: Settings, report: Report) -> None:
    albums = settings.home / "albums"
    with connect(settings) as conn:
        _retrieval(settings, conn, report, albums)
        _wipe(conn)
        _never_trained(settings, conn, report, albums)
        _wipe(conn)
        _other_size(settings, conn, report, albums)
        _wipe(conn)
        _harder(settings, conn, report, albums)


def _retrieval(settings: Settings, conn: psycopg.Connection, report: Report, albums: Path) -> None:
    drawn, texts = held_out(COUNT, seed=1)
    album = draw(albums / "test", drawn, texts, settings_size(conn))
    take_in(settings, albums / "test", "")
    ids = _ids(conn, album)
    by_itc = [_column(conn, _BY_ITC, [text]) for text in texts]
    by_search = [_column(conn, _BY_SEARCH, [text, CANDIDATES]) for text in texts]
    itc, itm = _recall(ids, by_itc, 1), _recall(ids, by_search, 1)
    add = report.add
    add(SECTION, "text to image R@1, ITM rerank of 32", itm, "", "at least 0.80")
    add(SECTION, "text to image R@10, ITM rerank of 32", _recall(ids, by_search, 10), "",
        "at least 0.98")  # fmt: skip
    add(SECTION, "text to image R@1, ITC alone", itc, "")
    add(SECTION, "text to image R@10, ITC alone", _recall(ids, by_itc, 10), "")
    # Where the query is true of the first hit too, neither is wrong, and no rerank can know better.
    true_itc, true_itm = (_true_first(album, ids, found) for found in (by_itc, by_search))
    add(SECTION, "first hits that the query is true of, ITM rerank of 32", true_itm, "")
    add(SECTION, "first hits that the query is true of, ITC alone", true_itc, "")
    removed = 1 - (1 - true_itm) / (1 - true_itc)
    add(
        SECTION,
        "R@1 errors of ITC that the rerank removes, an error being a first hit that the"
        " query is not true of",
        removed,
        "",
        "at least 0.3333",
        "R@1 errors of ITC alone",
    )
    add(SECTION, "the same, an error being any first hit but the query's own scene",
        1 - (1 - itm) / (1 - itc), "", None, "R@1 errors of ITC alone")  # fmt: skip
    _captions(conn, report, album, ids)
    agreement.measure(settings, conn, report, album, ids)


def _true_first(album: Album, ids: Sequence[str], found: Sequence[Sequence[str]]) -> float:
    """Return how often the query is true of the scene of the first hit, its own or another."""
    scene = dict(zip(ids, album.scenes, strict=True))
    first = [scene[best[0]] for best in found]
    return float(np.mean([sampling.is_true(t, s) for t, s in zip(album.texts, first, strict=True)]))


def _captions(conn: psycopg.Connection, report: Report, album: Album, ids: Sequence[str]) -> None:
    written = [_column(conn, "SELECT blip_caption(%s::uuid)", [id])[0] for id in ids]
    named = [
        sampling.named_things(text) == sampling.named_things(full)
        for text, full in zip(written, album.texts, strict=True)
    ]
    true = [sampling.is_true(text, s) for text, s in zip(written, album.scenes, strict=True)]
    add = report.add
    right = float(np.mean(named))
    add(SECTION, "captions (beam 3) with every thing's kind and colour right", right, "",
        "at least 0.90")  # fmt: skip
    counts = np.array([len(scene.things) for scene in album.scenes])
    for n in range(1, counts.max() + 1):
        value = np.mean(np.array(named)[counts == n])
        add(SECTION, f"the same, scenes of {n} thing{'s' * (n > 1)}", value, "")
    add(SECTION, "captions true in all they say (counts, sizes and relations too)",
        float(np.mean(true)), "")  # fmt: skip


def _never_trained(
    settings: Settings, conn: psycopg.Connection, report: Report, albums: Path
) -> None:
    """Scenes with a colour-kind pair or a relation pair that training never showed."""
    half = COUNT // 2
    pairs, relations = (
        held_out(half, seed=seed, split="unseen", unseen=unseen)
        for seed, unseen in ((2, "pair"), (3, "relation"))
    )
    texts = pairs[1] + relations[1]
    album = draw(albums / "unseen", pairs[0] + relations[0], texts, settings_size(conn))
    take_in(settings, albums / "unseen", "")
    ids = _ids(conn, album)
    found = [_column(conn, _BY_SEARCH, [text, CANDIDATES]) for text in texts]
    report.add(SECTION, "R@1 on never-trained pairs", _recall(ids, found, 1), "", "at least 0.60")
    report.add(SECTION, "the same, colour-kind pairs", _recall(ids[:half], found[:half], 1), "")
    report.add(SECTION, "the same, relation pairs", _recall(ids[half:], found[half:], 1), "")


def _other_size(settings: Settings, conn: psycopg.Connection, report: Report, albums: Path) -> None:
    """The first line again, from pictures twice as wide as the model reads."""
    drawn, texts = held_out(COUNT, seed=1)
    album = draw(albums / "large", drawn, texts, 2 * settings_size(conn))
    take_in(settings, albums / "large", "")
    found = [_column(conn, _BY_SEARCH, [text, CANDIDATES]) for text in texts]
    value = _recall(_ids(conn, album), found, 1)
    report.add(SECTION, "text to image R@1, pictures drawn at twice the model's size", value, "")


def _harder(settings: Settings, conn: psycopg.Connection, report: Report, albums: Path) -> None:
    """Each query's distractors differ from its scene in one attribute or relation."""
    drawn, texts = held_out(HARDER, seed=4)
    rng = np.random.default_rng(4)
    groups = [
        [scene, *(s for s, _ in sampling.variants(scene, rng, DISTRACTORS, split="test"))]
        for scene in drawn
    ]
    flat = [scene for group in groups for scene in group]
    album = draw(albums / "harder", flat, [""] * len(flat), settings_size(conn))
    take_in(settings, albums / "harder", "")
    ids = np.array(_ids(conn, album)).reshape(HARDER, DISTRACTORS + 1)
    query = "SELECT image_id::text FROM blip_rerank(%s, %s::uuid[], 1)"
    best = [_column(conn, query, [text, list(row)]) for text, row in zip(texts, ids, strict=True)]
    report.add(SECTION, "R@1 among 31 distractors that differ in one attribute or relation",
               _recall([row[0] for row in ids], best, 1), "", "at least 0.75")  # fmt: skip
    by_itc = """
        WITH query AS MATERIALIZED (SELECT blip_embed(%s) AS itc)
        SELECT v.image_id::text FROM blip.image_vectors v, query q
        WHERE v.image_id = ANY (%s::uuid[]) ORDER BY (v.itc <=> q.itc) + 0 LIMIT 1
    """
    best = [_column(conn, by_itc, [text, list(row)]) for text, row in zip(texts, ids, strict=True)]
    value = _recall([row[0] for row in ids], best, 1)
    report.add(SECTION, "the same, ITC alone", value, "")


def settings_size(conn: psycopg.Connection) -> int:
    """Pixels that the active retrieval model reads."""
    (size,) = _column(
        conn,
        "SELECT image_size FROM blip.models JOIN blip.active_models USING (model_id)"
        " WHERE role = 'retrieval'",
        [],
    )
    return int(size)


def _wipe(conn: psycopg.Connection) -> None:
    conn.execute("DELETE FROM blip.images")


def _ids(conn: psycopg.Connection, album: Album) -> list[str]:
    by_file = ids_by_file(conn)
    return [by_file[str(file)] for file in album.files]


def _column(conn: psycopg.Connection, query: str, values: Sequence[object]) -> list[str]:
    return [row[0] for row in conn.execute(query.encode(), values)]


def _recall(true: Sequence[str], found: Sequence[Sequence[str]], k: int) -> float:
    return float(np.mean([id in best[:k] for id, best in zip(true, found, strict=True)]))
