"""Models whose image tokens are merged: each token keeps the number of those merged into it."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"

MERGED = """
ALTER TABLE blip.models ADD merged boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN blip.models.merged IS
    'Whether a stored image token stands for several, and its record says for how many';
"""


def upgrade() -> None:
    op.execute(MERGED)
