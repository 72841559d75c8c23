"""Interface of a stage."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, LiteralString
from uuid import UUID

from psycopg import sql

from ...database import captions, jobs
from ...database.jobs import Lease
from ...model.writing import Writing
from ...registry import Model
from ..context import Outcome, Pixels, StageContext

MAX_BATCH_BYTES = 4 << 20  # of pixels in one batch, and so in one transaction
# More saves little, leaves a core idle at the end, and is retried one by one after a kill.
MAX_BATCH = 32


class Stage(ABC):
    """A kind of work on images that a model does in batches, one job for each image."""

    name: ClassVar[str]
    label: ClassVar[str]
    """Shown beside a progress bar."""

    roles: ClassVar[tuple[str, ...]]
    """A model with any of these roles can do the stage. The first is named to users."""

    graphs: ClassVar[tuple[str, ...]]
    """Graphs of the model that the stage uses."""

    missing: ClassVar[sql.Composable] = jobs.WITHOUT_JOB
    """Selects the images that lack the stage's result."""

    feeds: ClassVar[tuple[str, ...]] = ()
    """Stages that may have work once this one has run."""

    shared: ClassVar[bool] = True
    """Any worker runs the stage; else only its own caller does."""

    @property
    def caption_column(self) -> LiteralString | None:
        """Column of ``blip.captions`` with the model whose result a caption has, if the stage
        computes results of captions. These have workers look for what lacks them."""
        return captions.MODEL_COLUMNS.get(self.name)

    def batch_size(self, model: Model, writing: Writing) -> int:
        """Return how many jobs to lease at a time."""
        del writing
        return batch_size(model)

    @abstractmethod
    def run(self, context: StageContext, lease: Lease, pixels: Mapping[UUID, Pixels]) -> Outcome:
        """Run leased jobs and close them, their results in the same transaction.

        Args:
            context: the worker's connection and model.
            lease: the jobs.
            pixels: images that are decoded already, uint8 [S, S, 3] each.
        """


def batch_size(model: Model) -> int:
    """Return how many images one transaction holds: many where they are small, as each transaction
    costs a flush."""
    return max(1, min(MAX_BATCH, MAX_BATCH_BYTES // (3 * model.image_size**2)))
