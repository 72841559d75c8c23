"""Ingest in a client's own process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

from psycopg.errors import InsufficientPrivilege

from .. import registry
from ..database import connection, requirements
from ..ingest import run as ingest
from ..ingest.run import Report
from ..settings import Settings
from ..work.executors import Progress
from .inference import is_bundled


class IngestOptions(TypedDict, total=False):
    """Keyword arguments of `blipdb.ingest.run.ingest`."""

    space: str
    captions: Sequence[str | Path]
    caption: bool
    store_content: bool
    retry: bool
    scores: bool
    progress: Callable[[Progress], None]


def run(settings: Settings, paths: Sequence[str | Path], options: IngestOptions) -> Report:
    """Ingest ``paths``; returns and raises as `blipdb.ingest.run.ingest`."""
    _install_bundled(settings)
    return ingest.ingest(settings, paths, **options)


def _install_bundled(settings: Settings) -> None:
    """Copy the bundled model's files from the package to this home, if the database has the model
    registered."""
    with connection.connect_pinned(settings.database_url(), autocommit=True) as conn:
        requirements.check(conn)
        for model in registry.models(conn):
            if is_bundled(model) and not model.folder(settings).is_dir():
                with suppress(InsufficientPrivilege):
                    registry.register(conn, settings, registry.bundled_folder(), roles=())
