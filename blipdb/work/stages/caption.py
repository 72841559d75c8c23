"""Write captions, with vectors and scores where the model gives these too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar
from uuid import UUID

from ...database import captions, jobs
from ...database.captions import Active, CaptionText
from ...database.jobs import Lease, Queue
from ...database.vectors import EncodedImage
from ...identity import caption_id
from ...model.runtime import PAIRS
from ...model.writing import Writing
from ...registry import Model
from ..context import FailedImage, Outcome, Pixels, StageContext
from . import results
from .base import Stage, batch_size

MIN_BEAM_BATCH = 16  # at least, however large the images are
MIN_SAMPLED_BATCH = 32  # a sampled caption is one text at a time, and not several beams


class Caption(Stage):
    """A synthetic caption of each image."""

    name = jobs.CAPTION
    label = "captioning"
    roles = ("captioner",)
    graphs = ("image", "caption")
    feeds: ClassVar[tuple[str, ...]] = (jobs.TEXT, jobs.SCORE)

    reopens: ClassVar[bool] = True
    """Have the active encoder and filter look at the captions, if they are other models."""

    def batch_size(self, model: Model, writing: Writing) -> int:
        least = MIN_BEAM_BATCH if writing.nucleus is None else MIN_SAMPLED_BATCH
        return max(batch_size(model), least)

    def run(self, context: StageContext, lease: Lease, pixels: Mapping[UUID, Pixels]) -> Outcome:
        active = captions.active(context.conn)
        model = context.model
        is_filter = context.scores and active.filter == model.model_id
        is_encoder = active.encoder == model.model_id
        with context.slots:
            _open_graphs(context, is_encoder=is_encoder, is_filter=is_filter)
        images, batch = context.encode(lease.image_ids, pixels, with_vectors=is_filter)
        with context.slots:
            texts_by_image = _write(context, images)
            texts = [CaptionText(id, caption_id("synthetic", text), text)
                     for id, text in sorted(texts_by_image.items()) if text]  # fmt: skip
            caption_results = results.compute(
                context, texts, images, is_encoder=is_encoder, is_filter=is_filter
            )
        batch.failed |= {id: FailedImage("the model wrote an empty caption", True)
                         for id, text in texts_by_image.items() if not text}  # fmt: skip
        other_queues = self._other_queues(context, active)

        def write(done: Sequence[UUID]) -> None:
            closed_ids = set(done)
            rows = [row for row, text in enumerate(texts) if text.image_id in closed_ids]
            captions.add_synthetic(
                context.conn,
                [texts[row] for row in rows],
                caption_results.select(rows),
                context.writing.to_dict(),
            )
            for queue in other_queues:
                jobs.reopen(context.conn, queue, done)

        return context.close(lease, [text.image_id for text in texts], write, batch)

    def _other_queues(self, context: StageContext, active: Active) -> list[Queue]:
        """List the queues of other models that are to look at the captions."""
        if not self.reopens:
            return []
        queues = active.queues(scores=context.scores)
        return [queue for queue in queues if queue.model_id != context.model.model_id]


def _open_graphs(context: StageContext, *, is_encoder: bool, is_filter: bool) -> None:
    """Load the graphs that embed and score the captions that are written here."""
    if is_encoder or is_filter:
        context.runtime.open("text")
    if is_filter:
        context.runtime.open(PAIRS)


def _write(context: StageContext, images: Mapping[UUID, EncodedImage]) -> dict[UUID, str]:
    """Write a caption of each image."""
    if not images:
        return {}
    encoded = results.stack(images.values())
    options = context.writing.options(list(images))
    texts = context.runtime.caption(encoded.tokens, encoded.scales, **options)
    return dict(zip(images, texts, strict=True))
