"""Score captions: ITC and ITM of each with its image, by a filter."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from ...database import captions, jobs
from ...database.jobs import Lease
from ...model.runtime import PAIRS
from ...model.writing import Writing
from ...registry import Model
from ..context import Outcome, Pixels, StageContext
from . import results
from .base import Stage, batch_size

IMAGES_FACTOR = 4  # times as many images in a batch: the more texts of one length the better


class Score(Stage):
    """ITC and ITM of an image's captions."""

    name = jobs.SCORE
    label = "scoring captions"
    roles = ("filter",)
    graphs = ("image", "text", PAIRS)
    missing = jobs.with_captions_lacking(captions.MODEL_COLUMNS[jobs.SCORE])

    def batch_size(self, model: Model, writing: Writing) -> int:
        return IMAGES_FACTOR * batch_size(model)

    def run(self, context: StageContext, lease: Lease, pixels: Mapping[UUID, Pixels]) -> Outcome:
        texts, more = results.lacking(context, lease)
        is_encoder = captions.active(context.conn).encoder == context.model.model_id and any(
            text.vector is None for text in texts
        )
        ids = sorted({text.image_id for text in texts})
        images, batch = context.encode(ids, pixels, with_vectors=True)
        texts = [text for text in texts if text.image_id in images]
        with context.slots:
            caption_results = results.compute(
                context, texts, images, is_encoder=is_encoder, is_filter=True
            )
        done = [id for id in lease.image_ids if id not in batch.failed]
        return results.close(context, lease, done, texts, caption_results, more, batch)
