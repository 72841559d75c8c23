"""Attachments that name their columns, and the functions that attached tables are read by."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"

# Columns were named by their place in the update trigger's list, which the table's owner makes.
COLUMNS = """
ALTER TABLE blip.attachments RENAME places TO columns;
ALTER TABLE blip.attachments
    ALTER columns SET DEFAULT '{}',
    ALTER mode SET DEFAULT 'new',
    ADD relation oid,
    ADD names text[] NOT NULL DEFAULT '{}',
    DROP CONSTRAINT attachments_mode_check;
UPDATE blip.attachments a
SET relation = a.source,
    columns = ARRAY(SELECT CASE p WHEN 0 THEN 0 ELSE t.tgattr[p - 1] END
                    FROM unnest(a.columns) WITH ORDINALITY u (p, n) ORDER BY n)
FROM pg_trigger t
WHERE t.tgrelid = a.source AND t.tgname = ('!blip_attach_' || a.attachment_id || '_update')::name;
UPDATE blip.attachments a
SET mode = CASE WHEN a.relation IS NULL THEN 'new' ELSE a.mode END,
    names = ARRAY(SELECT coalesce(b.attname, '')::text
                  FROM unnest(a.columns) WITH ORDINALITY u (c, n)
                  LEFT JOIN pg_attribute b ON b.attrelid = a.source AND b.attnum = u.c AND u.c > 0
                  ORDER BY n);
UPDATE blip.attachments SET mode = 'new' WHERE mode = 'detached';
ALTER TABLE blip.attachments
    ADD CONSTRAINT attachments_mode_check CHECK (mode IN ('new', 'background', 'live'));
COMMENT ON COLUMN blip.attachments.columns IS
    'Numbers of the columns for image, caption (0: none) and key, in the table of the oid relation';
COMMENT ON COLUMN blip.attachments.names IS
    'Names of these columns, by which they are found after a restore, where the table has another'
    ' oid';
"""

TABLES = """
CREATE TABLE blip.attachment_readers (
    attachment_id integer PRIMARY KEY REFERENCES blip.attachments ON DELETE CASCADE,
    reader text NOT NULL,
    token text NOT NULL
);
COMMENT ON TABLE blip.attachment_readers IS
    'Functions in blip_attached that read attached tables for whoever has the token; for workers';

CREATE TABLE blip.orphans (
    orphan_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    image_id uuid NOT NULL,
    caption_id uuid,
    run_after timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX orphans_image_id_idx ON blip.orphans (image_id);
COMMENT ON TABLE blip.orphans IS
    'Images and captions that attached rows let go of while others were at them; for workers';
"""

POLICIES = """
DROP POLICY changeable ON blip.attachments;
ALTER TABLE blip.attachment_readers ENABLE ROW LEVEL SECURITY;
ALTER TABLE blip.orphans ENABLE ROW LEVEL SECURITY;
"""


def upgrade() -> None:
    for statements in (COLUMNS, TABLES, POLICIES):
        op.execute(statements)
