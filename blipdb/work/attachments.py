"""Background work on attached tables: rows that were there at first, and rows that changed, are
linked to the images in them. ``sql/attach.sql`` and ``sql/attach_rows.sql`` define linking;
`blipdb.sources.attached` reads the app's rows.

No row is leased. Rows of tables with content are read and linked under locks on
``blip.attached_rows``. Paths and URLs are read without locks, and linked if the row is still the
same. An error of one table or one row is stored with it, and the others go on.
"""

from __future__ import annotations

import logging
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from time import monotonic
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg import errors as pg_errors
from psycopg.rows import class_row, scalar_row

from .. import escapes
from ..database.jobs import Counts
from ..errors import ImageError
from ..identity import image_id
from ..images import formats
from ..images.limits import Limits
from ..sources import attached, files, remote
from ..sources.attached import Row, RowReader
from ..sources.prefetch import ahead
from ..types import Connection

log = logging.getLogger(__name__)

MAX_SCANNED_ROWS = 10_000  # rows that are noted in one transaction
MAX_LINKED_ROWS = 500
MAX_LINKED_BYTES = 16 << 20
WAIT_MS = 100  # for an app: far less than the second after which PostgreSQL looks for deadlocks
MAX_READ_ROWS = 32  # paths or URLs
READER_THREADS = 8
MAX_SWEPT_ORPHANS = 1000  # orphans of one transaction
MAX_STEPS = 1000  # of one table at a time: it must not occupy a worker forever
MAX_SECONDS = 600  # of all these steps: the owner's code may take a minute in each
MAX_IMAGE_BYTES = 64 << 20
# Errors where an app holds a lock: apps have priority.
LOCKED = (pg_errors.LockNotAvailable, pg_errors.DeadlockDetected)

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
    """Numbers of rows that one step dealt with."""

    scanned: int = 0
    """Rows that were there when the table was attached, and are noted now."""

    linked: int = 0
    """Rows that were linked to their images, or failed."""


_DUE = """
    SELECT a.attachment_id, a.source::text AS source, a.kind, a.space, a.is_scanned, a.trouble
    FROM blip.attachments a
    WHERE a.mode <> 'detached' AND (
        NOT a.is_scanned OR EXISTS (
            SELECT FROM blip.attached_rows r
            WHERE r.attachment_id = a.attachment_id AND r.state = 'p' AND r.run_after <= now()))
    ORDER BY a.attachment_id
"""
_ANY = """
    SELECT EXISTS (SELECT FROM blip.attachments) OR EXISTS (SELECT FROM blip.orphans)
"""
_ENDED = """
    SELECT EXISTS (SELECT FROM blip.attachments a WHERE blip._is_over(a.attachment_id))
        OR EXISTS (SELECT FROM blip.orphans o WHERE o.run_after <= now())
"""


def is_due(conn: Connection, *, troubled: bool = True) -> bool:
    """Return whether there is work; without ``troubled``, only in tables without errors."""
    due = [one for one in _due(conn) if troubled or one.trouble is None]
    return bool(due) or _has_ended(conn)


def _has_ended(conn: Connection) -> bool:
    """Return whether attachments or images are to be purged. Without functions there are none."""
    return bool(_scalar(conn, _ANY) and _scalar(conn, _ENDED))


def counts(conn: Connection) -> Counts:
    """Count the rows of attached tables in each state, as of now."""
    with conn.cursor(row_factory=class_row(Counts)) as cursor:
        row = cursor.execute(
            "SELECT count(*) FILTER (WHERE state = 'p') AS pending,"
            " count(*) FILTER (WHERE state = 'd') AS done,"
            " count(*) FILTER (WHERE state = 'x') AS parked FROM blip.attached_rows"
        ).fetchone()
    return row or Counts()


def retry(conn: Connection) -> int:
    """Requeue rows that failed or wait for a later attempt. Return their number."""
    return conn.execute(
        "UPDATE blip.attached_rows SET state = 'p', attempts = 0, run_after = now()"
        " WHERE jsonb_typeof(key) = 'array'"
        " AND (state = 'x' OR (state = 'p' AND attempts > 0))"
    ).rowcount


