"""Every model with a match head can be the filter; captions without vector or scores are found."""

from __future__ import annotations

from alembic import op

revision = "0009"
down_revision = "0008"

# A model for retrieval has the ITC and ITM heads that a filter needs. Without another choice the
# active one judges captions.
ROLES = """
UPDATE blip.models SET roles = roles || 'filter'::text
WHERE 'retrieval' = ANY (roles) AND 'filter' <> ALL (roles);
INSERT INTO blip.active_models (role, model_id)
SELECT 'filter', model_id FROM blip.active_models WHERE role = 'retrieval'
ON CONFLICT (role) DO NOTHING;
"""

# A caption lacks the active model's result where its model is null, smaller or larger: three ranges
# of an index, so that looking is quick however many captions there are.
INDEXES = """
CREATE INDEX captions_encoder_id_idx ON blip.captions (encoder_id);
CREATE INDEX captions_filter_id_idx ON blip.captions (filter_id);
"""

# A vector and scores are of the text and the image that the row had when they were computed.
EDITS = """
CREATE FUNCTION blip._forget_results() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.text_vector := NULL;
    NEW.encoder_id := NULL;
    NEW.itc := NULL;
    NEW.itm := NULL;
    NEW.filter_id := NULL;
    NEW.unread := NULL;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION blip._forget_results() IS
    'Forget the vector and the scores of a caption whose text or image was changed';
REVOKE ALL ON FUNCTION blip._forget_results() FROM PUBLIC;
CREATE TRIGGER forget BEFORE UPDATE OF text, image_id ON blip.captions FOR EACH ROW
    WHEN (NEW.text <> OLD.text OR NEW.image_id <> OLD.image_id)
    EXECUTE FUNCTION blip._forget_results();
"""

VIEW = """
CREATE VIEW blip.ranked_captions WITH (security_invoker = true) AS
SELECT s.image_id, s.caption_id, s.text, s.origin, w.name AS writer, s.decoding, s.itm, s.itc,
       s.verdict,
       row_number() OVER (
           PARTITION BY s.image_id
           ORDER BY s.verdict = 'dropped', s.verdict = 'unjudged', s.origin <> 'human',
                    s.itm DESC NULLS LAST, s.itc DESC NULLS LAST, s.origin DESC, s.caption_id)
           AS rank
FROM (
    SELECT j.*,
           CASE WHEN j.origin = 'human' OR j.itm >= 0.5 THEN 'kept'
                WHEN j.itm IS NULL AND NOT j.is_unread THEN 'unjudged'
                ELSE 'dropped' END AS verdict
    FROM (
        SELECT c.image_id, c.caption_id, c.text, c.origin, c.model_id, c.decoding,
               CASE WHEN c.filter_id = f.model_id THEN c.itm END AS itm,
               CASE WHEN c.filter_id = f.model_id THEN c.itc END AS itc,
               (c.filter_id = f.model_id AND c.unread IS NOT NULL) IS TRUE AS is_unread
        FROM blip.captions c
        LEFT JOIN blip.active_models f ON f.role = 'filter'
    ) j
) s
LEFT JOIN blip.models w ON w.model_id = s.model_id;
COMMENT ON VIEW blip.ranked_captions IS
    'Captions with their scores by the active filter, those of another left out; rank 1 is the best'
    ' of an image: kept before unjudged before dropped, people''s first, then by itm';
"""


def upgrade() -> None:
    for statements in (ROLES, INDEXES, EDITS, VIEW):
        op.execute(statements)
