"""Connections and clients for commands; the private cluster is brought up for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..settings import Settings
from .output import note

if TYPE_CHECKING:
    from psycopg.errors import Diagnostic

    from ..client.client import Client
    from ..services import Ready


def bring_up(settings: Settings) -> None:
    """Start what is down, and say so."""
    from .. import services

    for line in services.up(settings):
        note(line)


@contextmanager
def opened(settings: Settings, *, engine: bool = False) -> Iterator[Ready]:
    """Open a checked connection, and commit it at the end.

    The private cluster is started if it is down. An existing server is taken as it is, but for its
    engine where ``engine`` is asked for.

    Raises:
        BlipdbError: the database can't be reached, or is not one of this version.
    """
    from .. import services

    brings_up = settings.is_private or engine
    database = services.ready(settings) if brings_up else services.connect(settings)
    for line in database.started:
        note(line)
    with database.conn as conn:
        conn.add_notice_handler(lambda notice: note(_sentence(notice)))
        yield database


def client_on(database: Ready, settings: Settings) -> Client:
    """Make a client on a connection of `opened`: the server computes, or this process where the
    server can't. Notices of both are shown."""
    import logging

    from ..client import modes, notices
    from ..client.base import ClientOptions
    from ..client.borrowed import BorrowedConnection
    from ..client.client import Client

    if not any(isinstance(handler, notices.NoticeHandler) for handler in notices.log.handlers):
        notices.log.addHandler(notices.NoticeHandler(note))
        notices.log.setLevel(logging.INFO)
    modes.remember(database.conn, database.found)
    return Client(ClientOptions(settings, None, None), lambda: BorrowedConnection(database.conn))


def _sentence(notice: Diagnostic) -> str:
    hint = f"\n{notice.message_hint}" if notice.message_hint else ""
    return f"{(notice.severity or 'NOTICE').lower()}: {notice.message_primary}{hint}"
