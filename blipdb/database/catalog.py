"""Rows of files, images, captions and failures: looked up and written many at a time.

Each function is one or a few statements, whatever the number of files. Arrays are unnested rather
than copied, because COPY is refused on tables with row-level security to all but their owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from psycopg.rows import scalar_row

from ..identity import caption_id
from ..images.decode import Decoded
from ..sources.records import Caption, Failure, SourceFile
from ..types import Connection


class FileState(NamedTuple):
    """A file as it was last seen: it held an image, or failed for a reason."""

    size: int | None
    mtime: int | None
    image_id: UUID | None
    reason: str | None

    def matches(self, file: SourceFile) -> bool:
        return (self.size, self.mtime) == (file.size, file.mtime)


@dataclass(frozen=True)
class Seen:
    """A file that holds an image; ``file`` has the stat of the bytes that were read."""

    file: SourceFile
    image_id: UUID


@dataclass(frozen=True)
class New:
    """A file's image, which the database may not have yet."""

    seen: Seen
    sha256: bytes
    decoded: Decoded | None
    """None where decoding is left to the worker that encodes it."""
    mime: str
    content: bytes | None


def file_states(conn: Connection, space: str, uris: Sequence[str]) -> dict[str, list[FileState]]:
    """Look up files of a space: for each its image, its last failure, or both."""
    states: dict[str, list[FileState]] = {}
    rows = conn.execute(
        """
        -- A file that only others have noted was never read, so no stat counts as unchanged.
        SELECT uri, size, CASE WHEN is_ingested THEN mtime END, image_id, NULL
        FROM blip.files WHERE space = %(space)s AND uri = ANY(%(uris)b)
        UNION ALL
        SELECT uri, size, mtime, NULL, reason
        FROM blip.failed_files WHERE space = %(space)s AND uri = ANY(%(uris)b)
        """,
        {"space": space, "uris": list(uris)},
        binary=True,
    )
    for uri, *rest in rows:
        states.setdefault(uri, []).append(FileState(*rest))
    return states


def stored_images(conn: Connection, image_ids: Iterable[UUID]) -> set[UUID]:
    """Select the ``image_ids`` that are in the database."""
    with conn.cursor(row_factory=scalar_row, binary=True) as cursor:
        cursor.execute(
            "SELECT image_id FROM blip.images WHERE image_id = ANY(%b)", [list(image_ids)]
        )
        return set(cursor)


def image_ids(conn: Connection, space: str, uris: Sequence[str]) -> set[UUID]:
    """Look up the images that files of a space hold."""
    with conn.cursor(row_factory=scalar_row, binary=True) as cursor:
        cursor.execute(
            "SELECT image_id FROM blip.files WHERE space = %s AND uri = ANY(%b)",
            [space, list(uris)],
        )
        return set(cursor)


def add_images(conn: Connection, space: str, images: Sequence[New]) -> int:
    """Store images, except those that are stored already. Return the number of new ones."""
    ordered = sorted(images, key=lambda new: new.seen.image_id)
    return conn.execute(
        """
        INSERT INTO blip.images (image_id, space, sha256, mime, width, height, bytes, content)
        SELECT id, %(space)s, sha256, mime, width, height, bytes, content
        FROM unnest(%(ids)b::uuid[], %(sha256)b::bytea[], %(mimes)b::text[], %(widths)b::int[],
                    %(heights)b::int[], %(bytes)b::bigint[], %(contents)b::bytea[])
            AS u (id, sha256, mime, width, height, bytes, content)
        ON CONFLICT DO NOTHING
        """,
        {
            "space": space,
            "ids": [new.seen.image_id for new in ordered],
            "sha256": [new.sha256 for new in ordered],
            "mimes": [new.mime for new in ordered],
            "widths": [new.decoded and new.decoded.width for new in ordered],
            "heights": [new.decoded and new.decoded.height for new in ordered],
            "bytes": [new.seen.file.size for new in ordered],
            "contents": [new.content for new in ordered],
        },
    ).rowcount


def add_files(conn: Connection, space: str, files: Sequence[Seen]) -> None:
    """Store the files of images; a file that had other content moves to its new image."""
    ordered = sorted(files, key=lambda seen: seen.file.uri)
    uris = [seen.file.uri for seen in ordered]
    conn.execute(
        """
        INSERT INTO blip.files (uri, space, image_id, size, mtime, is_ingested)
        SELECT uri, %s, id, size, mtime, true
        FROM unnest(%b::text[], %b::uuid[], %b::bigint[], %b::bigint[]) AS u (uri, id, size, mtime)
        ON CONFLICT (uri, space) DO UPDATE
        SET image_id = excluded.image_id, size = excluded.size, mtime = excluded.mtime,
            is_ingested = true, seen_at = now()
        """,
        [
            space,
            uris,
            [seen.image_id for seen in ordered],
            [seen.file.size for seen in ordered],
            [seen.file.mtime for seen in ordered],
        ],
    )
    conn.execute("DELETE FROM blip.failed_files WHERE space = %s AND uri = ANY(%b)", [space, uris])


def add_captions(conn: Connection, captions: Mapping[UUID, Iterable[Caption]]) -> int:
    """Add captions that the images don't have yet. Return their number."""
    rows = sorted(
        (image_id, caption_id(caption.origin, caption.text), caption)
        for image_id, some in captions.items()
        for caption in some
    )
    if not rows:
        return 0
    return conn.execute(
        """
        INSERT INTO blip.captions (image_id, caption_id, text, origin)
        SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::text[])
        ON CONFLICT DO NOTHING
        """,
        [
            [image_id for image_id, _, _ in rows],
            [id for _, id, _ in rows],
            [caption.text for _, _, caption in rows],
            [caption.origin for _, _, caption in rows],
        ],
    ).rowcount


def add_failures(conn: Connection, space: str, failures: Sequence[Failure]) -> None:
    """Store files that could not be taken in, with their reasons, and count the attempts."""
    if not failures:
        return
    ordered = sorted({failure.uri: failure for failure in failures}.values(), key=lambda f: f.uri)
    conn.execute(
        """
        INSERT INTO blip.failed_files AS f (uri, space, reason, size, mtime)
        SELECT uri, %s, reason, size, mtime
        FROM unnest(%b::text[], %b::text[], %b::bigint[], %b::bigint[])
            AS u (uri, reason, size, mtime)
        ON CONFLICT (uri, space) DO UPDATE
        SET reason = excluded.reason, size = excluded.size, mtime = excluded.mtime,
            attempts = f.attempts + 1, failed_at = now()
        """,
        [
            space,
            [failure.uri for failure in ordered],
            [failure.reason for failure in ordered],
            [failure.size for failure in ordered],
            [failure.mtime for failure in ordered],
        ],
    )


def store_sizes(conn: Connection, decoded: Mapping[UUID, Decoded]) -> list[UUID]:
    """Store the dimensions and MIME types of images that came undecoded. Return their ids, without
    those that had them already."""
    with conn.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(
            """
            UPDATE blip.images i SET width = u.width, height = u.height, mime = u.mime
            FROM unnest(%b::uuid[], %b::int[], %b::int[], %b::text[])
                AS u (image_id, width, height, mime)
            WHERE i.image_id = u.image_id AND i.width IS NULL
            RETURNING i.image_id
            """,
            [
                list(decoded),
                [image.width for image in decoded.values()],
                [image.height for image in decoded.values()],
                [image.mime for image in decoded.values()],
            ],
        )
        return cursor.fetchall()
