"""Statements on the tables, for what the SQL functions do on other servers.

They run on an app's connection, with its search path: functions of arguments have their schema, and
operators those types that one of PostgreSQL's own has, so that nothing fits better.
"""

from __future__ import annotations

from typing import Final, LiteralString

# How blip._place names an app's own row, and blip._where a place where an image was seen.
_PLACE: Final[LiteralString] = """
    coalesce((SELECT n.nspname::text || '.' || c.relname::text FROM pg_class c
              JOIN pg_namespace n ON n.oid = c.relnamespace
              WHERE c.oid = a.source::oid), a.source::text)
    || '/' || (SELECT pg_catalog.string_agg(v, ',' ORDER BY n)
               FROM pg_catalog.jsonb_array_elements_text(r.key) WITH ORDINALITY u (v, n))"""
_ATTACHED: Final[LiteralString] = (
    "blip.attached_rows r JOIN blip.attachments a ON a.attachment_id = r.attachment_id"
)


def _where(id: LiteralString) -> LiteralString:
    return f"""coalesce(
        (SELECT f.uri FROM blip.files f WHERE f.image_id = {id}
         ORDER BY f.is_ingested DESC, f.uri LIMIT 1),
        (SELECT coalesce(r.uri, {_PLACE}) FROM {_ATTACHED}
         WHERE r.image_id = {id} ORDER BY r.attachment_id, r.key LIMIT 1))"""  # noqa: S608 - all of constants


# Those of sql/add.sql.
ADD_IMAGE: Final[LiteralString] = """
    INSERT INTO blip.images AS i (image_id, space, sha256, mime, bytes, content, metadata)
    VALUES (%(id)s, %(space)s, %(sha256)s, %(mime)s, %(bytes)s, %(content)s, %(metadata)s)
    ON CONFLICT ON CONSTRAINT images_pkey DO NOTHING
"""
CHANGE_METADATA: Final[LiteralString] = """
    UPDATE blip.images i SET metadata = i.metadata || %(metadata)s
    WHERE i.image_id = %(id)s AND NOT i.metadata @> %(metadata)s
"""
ADDED_METADATA: Final[LiteralString] = """
    SELECT i.metadata ?& ARRAY(SELECT pg_catalog.jsonb_object_keys(%(metadata)s))
               AND i.content IS NOT NULL,
           ARRAY(SELECT m.key FROM pg_catalog.jsonb_each(%(metadata)s) m
                 WHERE i.metadata -> m.key IS DISTINCT FROM m.value ORDER BY 1),
           pg_catalog.has_column_privilege('blip.images', 'metadata', 'UPDATE')
    FROM blip.images i WHERE i.image_id = %(id)s
"""
# Who may not add anyway is told so by the INSERT.
GOES_BY_SPACE: Final[LiteralString] = """
    SELECT blip._goes_by_space()
           OR NOT pg_catalog.has_column_privilege('blip.images', 'image_id', 'INSERT'),
           current_user
"""
ADD_FILE: Final[LiteralString] = """
    INSERT INTO blip.files AS f (uri, space, image_id, size)
    VALUES (%(uri)s, %(space)s, %(id)s, %(bytes)s)
    ON CONFLICT ON CONSTRAINT files_pkey DO UPDATE
        SET image_id = excluded.image_id, size = excluded.size, seen_at = now()
        WHERE f.image_id <> excluded.image_id AND NOT f.is_ingested AND f.mtime IS NULL
"""
PLACED: Final[LiteralString] = """
    SELECT f.image_id = %(id)s, f.is_ingested OR f.mtime IS NOT NULL
    FROM blip.files f WHERE f.uri = %(uri)s AND f.space = %(space)s
"""
ADD_CAPTION: Final[LiteralString] = """
    INSERT INTO blip.captions (image_id, caption_id, text, origin)
    VALUES (%(id)s, %(caption_id)s, %(text)s, 'web') ON CONFLICT DO NOTHING
"""
ENQUEUE: Final[LiteralString] = """
    WITH enqueued AS (
        INSERT INTO blip.jobs (image_id, stage, model_id)
        SELECT DISTINCT %(id)s::uuid, 'encode', a.model_id FROM blip.active_models a
        WHERE a.role IN ('retrieval', 'captioner', 'answerer')
        ON CONFLICT DO NOTHING
    )
    SELECT EXISTS (SELECT FROM blip.active_models a WHERE a.role = 'retrieval')
"""

