"""Tables of an app's own whose images stay in step."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"

TABLES = """
CREATE TABLE blip.attachments (
    attachment_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source regclass NOT NULL,
    places smallint[] NOT NULL,
    kind text NOT NULL CONSTRAINT attachments_kind_check CHECK (kind IN ('content', 'path', 'url')),
    mode text NOT NULL CONSTRAINT attachments_mode_check CHECK (
        mode IN ('background', 'live', 'detached')),
    space text NOT NULL DEFAULT '',
    scanned jsonb,
    is_scanned boolean NOT NULL DEFAULT false,
    trouble text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX attachments_source_idx ON blip.attachments (source);
COMMENT ON TABLE blip.attachments IS
    'Tables of apps whose images stay in step; scanned is the last key of those there at first';
COMMENT ON COLUMN blip.attachments.places IS
    'Where image, caption (0: none) and key columns stand in the update trigger''s list of columns';

CREATE TABLE blip.attached_rows (
    attachment_id integer NOT NULL REFERENCES blip.attachments ON DELETE CASCADE,
    key jsonb NOT NULL,
    state "char" NOT NULL DEFAULT 'p' CONSTRAINT attached_rows_state_check CHECK (
        state IN ('p', 'd', 'x')),
    attempts integer NOT NULL DEFAULT 0,
    run_after timestamptz NOT NULL DEFAULT now(),
    image_id uuid REFERENCES blip.images ON DELETE SET NULL,
    caption_id uuid,
    uri text,
    error text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (attachment_id, key)
);
CREATE INDEX attached_rows_image_id_idx ON blip.attached_rows (image_id);
CREATE INDEX attached_rows_due_idx ON blip.attached_rows (attachment_id, run_after)
    WHERE state = 'p';
COMMENT ON TABLE blip.attached_rows IS
    'Which image an app''s row holds; state p(ending), d(one), x (given up with error)';

CREATE VIEW blip.attached WITH (security_invoker = true) AS
SELECT a.source, a.attachment_id, r.key, r.image_id
FROM blip.attachments a JOIN blip.attached_rows r ON r.attachment_id = a.attachment_id
WHERE r.state = 'd' AND r.image_id IS NOT NULL;
COMMENT ON VIEW blip.attached IS
    'Rows of attached tables with their images; key is the JSON array of a row''s primary key';
"""

# Who owns a table may attach it, and sees how far it is. Its images follow blip.images; who is
# subject to policies there could else bring images into another's space.
POLICIES = """
ALTER TABLE blip.attachments ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON blip.attachments FOR SELECT USING (
    has_table_privilege(source, 'SELECT'));
CREATE POLICY addable ON blip.attachments FOR INSERT WITH CHECK (
    pg_has_role((SELECT c.relowner FROM pg_class c WHERE c.oid = source), 'USAGE')
    AND NOT row_security_active('blip.images')
    AND (kind = 'content'
         OR EXISTS (SELECT FROM blip.settings s WHERE s.name = 'attach_' || kind || 's')));
CREATE POLICY changeable ON blip.attachments FOR UPDATE USING (
    pg_has_role((SELECT c.relowner FROM pg_class c WHERE c.oid = source), 'USAGE'));

ALTER TABLE blip.attached_rows ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON blip.attached_rows FOR SELECT USING (
    EXISTS (SELECT FROM blip.images i WHERE i.image_id = attached_rows.image_id OFFSET 0)
    OR EXISTS (
        SELECT FROM blip.attachments a JOIN pg_class c ON c.oid = a.source
        WHERE a.attachment_id = attached_rows.attachment_id
          AND pg_has_role(c.relowner, 'USAGE') OFFSET 0));
"""


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(POLICIES)
