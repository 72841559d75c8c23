"""Retrieval by the same protocol in PostgreSQL, through blipdb, with the same figures.

Text to image is `blip_search` with as many hits as candidates. For image to text each image's
nearest texts are found by pgvector, among the texts in a temporary table, and `blip_rerank` scores
a text with all the images that have it as a candidate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import LiteralString
from uuid import UUID

import numpy as np
from psycopg import sql
from psycopg.rows import scalar_row

import blipdb
from blipdb import identity, registry
from blipdb.database.requirements import look
from blipdb.database.steps import run
from blipdb.errors import DatabaseError, UsageError
from blipdb.types import Connection

from ...datasets.transforms import read_bytes
from ..metrics.retrieval import Candidates
from .models import ModelSource
from .progress import Show, silent
from .reading import Pairs, Texts
from .retrieval import MAX_TOKENS, Ints, RetrievalScores, by_image, require_depth

MAX_HITS = 1000  # hits of a search, and images of a rerank


class StoredDataset:
    """A dataset's images and texts in a database: images by id, texts in a temporary table."""

    def __init__(self, conn: Connection, pairs: Pairs, texts: Texts, space: str) -> None:
        """Look up the dataset's images in the database.

        Raises:
            DatabaseError: images are not there, or not encoded.
        """
        self.conn, self.pairs = conn, pairs
        self.client = blipdb.connect(conn, inference="server")
        self._pgvector = sql.Identifier(run(conn, look()).pgvector_schema or "public")
        self.texts = [texts.cut(text) for text in pairs.texts]
        self.model = registry.active(conn, "retrieval")
        self.ids = [identity.image_id(space, read_bytes(image)) for image in pairs.images]
        self.places: dict[UUID, list[int]] = {}
        for place, id in enumerate(self.ids):  # the same picture twice is one image there
            self.places.setdefault(id, []).append(place)
        self._require_images(space)

    def _require_images(self, space: str) -> None:
        count = self._column(
            "SELECT count(*) FROM blip.image_vectors v JOIN blip.image_tokens t"
            " USING (image_id, model_id) WHERE v.model_id = %s AND v.image_id = ANY (%s)",
            [self.model.model_id, list(self.places)],
        )[0]
        if count < len(self.places):
            raise DatabaseError(
                f"{len(self.places) - count} of {len(self.places)} images are not in the space"
                f" {space!r} of the database, or not encoded by {self.model.name}.",
                "Take them in with: blipdb ingest FOLDER",
            )

    def embed_texts(self, show: Show) -> None:
        """Compute every text's vector, by `blip_embed`."""
        self.conn.execute("DROP TABLE IF EXISTS pg_temp.evaluation_texts")
        self.conn.execute(
            sql.SQL("CREATE TEMP TABLE evaluation_texts (place integer, itc {}.halfvec)").format(
                self._pgvector
            )
        )
        for place, text in enumerate(self.texts):
            self.conn.execute(
                "INSERT INTO pg_temp.evaluation_texts"
                " SELECT %s, public.blip_embed(%s::text, NULL::text)",
                [place, text],
            )
            show("texts in SQL", place + 1, len(self.texts))

    def nearest_texts(self, k: int, show: Show) -> Ints:
        """Indices [I, k] of each image's nearest texts."""
        rows = []
        for image, id in enumerate(self.ids):
            row = self._column(
                sql.SQL(
                    "SELECT t.place FROM pg_temp.evaluation_texts t,"
                    " (SELECT itc FROM blip.image_vectors WHERE image_id = %s AND model_id = %s) v"
                    " ORDER BY t.itc OPERATOR({}.<=>) v.itc, t.place LIMIT %s"
                ).format(self._pgvector),
                [id, self.model.model_id, k],
            )
            rows.append(row)
            show("images in SQL", image + 1, len(self.ids))
        return np.array(rows, np.int64)

    def _column(self, query: LiteralString | sql.Composed, values: Sequence[object]) -> list[int]:
        with self.conn.cursor(row_factory=scalar_row) as cursor:
            return cursor.execute(query, values).fetchall()


def retrieve(
    conn: Connection,
    source: ModelSource,
    pairs: Pairs,
    *,
    k: int,
    space: str = "",
    show: Show = silent,
) -> RetrievalScores:
    """Score every query's `k` nearest, in the database.

    Raises:
        UsageError: `k` is out of its range, or the database searches with another model.
        DatabaseError: images are not there.
        EngineError: the engine does not run.
    """
    require_depth(k, pairs)
    if k > MAX_HITS:
        raise UsageError(f"k is {k}; blip_search gives {MAX_HITS} hits at most.")
    library = StoredDataset(conn, pairs, source.texts.limited(MAX_TOKENS), space)
    if source.digest != library.model.digest:
        raise UsageError(
            f"The database searches with {library.model.name} ({library.model.digest[:16]}), and"
            f" {source.path} is another model, or no artifact.",
            "Name the artifact that was added with: blipdb models add",
        )
    return RetrievalScores(image_to_text(library, k, show), text_to_image(library, k, show))


def text_to_image(library: StoredDataset, k: int, show: Show) -> Candidates:
    """Search for each text by `blip_search`, among the dataset's images, compared exactly."""
    k = min(k, len(library.places))
    scores = []
    for number, text in enumerate(library.texts):
        hits = library.client.search(text, k, candidates=k, within=list(library.places))
        scores.append({hit.image_id: hit.score for hit in hits})
        show("searches in SQL", number + 1, len(library.texts))
    return _candidates(scores, library.places)


def image_to_text(library: StoredDataset, k: int, show: Show) -> Candidates:
    """Score each image's nearest texts by `blip_rerank`."""
    library.embed_texts(show)
    places = library.nearest_texts(min(k, len(library.texts)), show)
    scores = np.empty(places.shape, np.float32)
    candidates = by_image(places)  # here: which images have each text as a candidate
    for number, (text, pairs) in enumerate(candidates.items()):
        ids = [library.ids[image] for image in pairs[:, 0]]
        by_id = _scores(library.client, library.texts[text], ids)
        scores[pairs[:, 0], pairs[:, 1]] = [by_id[id] for id in ids]
        show("reranks in SQL", number + 1, len(candidates))
    return Candidates(places, scores)


def _scores(client: blipdb.Client, text: str, ids: Sequence[UUID]) -> Mapping[UUID, float]:
    scores: dict[UUID, float] = {}
    distinct = list(dict.fromkeys(ids))
    for start in range(0, len(distinct), MAX_HITS):
        some = distinct[start : start + MAX_HITS]
        hits = client.rerank(text, some, len(some))
        scores |= {hit.image_id: hit.score for hit in hits}
    return scores


def _candidates(
    scores: Sequence[Mapping[UUID, float]], of: Mapping[UUID, Sequence[int]]
) -> Candidates:
    """Arrange hits by id as rows of one width. Equal images share an id and lengthen a row; shorter
    rows are padded with their first hit."""
    rows = [[(place, score) for id, score in hits.items() for place in of[id]] for hits in scores]
    width = max(map(len, rows))
    full = [row + row[:1] * (width - len(row)) for row in rows]
    places = np.array([[place for place, _ in row] for row in full], np.int64)
    return Candidates(places, np.array([[score for _, score in row] for row in full], np.float32))
