"""The filter that judged a caption; blip.verdicts: captions kept and dropped, by whom and why."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

JUDGES = """
ALTER TABLE blip.captions
    ADD filter_id integer REFERENCES blip.models,
    ADD unread text,
    ADD CONSTRAINT captions_filter_check CHECK (
        filter_id IS NOT NULL OR unread IS NULL),
    ADD CONSTRAINT captions_unread_check CHECK (unread IS NULL OR itm IS NULL);
ALTER POLICY addable ON blip.captions WITH CHECK (
    origin <> 'synthetic' AND itc IS NULL AND itm IS NULL AND text_vector IS NULL
    AND filter_id IS NULL
    AND EXISTS (SELECT FROM blip.images i WHERE i.image_id = captions.image_id));
"""

VERDICTS = """
CREATE VIEW blip.verdicts WITH (security_invoker = true) AS
SELECT c.image_id, c.caption_id, c.text, c.origin, w.name AS writer, c.decoding,
       f.name AS judge, c.itm, c.itc,
       CASE WHEN c.origin = 'human' OR c.itm >= 0.5 THEN 'kept'
            WHEN c.itm IS NULL AND c.unread IS NULL THEN 'unjudged'
            ELSE 'dropped' END AS verdict,
       CASE WHEN c.origin = 'human' THEN 'people''s own texts are not judged'
            WHEN c.unread IS NOT NULL THEN c.unread
            WHEN c.itm >= 0.5 THEN 'the match head says they match'
            WHEN c.itm < 0.5 THEN 'the match head says they don''t'
            ELSE 'no filter has seen it' END AS reason
FROM blip.captions c
LEFT JOIN blip.models w ON w.model_id = c.model_id
LEFT JOIN blip.models f ON f.model_id = c.filter_id;
COMMENT ON VIEW blip.verdicts IS
    'Every caption with who wrote it and how, who judged it, and whether it was kept and why';
"""


def upgrade() -> None:
    op.execute(JUDGES)
    op.execute(VERDICTS)
