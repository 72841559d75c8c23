"""Overhead of SQLAlchemy, and recall of filtered searches, among 60,000 images.

A thousand drawn scenes are ingested. Beside each, 59 images are stored that are like it: its vector
with noise on it, and its tokens. What a filter admits is drawn by lot.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg
from sqlalchemy import Engine, Select, create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from blipdb import registry
from blipdb.database import indexes
from blipdb.model.tokens import record_size
from blipdb.orm import image_column, search
from blipdb.orm.execution import CHOOSE_MODEL
from blipdb.registry import Model
from blipdb.settings import Settings
from tests.benchmarks.base import SHORT, text
from tests.benchmarks.load import register_base
from tests.benchmarks.report import Report
from tests.benchmarks.world import connect, draw, held_out, take_in

SECTION = "SQLAlchemy, and filtered search"
SCENES = 1000
ALIKE = 59  # images beside each scene
COUNT = SCENES * (1 + ALIKE)
NOISE = 0.04  # of each dimension; vectors have length 1
K = 10
CANDIDATES = 32
MORE = 256  # for whom details matter
ROUNDS = 5
QUERIES = 40  # in each round
FEW = 256  # images of the large model
SHARES = (0.5, 0.05, 0.005)
Floats = npt.NDArray[np.float32]


class Base(DeclarativeBase):
    pass


class Product(Base):
    __tablename__ = "products"
    id: Mapped[int] = mapped_column(primary_key=True)
    lot: Mapped[float]
    image_id: Mapped[Any] = image_column(nullable=False)


def measure(settings: Settings, report: Report) -> None:
    with connect(settings) as conn:
        model = registry.active(conn, "retrieval")
        texts = _stock(settings, conn, model)
        asked = _vectors(conn, texts)
    engine = create_engine(settings.database_url().replace("postgresql", "postgresql+psycopg", 1))
    name = f"the {K} best of half of {COUNT:,} images"
    for candidates in (CANDIDATES, MORE):
        _overhead(settings, engine, texts, f"{name}, {candidates} candidates", report,
                  candidates=candidates)  # fmt: skip
    stored, lots = _stored(settings, model)
    for share in SHARES:
        _filtered(engine, report, share, list(zip(texts, asked, strict=True)), stored, lots)
    engine.dispose()
    _of_base_size(settings, texts[:40], report)


def _of_base_size(settings: Settings, texts: Sequence[str], report: Report) -> None:
    """As most apps will have it: a search takes ten times as long, and SQLAlchemy as before."""
    base = register_base(settings, activate=False)
    rng = np.random.default_rng(63)
    size = record_size(*base.record)
    with connect(settings) as conn:
        ids = conn.execute("SELECT image_id FROM products ORDER BY id LIMIT %s", [FEW]).fetchall()
        scales = np.full((base.token_count, 2), [0.02, 9.0], "<f4").tobytes()
        for (id,) in ids:
            vector = rng.normal(0, 1, base.itc_dims)
            conn.execute(
                "INSERT INTO blip.image_vectors VALUES (%s, %s, %s::float4[]::halfvec)",
                [id, base.model_id, (vector / np.linalg.norm(vector)).tolist()],
            )
            tokens = rng.integers(-60, 60, size - len(scales), np.int8).tobytes()
            conn.execute(
                "INSERT INTO blip.image_tokens VALUES (%s, %s, %s)",
                [id, base.model_id, scales + tokens],
            )
    engine = create_engine(settings.database_url().replace("postgresql", "postgresql+psycopg", 1))
    words = [text(SHORT, number) for number in range(len(texts))]
    _overhead(settings, engine, words, "a model of BLIP-base's size, 16 candidates", report,
              candidates=16, model=base.name)  # fmt: skip
    engine.dispose()


def _stock(settings: Settings, conn: psycopg.Connection, model: Model) -> list[str]:
    """Fill the database; texts that describe some of the scenes."""
    drawn, texts = held_out(SCENES, seed=61)
    folder = settings.home / "albums" / "orm"
    draw(folder, drawn, texts, model.image_size)
    take_in(settings, folder, "")
    _multiply(conn, model)
    made = create_engine(settings.database_url().replace("postgresql", "postgresql+psycopg", 1))
    Base.metadata.create_all(made)
    made.dispose()
    conn.execute("SELECT setseed(0.5)")
    conn.execute(
        "INSERT INTO products (id, lot, image_id)"
        " SELECT row_number() OVER (ORDER BY image_id), random(), image_id FROM blip.images"
    )
    indexes.create_vector_index(conn, model.model_id, model.itc_dims)
    conn.execute("VACUUM ANALYZE")
    return texts[: ROUNDS * QUERIES]


def _multiply(conn: psycopg.Connection, model: Model) -> None:
    """Store what is like the scenes."""
    rng = np.random.default_rng(62)
    rows = conn.execute(
        "SELECT image_id, itc::real[] FROM blip.image_vectors ORDER BY image_id"
    ).fetchall()
    conn.execute("CREATE TEMP TABLE alike (image_id uuid, scene uuid, itc text)")
    with conn.cursor().copy("COPY alike FROM STDIN") as copy:
        for scene, vector in rows:
            noisy = np.array(vector) + rng.normal(0, NOISE, (ALIKE, len(vector)))
            noisy /= np.linalg.norm(noisy, axis=1, keepdims=True)
            for one in noisy:
                copy.write_row((_new_id(rng), scene, str(one.tolist())))
    conn.execute(
        "INSERT INTO blip.images (image_id, sha256, mime, bytes)"
        " SELECT image_id, sha256(image_id::text::bytea), 'image/png', 1 FROM alike"
    )
    conn.execute(
        "INSERT INTO blip.image_vectors SELECT image_id, %s, itc::halfvec FROM alike",
        [model.model_id],
    )
    conn.execute(
        "INSERT INTO blip.image_tokens SELECT a.image_id, t.model_id, t.tokens"
        " FROM alike a JOIN blip.image_tokens t ON t.image_id = a.scene AND t.model_id = %s",
        [model.model_id],
    )


def _new_id(rng: np.random.Generator) -> str:
    return rng.bytes(16).hex()


def _vectors(conn: psycopg.Connection, texts: Sequence[str]) -> list[Floats]:
    rows = [conn.execute("SELECT blip_embed(%s)::real[]", [text]).fetchone() for text in texts]
    return [np.array(row[0], np.float32) for row in rows if row is not None]


def _statement(
    query: str, share: float, k: int, candidates: int, model: str | None = None
) -> Select[int, float]:
    hits = search(query, k, candidates=candidates, model=model)
    return (
        select(Product.id, hits.c.score)
        .join(hits, hits.c.image_id == Product.image_id)
        .where(Product.lot < share)
        .order_by(hits.c.score.desc())
    )


def _overhead(
    settings: Settings,
    engine: Engine,
    texts: Sequence[str],
    name: str,
    report: Report,
    *,
    candidates: int,
    model: str | None = None,
) -> None:
    """Turns with the same queries, a transaction for each: a SELECT of SQLAlchemy's, and the SQL
    that it sends by hand, through psycopg alone and through SQLAlchemy."""

    def statement(text: str) -> Select[int, float]:
        return _statement(text, 0.5, K, candidates, model)

    ask, find = _sent(engine, statement(texts[0]))
    with Session(engine) as session, psycopg.connect(settings.database_url()) as conn:

        def values(text: str) -> dict[str, Any]:
            return {"query_1": text, "k_1": K, "lot_1": 0.5}

        def orm(text: str) -> list[Any]:
            rows = session.execute(statement(text)).all()
            session.commit()
            return [tuple(row) for row in rows]

        def hand(text: str) -> list[Any]:
            conn.execute(ask.encode(), [model]).fetchall()
            rows = conn.execute(find.encode(), values(text)).fetchall()
            conn.commit()
            return rows

        def through(text: str) -> list[Any]:
            sent = session.connection()
            sent.exec_driver_sql(ask, (model,)).all()
            rows = sent.exec_driver_sql(find, values(text)).all()
            session.commit()
            return [tuple(row) for row in rows]

        ways = {orm: [], hand: [], through: []}  # type: dict[Any, list[float]]
        for text in texts[: QUERIES // 2]:
            if not orm(text) == hand(text) == through(text):
                raise RuntimeError(f"SQLAlchemy and psycopg find different images for: {text}")
        for number, text in enumerate(texts):
            turns = list(ways)[number % 3 :] + list(ways)[: number % 3]
            for way in turns:  # the second finds all in memory
                ways[way].append(_milliseconds(way, text))
    ours, by_hand, sent = (statistics.median(times) for times in ways.values())
    report.add(SECTION, f"{name}, p50 by SQLAlchemy", ours, "ms")
    report.add(SECTION, f"{name}, p50 by psycopg", by_hand, "ms")
    report.add(SECTION, f"{name}, p50", 1 + _more(ways[orm], ways[hand]) / by_hand, "times",
               "at most 1.05", "the same SQL by hand, through psycopg")  # fmt: skip
    report.add(SECTION, f"{name}, p50", 1 + _more(ways[orm], ways[through]) / sent, "times", None,
               "the same SQL by hand, through SQLAlchemy")  # fmt: skip


def _more(ours: Sequence[float], others: Sequence[float]) -> float:
    """The median of what each query took longer: queries differ more than ways do."""
    return statistics.median(one - other for one, other in zip(ours, others, strict=True))


def _sent(engine: Engine, statement: Select[Any, Any]) -> tuple[str, str]:
    """Statements that reach psycopg for a search: the question for the model, and the search."""
    heard: list[str] = []

    def hear(conn: Any, cursor: Any, statement: str, *_: Any) -> None:
        heard.append(statement)

    with Session(engine) as session:
        event.listen(engine, "before_cursor_execute", hear)
        session.execute(statement)
        event.remove(engine, "before_cursor_execute", hear)
    return CHOOSE_MODEL, heard[-1]


def _milliseconds(do: Any, text: str) -> float:
    begin = time.perf_counter()
    do(text)
    return 1000 * (time.perf_counter() - begin)


def _stored(settings: Settings, model: Model) -> tuple[Floats, npt.NDArray[np.float64]]:
    """The vectors of products 1, 2, … as they are stored, and their lots."""
    with connect(settings) as conn:
        rows = conn.execute(
            "SELECT v.itc::real[], p.lot FROM products p JOIN blip.image_vectors v"
            " ON v.image_id = p.image_id AND v.model_id = %s ORDER BY p.id",
            [model.model_id],
        ).fetchall()
    vectors = np.array([vector for vector, _ in rows], np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, np.array([lot for _, lot in rows])


def _filtered(
    engine: Engine,
    report: Report,
    share: float,
    queries: Sequence[tuple[str, Floats]],
    stored: Floats,
    lots: npt.NDArray[np.float64],
) -> None:
    """All candidates are asked for, so that what was recalled is seen whole."""
    admitted = np.flatnonzero(lots < share)
    wanted = min(CANDIDATES, len(admitted))
    times, counts, recalls = [], [], []
    with Session(engine) as session:
        for text, vector in queries:
            begin = time.perf_counter()
            rows = session.execute(_statement(text, share, CANDIDATES, CANDIDATES)).all()
            times.append(1000 * (time.perf_counter() - begin))
            nearest = admitted[np.argsort(-(stored[admitted] @ vector))[:wanted]] + 1
            counts.append(len(rows))
            recalls.append(len({row.id for row in rows} & set(nearest.tolist())) / wanted)
    name = f"a filter that admits {share:.1%} of {COUNT:,}"
    report.add(SECTION, f"{name}: fewest of {wanted} hits", min(counts), "", f"at least {wanted}")
    report.add(SECTION, f"{name}: recall, to exact", statistics.mean(recalls), "", "at least 0.95")
    report.add(SECTION, f"{name}: p50", statistics.median(times), "ms")
