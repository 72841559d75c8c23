"""Products have images."""

from __future__ import annotations

from alembic import op

import blipdb.orm.alembic  # noqa: F401 (registers operations)

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.require_blipdb()
    op.add_image_column("products")


def downgrade() -> None:
    op.drop_image_column("products")