# As sql/captions.sql: the view decides the order.
IS_STORED: Final[LiteralString] = "SELECT EXISTS (SELECT FROM blip.images WHERE image_id = %s)"
CAPTIONS: Final[LiteralString] = """
    SELECT c.text, c.origin, c.writer, c.decoding, c.itm, c.itc, c.verdict
    FROM blip.ranked_captions c WHERE c.image_id = %s ORDER BY c.rank
"""

# Those of sql/status.sql and sql/failures.sql.
STORED: Final[LiteralString] = """
    SELECT 'images', NULL::text, 'stored', count(*) FROM blip.images
    UNION ALL SELECT 'files', NULL, 'stored', count(*) FROM blip.files
    UNION ALL SELECT 'files', NULL, 'failed', count(*) FROM blip.failed_files
    UNION ALL SELECT 'captions', NULL, 'stored', count(*) FROM blip.captions
    UNION ALL SELECT 'captions', f.name, 'unscored',
        (SELECT count(*) FROM blip.captions c WHERE c.filter_id IS NULL)
        + (SELECT count(*) FROM blip.captions c WHERE c.filter_id < f.model_id)
        + (SELECT count(*) FROM blip.captions c WHERE c.filter_id > f.model_id)
    FROM (
        SELECT pg_catalog.max(m.name) AS name, coalesce(pg_catalog.max(m.model_id), 0) AS model_id
        FROM blip.active_models a JOIN blip.models m ON m.model_id = a.model_id
        WHERE a.role = 'filter'
    ) f
"""
WORKED: Final[LiteralString] = """
    WITH job AS (
        SELECT j.stage, j.model_id,
               count(*) FILTER (
                   WHERE j.state = 'p' OR j.state = 'r' AND j.run_after <= now()) AS pending,
               count(*) FILTER (WHERE j.state = 'r' AND j.run_after > now()) AS running,
               count(*) FILTER (WHERE j.state = 'x') AS parked,
               count(*) FILTER (WHERE j.state = 'd') AS done
        FROM blip.jobs j GROUP BY j.stage, j.model_id
    )
    SELECT j.stage, m.name, s.state, s.count
    FROM job j JOIN blip.models m ON m.model_id = j.model_id
    CROSS JOIN LATERAL (
        VALUES (1, 'pending', j.pending), (2, 'running', j.running), (3, 'parked', j.parked),
               (4, 'done', j.done)
    ) s (place, state, count)
    ORDER BY j.stage DESC, j.model_id, s.place
"""
FAILURES: Final[LiteralString] = f"""
    SELECT f.uri, NULL::uuid, 'read', NULL::text, f.reason, f.attempts, f.failed_at
    FROM blip.failed_files f
    UNION ALL
    SELECT {_PLACE}, NULL, 'attach', NULL, r.error, r.attempts, r.updated_at
    FROM {_ATTACHED}
    WHERE r.state = 'x'
    UNION ALL
    SELECT {_where("j.image_id")}, j.image_id, j.stage, m.name, j.error, j.attempts, j.updated_at
    FROM blip.jobs j
    JOIN blip.models m ON m.model_id = j.model_id
    WHERE j.state = 'x'
    ORDER BY 7 DESC, 1, 2, 3, 4
"""  # noqa: S608 - of constants

# As sql/rerank.sql shows a hit.
SHOWN: Final[LiteralString] = f"""
    SELECT h.image_id, {_where("h.image_id")},
           (SELECT t.text FROM blip.ranked_captions t
            WHERE t.image_id = h.image_id AND t.rank = 1)
    FROM pg_catalog.unnest(%s::uuid[]) AS h (image_id)
"""  # noqa: S608 - of constants
IMAGE: Final[LiteralString] = f"""
    SELECT i.image_id, i.space, i.mime, i.width, i.height, i.bytes, i.metadata, i.created_at,
           ARRAY(SELECT f.uri FROM blip.files f WHERE f.image_id = i.image_id
                 UNION SELECT coalesce(r.uri, {_PLACE}) FROM {_ATTACHED}
                 WHERE r.image_id = i.image_id ORDER BY 1),
           ARRAY(SELECT t.text FROM blip.ranked_captions t WHERE t.image_id = i.image_id
                 ORDER BY t.rank)
    FROM blip.images i WHERE i.image_id = %s
"""  # noqa: S608 - of constants

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
