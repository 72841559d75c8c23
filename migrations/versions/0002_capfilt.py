"""blip.capfilt: the texts that training reads."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"

# As CapFilt has it (arXiv 2201.12086, section 4): the filter judges web and synthetic texts alike,
# and what it takes for a match stays; people's own texts are not judged. The policies on
# blip.captions hold for whoever reads the view, not for its owner.
CAPFILT = """
CREATE VIEW blip.capfilt WITH (security_invoker = true) AS
SELECT image_id, caption_id, text, origin
FROM blip.captions
WHERE origin = 'human' OR itm >= 0.5;
COMMENT ON VIEW blip.capfilt IS
    'What training reads: human captions, and those web and synthetic ones that the filter kept';
"""


def upgrade() -> None:
    op.execute(CAPFILT)
