"""Reaching the database that a command works on, brought up first where it is our own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg

from ..settings import Settings
from .output import note


def bring_up(settings: Settings) -> None:
    """Start what is down, and say so."""
    from .. import services

    for line in services.up(settings):
        note(line)


@contextmanager
def opened(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A connection, committed at the end. The private cluster is started if it is down; an
    existing server is taken as it is.

    Raises:
        BlipdbError: the database can't be reached, or is not one of this version.
    """
    from .. import database

    if settings.is_private:
        bring_up(settings)
    with database.connect(settings.database_url()) as conn:
        conn.add_notice_handler(lambda notice: note(_sentence(notice)))
        if not settings.is_private:
            database.check(conn)
        yield conn


def _sentence(notice: psycopg.errors.Diagnostic) -> str:
    hint = f"\n{notice.message_hint}" if notice.message_hint else ""
    return f"{(notice.severity or 'NOTICE').lower()}: {notice.message_primary}{hint}"
