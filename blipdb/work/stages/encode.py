"""Encode images: their ITC vectors and tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from ... import registry
from ...database import jobs, vectors
from ...database.jobs import Lease
from ...model.runtime import Encoded
from ..context import Outcome, Pixels, StageContext
from .base import Stage


class Encode(Stage):
    """ITC vector and tokens of each image."""

    name = jobs.ENCODE
    label = "encoding"
    roles = registry.LOOKING
    graphs = ("image",)
    feeds = (jobs.TEXT, jobs.SCORE)  # captions that came in with the images

    def run(self, context: StageContext, lease: Lease, pixels: Mapping[UUID, Pixels]) -> Outcome:
        batch = context.decode(lease.image_ids, pixels)
        if not batch.pixels:
            return context.close(lease, [], lambda done: None, batch)
        with context.slots:
            encoded = context.runtime.encode_images(batch.array)
        ids, model = list(batch.pixels), context.model

        def write(done: Sequence[UUID]) -> None:
            closed_ids = set(done)
            rows = [row for row, id in enumerate(ids) if id in closed_ids]
            some = Encoded(encoded.itc[rows], encoded.tokens[rows], encoded.scales[rows])
            kept_ids = [ids[row] for row in rows]
            vectors.store(context.conn, model.model_id, model.record, kept_ids, some)

        return context.close(lease, ids, write, batch)
