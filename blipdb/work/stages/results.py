"""Vectors and scores of captions, as stages compute and store them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

import numpy as np

from ...database import captions, jobs
from ...database.captions import CaptionResults, CaptionText
from ...database.jobs import Lease
from ...database.vectors import EncodedImage
from ...model.runtime import Encoded
from ...model.scoring import embed, score
from ..context import DecodedBatch, Outcome, StageContext

MAX_TEXTS = 512  # of one transaction: a large model reads so many before its lease runs out


def lacking(context: StageContext, lease: Lease) -> tuple[list[CaptionText], Collection[UUID]]:
    """Read captions of leased images that lack the stage's result, as many as one transaction
    should hold. Return them, and the images that may have more of them."""
    texts = captions.without_result(context.conn, lease.queue, lease.image_ids, MAX_TEXTS + 1)
    if len(texts) <= MAX_TEXTS:
        return texts, ()
    return texts[:-1], {id for id in lease.image_ids if id >= texts[-1].image_id}


def compute(
    context: StageContext,
    texts: Sequence[CaptionText],
    images: Mapping[UUID, EncodedImage],
    *,
    is_encoder: bool,
    is_filter: bool,
) -> CaptionResults:
    """Compute results of captions of these images: vectors to store where the model ``is_encoder``,
    scores where it ``is_filter``."""
    embedded = scores = None
    if texts and (is_encoder or is_filter):
        row_vectors = {
            row: text.vector for row, text in enumerate(texts) if text.vector is not None
        }
        embedded = embed(context.runtime, [text.text for text in texts], row_vectors)
        if is_filter:
            positions = {id: position for position, id in enumerate(images)}
            scores = score(
                context.runtime,
                embedded,
                stack(images.values()),
                [positions[text.image_id] for text in texts],
            )
    model = context.model
    return CaptionResults(model.model_id, model.itc_dims, embedded if is_encoder else None, scores)


def stack(images: Iterable[EncodedImage]) -> Encoded:
    """Return images as one batch."""
    return Encoded(*(np.stack(part) for part in zip(*images, strict=True)))


def close(
    context: StageContext,
    lease: Lease,
    ids: Sequence[UUID],
    texts: Sequence[CaptionText],
    results: CaptionResults,
    more: Collection[UUID],
    batch: DecodedBatch,
) -> Outcome:
    """Close the jobs of ``ids`` with the results of the images' captions.

    Jobs of images that have ``more`` captions are reopened. As with images, a caption that somebody
    is editing or deleting comes afterwards, alone.
    """
    busy_rows: list[int] = []

    def write(done: Sequence[UUID]) -> None:
        closed_ids = set(done)
        rows = [row for row, text in enumerate(texts) if text.image_id in closed_ids]
        some = [texts[row] for row in rows]
        stored_keys = captions.store_results(context.conn, some, results.select(rows))
        busy_rows.extend(row for row in rows if texts[row].key not in stored_keys)
        if stored_keys and (unfinished := closed_ids.intersection(more)):
            jobs.reopen(context.conn, lease.queue, unfinished)

    outcome = context.close(lease, ids, write, batch)
    for row in busy_rows:
        captions.store_results(context.conn, [texts[row]], results.select([row]), wait=True)
    return outcome