def work(conn: Connection, stop: Stop = lambda: False) -> Iterator[Step]:
    """Purge, scan and link until nothing is due, or ``stop``, which is asked before each step.

    ``conn`` is in autocommit. A table that can't be read is skipped, with the reason in
    ``blip_attachments()``, and so are rows that others have locked.
    """
    if _has_ended(conn):
        conn.execute("SELECT blip._purge()")
        while not stop() and _scalar(conn, "SELECT blip._sweep(%s)", MAX_SWEPT_ORPHANS):
            pass
    steps: Counter[int] = Counter()
    seconds: defaultdict[int, float] = defaultdict(float)
    stuck: set[int] = set()
    with ExitStack() as stack:
        readers = _Readers(conn, stack)
        while attachments := [one for one in _due(conn) if one.attachment_id not in stuck]:
            for attachment in attachments:
                if stop():
                    return
                id = attachment.attachment_id
                begun = monotonic()
                step = _step(conn, attachment, readers)
                steps[id] += 1
                seconds[id] += monotonic() - begun
                if not any(step) or steps[id] >= MAX_STEPS or seconds[id] >= MAX_SECONDS:
                    stuck.add(id)
                yield step


class _Readers:
    """Readers by attachment, each opened when it is first used. Only one has a connection."""

    def __init__(self, conn: Connection, stack: ExitStack) -> None:
        self._conn = conn
        self._stack = stack
        self._readers: dict[int, RowReader] = {}

    def __getitem__(self, attachment_id: int) -> RowReader:
        if attachment_id not in self._readers:
            with suppress(*LOCKED):
                self._conn.execute("SELECT blip._refresh(%s)", [attachment_id])
            self._readers[attachment_id] = self._stack.enter_context(
                attached.reading(self._conn, attachment_id)
            )
        for id, reader in self._readers.items():
            if id != attachment_id:
                reader.close()
        return self._readers[attachment_id]


def _due(conn: Connection) -> list[Attachment]:
    with conn.cursor(row_factory=class_row(Attachment)) as cursor:
        return cursor.execute(_DUE).fetchall()


def _step(conn: Connection, attachment: Attachment, readers: _Readers) -> Step:
    """Scan and link some rows of one table. None if it can't go on now."""
    scanned = linked = 0
    try:
        reader = readers[attachment.attachment_id]
        if not attachment.is_scanned:
            with suppress(*LOCKED):
                scanned = _scan(conn, attachment, reader)
        with suppress(*LOCKED):
            link = _link_content if attachment.kind == "content" else _link_read
            linked = link(conn, attachment, reader)
    except attached.UnreadableTableError as error:
        _store_trouble(conn, attachment, str(error))
        return Step()
    except psycopg.Error as error:
        if conn.closed:
            raise
        _store_trouble(conn, attachment, error.diag.message_primary or str(error))
        return Step()
    _store_trouble(conn, attachment, None)
    return Step(scanned, linked)


def _store_trouble(conn: Connection, attachment: Attachment, trouble: str | None) -> None:
    trouble = trouble and escapes.visible(trouble)
    if trouble != attachment.trouble:
        conn.execute(
            # Skip a locked one: its owner may be attaching it again, in a long transaction.
            "UPDATE blip.attachments a SET trouble = %s FROM ("
            " SELECT attachment_id FROM blip.attachments WHERE attachment_id = %s"
            " FOR NO KEY UPDATE SKIP LOCKED) free WHERE a.attachment_id = free.attachment_id",
            [trouble, attachment.attachment_id],
        )
        if trouble:
            source = escapes.visible(attachment.source)
            log.warning("the attached table %s waits: %s", source, trouble)


def _scan(conn: Connection, attachment: Attachment, reader: RowReader) -> int:
    """Note the next rows that were there when the table was attached. Return how many were read."""
    id = attachment.attachment_id
    with conn.transaction():
        conn.execute(f"SET LOCAL lock_timeout = '{WAIT_MS}ms'".encode())
        row = conn.execute(
            "SELECT scanned::text FROM blip.attachments WHERE attachment_id = %s AND NOT is_scanned"
            " FOR NO KEY UPDATE SKIP LOCKED",
            [id],
        ).fetchone()
        if row is None:
            return 0
        if row[0] is None:  # rows that are known already are linked again
            conn.execute(
                "UPDATE blip.attached_rows r SET state = 'p', attempts = 0, run_after = now(),"
                " error = NULL FROM (SELECT k.key FROM blip.attached_rows k"
                " WHERE k.attachment_id = %s AND k.state <> 'p' AND jsonb_typeof(k.key) = 'array'"
                " FOR UPDATE SKIP LOCKED) known WHERE r.attachment_id = %s AND r.key = known.key",
                [id, id],
            )
        page = reader.page(None if row[0] == "[]" else row[0], MAX_SCANNED_ROWS)
        conn.execute("SELECT blip._found(%s, %s::text[]::jsonb[])", [id, page.keys])
        conn.execute(
            "UPDATE blip.attachments SET scanned = %s::jsonb, is_scanned = %s"
            " WHERE attachment_id = %s",
            [page.last or row[0] or "[]", page.looked_at < MAX_SCANNED_ROWS, id],
        )
    return page.looked_at


