"""Embed captions: their ITC vectors."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from ...database import captions, jobs
from ...database.captions import CaptionResults
from ...database.jobs import Lease
from ...model.scoring import embed
from ..context import DecodedBatch, Outcome, Pixels, StageContext
from . import results
from .base import Stage


class Text(Stage):
    """ITC vectors of an image's captions."""

    name = jobs.TEXT
    label = "encoding captions"
    roles = ("retrieval",)
    graphs = ("text",)
    missing = jobs.with_captions_lacking(captions.MODEL_COLUMNS[jobs.TEXT])

    def run(self, context: StageContext, lease: Lease, pixels: Mapping[UUID, Pixels]) -> Outcome:
        texts, more = results.lacking(context, lease)
        model = context.model
        with context.slots:
            embedded = embed(context.runtime, [text.text for text in texts])
        caption_results = CaptionResults(model.model_id, model.itc_dims, embedded, None)
        return results.close(
            context, lease, lease.image_ids, texts, caption_results, more, DecodedBatch()
        )
