"""Keeping up with attached tables: rows that were there at first, and rows that wait, are linked to
the images in them. What that means is in ``sql/attach.sql`` and ``sql/attach_rows.sql``.

No row is leased. Those of tables that hold content are linked by one statement, under locks that
last as long; paths and URLs are read first, and linked if the row still says the same.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple

from psycopg import errors as pg_errors
from psycopg.rows import class_row, scalar_row
from psycopg.types.json import Jsonb

from . import remote, sources
from .ahead import ahead
from .contents import UNREADABLE
from .errors import ImageError
from .identity import image_id
from .images import formats
from .images.limits import Limits
from .jobs import Connection, Counts

log = logging.getLogger(__name__)

SCANNED = 10_000  # rows that are looked at in one transaction
LINKED = 200
READ = 32  # paths or URLs
READERS = 8
LOCKED = (pg_errors.LockNotAvailable, pg_errors.DeadlockDetected)  # by an app, which goes first

Stop = Callable[[], bool]


@dataclass(frozen=True)
class Attachment:
    """A row of ``blip.attachments`` that has work."""

    attachment_id: int
    source: str
    kind: str
    space: str
    is_scanned: bool
    trouble: str | None


class Step(NamedTuple):
    """Rows that were ``found`` to be there at first, and rows that were ``linked`` to what they
    hold, or failed."""

    found: int = 0
    linked: int = 0


class _Row(NamedTuple):
    key: list[Any]
    uri: str | None
    caption: str | None


_DUE = """
    SELECT a.attachment_id, a.source::text AS source, a.kind, a.space, a.is_scanned, a.trouble
    FROM blip.attachments a
    WHERE a.mode <> 'detached' AND (
        NOT a.is_scanned OR EXISTS (
            SELECT FROM blip.attached_rows r
            WHERE r.attachment_id = a.attachment_id AND r.state = 'p' AND r.run_after <= now()))
    ORDER BY a.attachment_id
"""
_ENDED = """
    SELECT EXISTS (
        SELECT FROM blip.attachments a
        WHERE a.mode = 'detached' OR NOT EXISTS (
            SELECT FROM pg_trigger t
            WHERE t.tgrelid = a.source
                AND t.tgname = ('!blip_attach_' || a.attachment_id || '_update')::name))
"""


def is_due(conn: Connection) -> bool:
    """Whether there is anything to do."""
    return bool(_due(conn)) or _scalar(conn, _ENDED)


def counts(conn: Connection) -> Counts:
    """How many rows of attached tables are in each state, as of now."""
    with conn.cursor(row_factory=class_row(Counts)) as cursor:
        found = cursor.execute(
            "SELECT count(*) FILTER (WHERE state = 'p') AS pending,"
            " count(*) FILTER (WHERE state = 'd') AS done,"
            " count(*) FILTER (WHERE state = 'x') AS parked FROM blip.attached_rows"
        ).fetchone()
    return found or Counts()


def retry(conn: Connection) -> int:
    """Let rows that were given up, or wait for a later attempt, begin anew; how many."""
    return conn.execute(
        "UPDATE blip.attached_rows SET state = 'p', attempts = 0, run_after = now()"
        " WHERE state = 'x' OR (state = 'p' AND attempts > 0)"
    ).rowcount


def work(conn: Connection, stop: Stop = lambda: False) -> Iterator[Step]:
    """Do what is due, until there is no more, or ``stop``, which is asked before each step.
    ``conn`` is in autocommit.

    A table that can't be read is left, with the reason in ``blip_attachments()``, and so are rows
    that somebody else has locked.
    """
    if _scalar(conn, _ENDED):
        conn.execute("SELECT blip._purge()")
    stuck: set[int] = set()
    while attachments := [one for one in _due(conn) if one.attachment_id not in stuck]:
        for attachment in attachments:
            if stop():
                return
            step = _step(conn, attachment)
            if not any(step):
                stuck.add(attachment.attachment_id)
            yield step


def _due(conn: Connection) -> list[Attachment]:
    with conn.cursor(row_factory=class_row(Attachment)) as cursor:
        return cursor.execute(_DUE).fetchall()


def _step(conn: Connection, attachment: Attachment) -> Step:
    """Some rows of one table; none where it can't go on now."""
    id = attachment.attachment_id
    found = linked = 0
    try:
        if not attachment.is_scanned:
            with suppress(*LOCKED):
                found = _scalar(conn, "SELECT blip._scan(%s, %s)", id, SCANNED)
        with suppress(*LOCKED):
            if attachment.kind == "content":
                linked = _scalar(conn, "SELECT blip._link_due(%s, %s)", id, LINKED)
            else:
                linked = _link_read(conn, attachment)
    except (*UNREADABLE, pg_errors.UndefinedFunction) as error:
        said = error.diag.message_primary, error.diag.message_hint
        _tell(conn, attachment, ". ".join(filter(None, said)))
        return Step()
    _tell(conn, attachment, None)
    return Step(found, linked)


