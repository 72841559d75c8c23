"""Vectors and scores of captions: ITC and ITM of a text with its image (arXiv 2201.12086, sections
3.2 and 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import TextError
from .runtime import Encoded, Runtime

Vectors = npt.NDArray[np.float32]


class Score(NamedTuple):
    """Scores of a caption. itc: a cosine; itm: the probability of a match; unread: the reason where
    there are none."""

    itc: float | None = None
    itm: float | None = None
    unread: str | None = None


class Embedded(NamedTuple):
    """Embeddings of B texts: their ITC vectors float32 [B, E], their token ids, and the reason for
    those without (their rows are zero), of which the model can't read a word."""

    vectors: Vectors
    ids: Sequence[Sequence[int]]
    unread: Sequence[str | None]


def embed(
    runtime: Runtime,
    texts: Sequence[str],
    stored_vectors: Mapping[int, Sequence[float]] | None = None,
) -> Embedded:
    """Embed captions, except those that have ``stored_vectors``, by index. A caption that is too
    long for the model is cut."""
    tokenizer, stored_vectors = runtime.tokenizer, stored_vectors or {}
    vectors = np.zeros((len(texts), runtime.artifact.architecture.embed_dim), np.float32)
    ids: list[Sequence[int]] = [()] * len(texts)
    unread: list[str | None] = [None] * len(texts)
    for row, text in enumerate(texts):
        try:
            ids[row] = tokenizer.encode(text, tokenizer.special.cls, cut=True)
        except TextError as error:
            unread[row] = error.message
    new = [row for row, reason in enumerate(unread) if reason is None and row not in stored_vectors]
    vectors[new] = runtime.embed([ids[row] for row in new])
    for row, vector in stored_vectors.items():
        vectors[row] = vector
    return Embedded(vectors, ids, unread)


def score(
    runtime: Runtime, embedded: Embedded, images: Encoded, places: Sequence[int]
) -> list[Score]:
    """Score B texts with an image each: the row of ``images`` at its place. A text of which the
    model can't read a word has no score."""
    read = [row for row, reason in enumerate(embedded.unread) if reason is None]
    image_rows = [places[row] for row in read]
    ids = [embedded.ids[row] for row in read]
    itc = _cosines(embedded.vectors[read], images.itc[image_rows])
    logits = runtime.match(ids, images.tokens, images.scales, image_rows).astype(np.float64)
    itm = 1 / (1 + np.exp(logits[:, 0] - logits[:, 1]))
    scores = [Score(unread=reason) for reason in embedded.unread]
    for place, row in enumerate(read):
        scores[row] = Score(float(itc[place]), float(itm[place]))
    return scores


def _cosines(texts: Vectors, images: Vectors) -> npt.NDArray[np.float64]:
    """Cosines [B] of vectors [B, E] as PostgreSQL keeps them, in float16."""
    one, other = (part.astype(np.float16).astype(np.float64) for part in (texts, images))
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray(np.clip((one * other).sum(axis=1) / lengths, -1, 1))
