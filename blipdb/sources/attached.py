"""Rows of attached tables, read with the rights of their owner.

Code of a table's owner may run then, and may leave something behind in the session: a parameter,
a deferred trigger, a prepared statement. So rows are read on a connection of their own, in
transactions that are always rolled back, and nothing else is done there. ``sql/attach_reader.sql``
has the other half.

Keys are JSON as PostgreSQL writes it: Python's numbers would lose digits of some.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Event, Timer
from typing import Any, LiteralString, NamedTuple
from uuid import UUID

import psycopg
from psycopg.rows import class_row, namedtuple_row

from .. import escapes
from ..types import Connection

STATEMENT_SECONDS = 60  # of one read, by PostgreSQL's clock
HANG_SECONDS = 75  # by our clock, as code in the table's functions can catch PostgreSQL's cancel
LOCK_MS = 500
MAX_CAPTION_BYTES = 1 << 16
MAX_URI_BYTES = 1 << 13
MAX_REASON = 500  # characters


class UnreadableTableError(Exception):
    """An attached table can't be read now. The reason may be words of its owner."""


@dataclass(frozen=True)
class Page:
    """A range of a table's rows, in the order of their keys."""

    keys: list[str]
    """Keys of the rows that have an image."""
    looked_at: int
    """Number of rows."""
    last: str | None
    """The last key of all."""


class Row(NamedTuple):
    """An attached row as it is now: ``size`` in bytes is None where it holds no image, ``sha256``
    is None where the image is too large to be read."""

    key: str
    size: int | None
    image_id: UUID | None
    sha256: bytes | None
    mime: str | None
    uri: str | None
    caption: str | None
    has_long_text: bool


@dataclass(frozen=True)
class _Source:
    reader: str
    token: str
    source: int
    kind: str
    columns: list[int]
    space: str


_SOURCE: LiteralString = """
    SELECT r.reader, r.token, s.source::oid::bigint AS source, s.kind, s.columns, s.space
    FROM blip._source(%s) s JOIN blip.attachment_readers r ON r.attachment_id = s.attachment_id
"""
_READ: LiteralString = """
    blip._read_attached(%(reader)s, %(token)s, %(source)s::oid::regclass, %(columns)s::smallint[],
                        %(keys)s::text[]::jsonb[], %(after)s::jsonb, %(rows)s, %(bytes)s)
"""
# The joins drop rows that were not asked for, and contents of other sizes than expected: the reader
# runs code of the table's owner.
_ROWS: LiteralString = f"""
    SELECT DISTINCT ON (k.n) k.key::text AS key,
           CASE WHEN r.content IS NOT NULL THEN octet_length(r.content)
                WHEN r.is_there THEN r.size END AS size,
           blip._half(%(prefix)s || r.content) AS image_id, sha256(r.content) AS sha256,
           coalesce(blip._mime_of(r.content), 'application/octet-stream') AS mime,
           CASE WHEN octet_length(r.uri) <= {MAX_URI_BYTES} THEN r.uri END AS uri,
           CASE WHEN octet_length(r.caption) <= {MAX_CAPTION_BYTES} THEN r.caption END AS caption,
           coalesce(octet_length(r.uri) > {MAX_URI_BYTES}, false)
               OR coalesce(octet_length(r.caption) > {MAX_CAPTION_BYTES}, false) AS has_long_text
    FROM pg_catalog.unnest(%(keys)s::text[]::jsonb[]) WITH ORDINALITY k (key, n)
    JOIN {_READ} r ON r.key = k.key
    ORDER BY k.n
"""  # noqa: S608 - of constants
_CONTENTS: LiteralString = f"""
    SELECT DISTINCT ON (k.n) k.n, r.content
    FROM unnest(%(keys)s::text[]::jsonb[], %(sizes)s::bigint[]) WITH ORDINALITY k (key, size, n)
    JOIN {_READ} r ON r.key = k.key AND octet_length(r.content) = k.size
    ORDER BY k.n
"""  # noqa: S608 - of constants
_PAGE: LiteralString = f"""
    SELECT r.is_there, blip._keyed(r.key)::text AS key,
           CASE WHEN octet_length(r.key::text) <= {MAX_CAPTION_BYTES} THEN r.key::text END AS whole
    FROM {_READ} WITH ORDINALITY
        r (key, is_there, size, content, uri, caption, n) ORDER BY r.n LIMIT %(rows)s
"""  # noqa: S608 - of constants


