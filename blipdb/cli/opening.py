"""Reaching the database that a command works on, brought up first where it is our own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg

from ..settings import Settings
from .output import note

if TYPE_CHECKING:
    from ..client.client import Client


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
    from ..database import connection, requirements

    if settings.is_private:
        bring_up(settings)
    with connection.connect_pinned(settings.database_url()) as conn:
        conn.add_notice_handler(lambda notice: note(_sentence(notice)))
        if not settings.is_private:
            requirements.check(conn)
        yield conn


def client_on(conn: psycopg.Connection[Any], settings: Settings) -> Client:
    """A client on a connection of `opened`: the server computes, or this process where the server
    can't; what it says beside its results is shown."""
    import logging

    from ..client import notices
    from ..client.base import Options
    from ..client.client import Client
    from ..client.given import Given

    if not any(isinstance(handler, notices.Shown) for handler in notices.log.handlers):
        notices.log.addHandler(notices.Shown(note))
        notices.log.setLevel(logging.INFO)
    return Client(Options(settings, None, None), lambda: Given(conn))


def _sentence(notice: psycopg.errors.Diagnostic) -> str:
    hint = f"\n{notice.message_hint}" if notice.message_hint else ""
    return f"{(notice.severity or 'NOTICE').lower()}: {notice.message_primary}{hint}"
