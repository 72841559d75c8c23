"""Statements on the tables that read an image and its picture, for any server.

They run on an app's connection, with its search path: functions have their schema.
"""

from __future__ import annotations

from typing import Final, LiteralString

IMAGE: Final[LiteralString] = """
    SELECT i.image_id, i.space, i.mime, i.width, i.height, i.bytes, i.metadata, i.created_at,
           ARRAY(SELECT f.uri FROM blip.files f WHERE f.image_id = i.image_id
                 UNION SELECT coalesce(r.uri, blip._place(a.source, r.key))
                 FROM blip.attached_rows r
                 JOIN blip.attachments a ON a.attachment_id = r.attachment_id
                 WHERE r.image_id = i.image_id ORDER BY 1),
           ARRAY(SELECT t.text FROM blip.ranked_captions t WHERE t.image_id = i.image_id
                 ORDER BY t.rank)
    FROM blip.images i WHERE i.image_id = %s
"""

# Pictures to show: what is stored; else an app's row, for workers, and files that ingest read.
PREVIEWS: Final[LiteralString] = """
    SELECT i.image_id, i.space, i.bytes, i.content IS NOT NULL, a.attachment_id, a.key,
           ARRAY(SELECT f.uri FROM blip.files f WHERE f.image_id = i.image_id AND f.is_ingested
                 UNION SELECT r.uri FROM blip.attached_rows r
                 WHERE r.image_id = i.image_id AND r.uri IS NOT NULL ORDER BY 1)
    FROM blip.images i
    LEFT JOIN LATERAL (
        SELECT r.attachment_id, r.key::text FROM blip.attached_rows r
        JOIN blip.attachments a ON a.attachment_id = r.attachment_id
        WHERE r.image_id = i.image_id AND a.kind = 'content'
        LIMIT 1
    ) a ON i.content IS NULL
    WHERE i.image_id = ANY(%s)
"""
CONTENT: Final[LiteralString] = "SELECT content FROM blip.images WHERE image_id = %s"