def _link_content(conn: Connection, attachment: Attachment, reader: RowReader) -> int:
    """Link pending rows to the images in them, some megabytes at a time. Return their number.

    If that fails for all at once, each is tried alone, and those that fail get their reason.
    """
    try:
        return _link_due(conn, attachment, reader, _take(MAX_LINKED_ROWS))
    except LOCKED:
        raise
    except psycopg.Error:
        if conn.closed:
            raise
    with conn.cursor(row_factory=scalar_row) as cursor:
        keys = cursor.execute(
            _TAKE.replace("FOR UPDATE SKIP LOCKED", ""), [attachment.attachment_id, MAX_LINKED_ROWS]
        ).fetchall()
    return sum(_link_alone(conn, attachment, reader, key) for key in keys)


def _link_alone(conn: Connection, attachment: Attachment, reader: RowReader, key: str) -> int:
    try:
        return _link_due(conn, attachment, reader, _take_one(key))
    except LOCKED:
        return 0
    except psycopg.Error as error:
        if conn.closed:
            raise
        reason = escapes.visible(error.diag.message_primary or str(error))
        with suppress(*LOCKED), conn.transaction():
            conn.execute(f"SET LOCAL lock_timeout = '{WAIT_MS}ms'".encode())
            _fail(conn, attachment, [key], reason, for_good=False)
        return 1


Take = Callable[[Connection, int], list[str]]
_TAKE = """
    SELECT r.key::text FROM blip.attached_rows r
    WHERE r.attachment_id = %s AND r.state = 'p' AND r.run_after <= now()
        AND jsonb_typeof(r.key) = 'array'
    ORDER BY r.run_after LIMIT %s FOR UPDATE SKIP LOCKED
"""


def _take(count: int) -> Take:
    def take(conn: Connection, id: int) -> list[str]:
        with conn.cursor(row_factory=scalar_row) as cursor:
            return cursor.execute(_TAKE.encode(), [id, count]).fetchall()

    return take


def _take_one(key: str) -> Take:
    def take(conn: Connection, id: int) -> list[str]:
        with conn.cursor(row_factory=scalar_row) as cursor:
            return cursor.execute(
                "SELECT r.key::text FROM blip.attached_rows r WHERE r.attachment_id = %s"
                " AND r.state = 'p' AND r.key = %s::jsonb FOR UPDATE SKIP LOCKED",
                [id, key],
            ).fetchall()

    return take


def _link_due(conn: Connection, attachment: Attachment, reader: RowReader, take: Take) -> int:
    """Link rows, which stay locked until that is committed.

    An app that changes one meanwhile waits, and then has it linked again. So take some megabytes at
    a time, and never wait for locks.
    """
    with conn.transaction():
        conn.execute(f"SET LOCAL lock_timeout = '{WAIT_MS}ms'".encode())
        keys = take(conn, attachment.attachment_id)
        if not keys:
            return 0
        rows = reader.rows(keys, MAX_LINKED_BYTES)
        keys_without_image = [row.key for row in rows if row.size is None]
        if keys_without_image:
            _unlink(conn, attachment, keys_without_image)
        linked = [row for row in rows if row.size is not None]
        for reason, failed in _failures(linked).items():
            _fail(conn, attachment, [row.key for row in failed], reason, for_good=True)
            linked = [row for row in linked if row not in failed]
        _link(conn, attachment, linked)
    return len(rows)