class RowReader:
    """Reads the rows of one attached table, on its own connection."""

    def __init__(self, connect: Callable[[], Connection], source: _Source) -> None:
        self._connect = connect
        self._source = source
        self._conn: Connection | None = None
        self._backend = 0

    def page(self, after: str | None, count: int) -> Page:
        """Look at ``count`` rows after that key, or the first ones, in the key's order.

        Raises:
            UnreadableTableError: the table can't be read.
        """
        rows = self._run(_PAGE, after=after, rows=count)
        last = rows[-1].whole if rows else None
        if rows and last is None:
            raise UnreadableTableError("a primary key of its rows is too long to go on from")
        return Page([row.key for row in rows if row.is_there], len(rows), last)

    def rows(self, keys: Sequence[str], max_bytes: int) -> list[Row]:
        """Read rows with digests of their images, until these have about ``max_bytes``; rows past
        the limit are left out, and rows that don't exist have no ``size``.

        Raises:
            UnreadableTableError: the table can't be read.
        """
        prefix = self._source.space.encode() + b"\0"
        found = self._run(_ROWS, keys=list(keys), bytes=max_bytes, prefix=prefix)
        rows = [Row(*row) for row in found]
        if self._source.kind == "content":  # else a reader that lies could have any file opened
            return [row._replace(uri=None) for row in rows]
        return rows

    def contents(self, keys: Sequence[str], sizes: Sequence[int]) -> list[bytes | None]:
        """Read images in the order of ``keys``; None where a row has no image of this size now.

        Raises:
            UnreadableTableError: the table can't be read.
        """
        found = self._run(
            _CONTENTS,
            keys=list(keys),
            sizes=list(sizes),
            bytes=sum(sizes) + 1,
        )
        by_place = {row.n: row.content for row in found}
        return [by_place.get(number) for number in range(1, len(keys) + 1)]

    def _run(self, query: LiteralString, **values: Any) -> list[Any]:
        source = self._source
        named = {
            "reader": source.reader,
            "token": source.token,
            "source": source.source,
            "columns": source.columns,
            "keys": None,
            "after": None,
            "rows": None,
            "bytes": None,
        }
        try:
            conn = self._conn = self._conn or self._connect()
            with _limit(conn) as has_hung:
                try:
                    return self._read(conn, query, named | values)
                finally:
                    if has_hung.is_set():
                        self._end()
        except (psycopg.Error, UnicodeError, ValueError) as error:
            raise UnreadableTableError(_reason(error)) from error

    def _read(self, conn: Connection, query: LiteralString, values: dict[str, Any]) -> list[Any]:
        is_pooled = True
        try:
            row = conn.execute(
                # The search path comes first, as others might lead to functions of somebody.
                "SELECT pg_catalog.pg_backend_pid(),"
                " pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true),"
                " pg_catalog.set_config('statement_timeout', %s, true),"
                " pg_catalog.set_config('lock_timeout', %s, true)",
                [f"{STATEMENT_SECONDS}s", f"{LOCK_MS}ms"],
            ).fetchone()
            self._backend = row[0] if row else 0
            is_pooled = self._backend != conn.info.backend_pid
            with conn.cursor(row_factory=namedtuple_row, binary=True) as cursor:
                return cursor.execute(query, values).fetchall()
        finally:
            if is_pooled or conn.closed:
                self.close()  # within the transaction: a pooler then ends the session, too
            else:
                conn.rollback()

    def _end(self) -> None:
        """End the server's process, which code that never returns would keep."""
        with suppress(psycopg.Error), self._connect() as conn:
            conn.execute("SELECT pg_terminate_backend(%s)", [self._backend])

    def close(self) -> None:
        """Close the connection; the next read opens another."""
        if self._conn is not None:
            self._conn.close()
            self._conn = None


@contextmanager
def _limit(conn: Connection) -> Iterator[Event]:
    has_hung = Event()
    timer = Timer(HANG_SECONDS, _hang_up, [conn, has_hung])
    timer.daemon = True
    timer.start()
    try:
        yield has_hung
    finally:
        timer.cancel()


@contextmanager
def reading(conn: Connection, attachment_id: int) -> Iterator[RowReader]:
    """Make a reader of an attachment's rows, on a new connection to the database of ``conn``.

    Raises:
        UnreadableTableError: the table can't be followed now.
    """
    with conn.cursor(row_factory=class_row(_Source)) as cursor:
        source = cursor.execute(_SOURCE, [attachment_id], binary=False).fetchone()
    if source is None:
        row = conn.execute("SELECT blip._trouble(%s)", [attachment_id]).fetchone()
        raise UnreadableTableError((row and row[0]) or "it has no reader: call blip_attach again")
    connect = partial(
        psycopg.connect,
        conn.info.dsn,
        password=conn.info.password or None,
        prepare_threshold=None,
        application_name="blipdb reads attached rows",
    )
    reader = RowReader(connect, source)
    try:
        yield reader
    finally:
        reader.close()


def _hang_up(conn: psycopg.Connection[Any], has_hung: Event) -> None:
    """End a connection that another thread waits for."""
    has_hung.set()
    with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(conn.fileno())) as sock:
        sock.shutdown(socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    """The error's text and hint in one line that can be logged: both may be the owner's words."""
    texts = [str(error)]
    if isinstance(error, psycopg.Error) and error.diag.message_primary:
        texts = [error.diag.message_primary, error.diag.message_hint or ""]
    return escapes.visible(". ".join(filter(None, texts)))[:MAX_REASON]
