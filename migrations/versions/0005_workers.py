"""The encoder of a caption's vector, and indexes for a queue that millions of jobs pass through."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"

TEXTS = """
ALTER TABLE blip.captions ADD encoder_id integer REFERENCES blip.models;
COMMENT ON COLUMN blip.captions.encoder_id IS
    'The model whose ITC vector text_vector is, or which can read no word of the text';
ALTER POLICY addable ON blip.captions WITH CHECK (
    origin <> 'synthetic' AND itc IS NULL AND itm IS NULL AND text_vector IS NULL
    AND filter_id IS NULL AND encoder_id IS NULL
    AND EXISTS (SELECT FROM blip.images i WHERE i.image_id = captions.image_id));
"""


def upgrade() -> None:
    op.execute(TEXTS)