def _failures(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Group rows that can't be linked by the reason."""
    failures: dict[str, list[Row]] = {}
    for row in rows:
        if row.size == 0:
            reason = "the image is empty"
        elif row.sha256 is None:
            reason = f"the image has {row.size} bytes; at most {MAX_IMAGE_BYTES} are taken"
        elif row.has_long_text:
            reason = f"the caption has more than {attached.MAX_CAPTION_BYTES} bytes"
        else:
            continue
        failures.setdefault(reason, []).append(row)
    return failures


def _link(conn: Connection, attachment: Attachment, rows: Sequence[Row]) -> None:
    if not rows:
        return
    conn.execute(
        _LINK,
        [
            attachment.attachment_id,
            [row.key for row in rows],
            [row.image_id for row in rows],
            [row.sha256 for row in rows],
            [row.mime for row in rows],
            [row.size for row in rows],
            [row.caption for row in rows],
            [row.uri for row in rows],
        ],
    )


_LINK: LiteralString = (
    "SELECT blip._link(%s, %s::text[]::jsonb[], %b::uuid[], %b::bytea[], %b::text[], %b::bigint[],"
    " %b::text[], %b::text[])"
)


def _unlink(conn: Connection, attachment: Attachment, keys: Sequence[str]) -> None:
    conn.execute(
        "SELECT blip._unlink(%s, %s::text[]::jsonb[])",
        [attachment.attachment_id, list(keys)],
    )


def _fail(
    conn: Connection, attachment: Attachment, keys: Sequence[str], reason: str, *, for_good: bool
) -> None:
    conn.execute(
        "SELECT blip._fail_rows(%s, %s::text[]::jsonb[], %s, %s)",
        [attachment.attachment_id, list(keys), reason, for_good],
    )


def _link_read(conn: Connection, attachment: Attachment, reader: RowReader) -> int:
    """Link rows that hold paths or URLs."""
    id = attachment.attachment_id
    with conn.cursor(row_factory=scalar_row) as cursor:
        keys = cursor.execute(
            "SELECT key::text FROM blip.attached_rows WHERE attachment_id = %s AND state = 'p'"
            " AND run_after <= now() AND jsonb_typeof(key) = 'array' ORDER BY run_after LIMIT %s",
            [id, MAX_READ_ROWS],
        ).fetchall()
    allowed = _allowed(conn, attachment.kind)
    outcomes: dict[str, tuple[Row, bytes | ImageError]] = {}
    read = partial(_read, attachment.kind, allowed)
    for row, data in ahead(read, reader.rows(keys, MAX_LINKED_BYTES), READER_THREADS):
        outcomes[row.key] = row, data
    with conn.transaction(), conn.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{WAIT_MS}ms'".encode())
        cursor.execute(
            "SELECT key::text FROM blip.attached_rows WHERE attachment_id = %s AND state = 'p'"
            " AND key = ANY(%s::text[]::jsonb[]) FOR UPDATE SKIP LOCKED",
            [id, keys],
        )
        now = reader.rows(cursor.fetchall(), MAX_LINKED_BYTES)
        same = [
            outcomes[row.key] for row in now if row.key in outcomes and outcomes[row.key][0] == row
        ]
        _store(conn, attachment, same)
    return len(same)


def _store(
    conn: Connection, attachment: Attachment, outcomes: Sequence[tuple[Row, bytes | ImageError]]
) -> None:
    read: list[Row] = []
    for row, data in outcomes:
        if row.uri is None and not row.has_long_text:
            _unlink(conn, attachment, [row.key])
            continue
        try:
            if isinstance(data, ImageError):
                raise data
            id = image_id(attachment.space, data)
            read.append(
                row._replace(
                    image_id=id,
                    sha256=sha256(data).digest(),
                    mime=formats.mime(data),
                    size=len(data),
                )
            )
        except ImageError as error:
            uri = row.uri or ""
            where = remote.shown(uri) if remote.is_remote(uri) else uri
            reason = f"{escapes.visible(where)}: {error.reason}" if where else error.reason
            _fail(conn, attachment, [row.key], reason, for_good=error.for_good)
    _link(conn, attachment, read)


def _allowed(conn: Connection, kind: str) -> str | None:
    """Return the owner's setting for columns of this kind, None if they are not allowed."""
    values: Mapping[str, str] = dict(
        conn.execute("SELECT name, value FROM blip.settings WHERE name LIKE 'attach%'").fetchall()
    )
    return values.get(f"attach_{kind}s")


def _read(kind: str, allowed: str | None, row: Row) -> bytes | ImageError:
    """Read the image at a row's path or URL; empty if the row has none."""
    if row.uri is None and not row.has_long_text:
        return b""
    try:
        if row.uri is None:
            raise ImageError("the path, URL or caption is too long", for_good=True)
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
    return files.read(_inside(allowed, path), Limits().bytes).data


def _inside(folders: str, path: str) -> str:
    """Return the path with its links resolved.

    Raises:
        ImageError: it is in none of the folders (joined by colons), or not absolute.
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