def _tell(conn: Connection, attachment: Attachment, trouble: str | None) -> None:
    if trouble != attachment.trouble:
        conn.execute(
            "UPDATE blip.attachments SET trouble = %s WHERE attachment_id = %s",
            [trouble, attachment.attachment_id],
        )
        if trouble:
            log.warning("the attached table %s waits: %s", attachment.source, trouble)


def _link_read(conn: Connection, attachment: Attachment) -> int:
    """Link rows that hold paths or URLs."""
    id = attachment.attachment_id
    with conn.cursor(row_factory=scalar_row) as cursor:
        keys = cursor.execute(
            "SELECT key FROM blip.attached_rows WHERE attachment_id = %s AND state = 'p'"
            " AND run_after <= now() ORDER BY run_after LIMIT %s",
            [id, READ],
        ).fetchall()
    allowed = _allowed(conn, attachment.kind)
    outcomes: dict[str, tuple[_Row, bytes | ImageError]] = {}
    read = partial(_read, attachment.kind, allowed)
    for row, data in ahead(read, _rows(conn, id, keys), READERS):
        outcomes[str(row.key)] = row, data
    with conn.transaction(), conn.cursor(row_factory=scalar_row) as cursor:
        cursor.execute("SET LOCAL lock_timeout = '500ms'")
        cursor.execute(
            "SELECT key FROM blip.attached_rows WHERE attachment_id = %s AND state = 'p'"
            " AND key = ANY(%s) FOR UPDATE SKIP LOCKED",
            [id, [Jsonb(key) for key in keys]],
        )
        now = _rows(conn, id, cursor.fetchall())
        same = [outcomes[str(row.key)] for row in now if outcomes[str(row.key)][0] == row]
        _store(conn, attachment, same)
    return len(same)


def _store(
    conn: Connection, attachment: Attachment, outcomes: Sequence[tuple[_Row, bytes | ImageError]]
) -> None:
    id = attachment.attachment_id
    read: list[tuple[_Row, bytes, str]] = []
    for row, data in outcomes:
        if row.uri is None:
            conn.execute("SELECT blip._unlink(%s, %s)", [id, [Jsonb(row.key)]])
            continue
        try:
            if isinstance(data, ImageError):
                raise data
            read.append((row, data, formats.mime(data)))
        except ImageError as error:
            where = remote.shown(row.uri) if remote.is_remote(row.uri) else row.uri
            conn.execute(
                "SELECT blip._fail_rows(%s, %s, %s, %s)",
                [id, [Jsonb(row.key)], f"{where}: {error.reason}", error.for_good],
            )
    if read:
        conn.execute(
            "SELECT blip._link(%s, %b::jsonb[], %b::uuid[], %b::bytea[], %b::text[], %b::bigint[],"
            " %b::text[], %b::text[])",
            [
                id,
                [Jsonb(row.key) for row, _, _ in read],
                [image_id(attachment.space, data) for _, data, _ in read],
                [sha256(data).digest() for _, data, _ in read],
                [mime for _, _, mime in read],
                [len(data) for _, data, _ in read],
                [row.caption for row, _, _ in read],
                [row.uri for row, _, _ in read],
            ],
        )


def _rows(conn: Connection, id: int, keys: Sequence[list[Any]]) -> list[_Row]:
    rows = conn.execute(
        "SELECT key, uri, caption FROM blip._attached_uris(%s, %s::jsonb[])",
        [id, [Jsonb(key) for key in keys]],
    )
    return [_Row(*row) for row in rows]


def _allowed(conn: Connection, kind: str) -> str | None:
    """What the tables' owner has set for columns of this kind; None: they are not allowed."""
    found: Mapping[str, str] = dict(
        conn.execute("SELECT name, value FROM blip.settings WHERE name LIKE 'attach%'").fetchall()
    )
    return found.get(f"attach_{kind}s")


def _read(kind: str, allowed: str | None, row: _Row) -> bytes | ImageError:
    """What a row's path or URL leads to; nothing where it has none."""
    if row.uri is None:
        return b""
    try:
        if allowed is None:
            raise ImageError(f"columns of {kind}s may no longer be attached here")
        return _read_url(row.uri) if kind == "url" else _read_file(allowed, row.uri)
    except ImageError as error:
        return error


def _read_url(url: str) -> bytes:
    if not remote.is_remote(url):
        raise ImageError("it is no URL that can be read", for_good=True)
    return remote.read(url, Limits().bytes).data


def _read_file(allowed: str, path: str) -> bytes:
    return sources.read(_inside(allowed, path), Limits().bytes).data


def _inside(folders: str, path: str) -> str:
    """The path with its links resolved.

    Raises:
        ImageError: it is in none of the folders (joined by colons), or no absolute path.
    """
    real = os.path.realpath(path)
    roots = [os.path.realpath(folder) for folder in folders.split(":") if folder]
    if not os.path.isabs(path) or not any(
        os.path.commonpath([root, real]) == root for root in roots
    ):
        raise ImageError("it is outside the folders that may be attached", for_good=True)
    return real


def _scalar(conn: Connection, query: str, *values: Any) -> Any:
    with conn.cursor(row_factory=scalar_row) as cursor:
        return cursor.execute(query.encode(), values).fetchone()
