"""The tables of schema blip, and policies for their rows."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0001"
down_revision = None
branch_labels = ("blipdb",)  # beside an app's own

MODELS = """
CREATE TABLE blip.models (
    model_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL CONSTRAINT models_name_check CHECK (name <> ''),
    digest text NOT NULL CONSTRAINT models_digest_check CHECK (digest ~ '^[0-9a-f]{64}$'),
    roles text[] NOT NULL CONSTRAINT models_roles_check CHECK (
        cardinality(roles) > 0
        AND roles <@ ARRAY['retrieval', 'captioner', 'filter', 'answerer']),
    image_size integer NOT NULL,
    itc_dims integer NOT NULL CONSTRAINT models_itc_dims_check CHECK (itc_dims BETWEEN 1 AND 4000),
    token_count integer NOT NULL,
    token_width integer NOT NULL,
    max_tokens integer NOT NULL,
    knows text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (name, digest),
    CONSTRAINT models_sizes_check CHECK (
        least(image_size, token_count, token_width, max_tokens) > 0)
);
COMMENT ON TABLE blip.models IS
    'Registered models; their files lie in the engine''s models folder, by digest';

CREATE TABLE blip.active_models (
    role text PRIMARY KEY CONSTRAINT active_models_role_check CHECK (
        role IN ('retrieval', 'captioner', 'filter', 'answerer')),
    model_id integer NOT NULL REFERENCES blip.models
);
COMMENT ON TABLE blip.active_models IS 'The one model that each role uses now';
"""

IMAGES = r"""
CREATE TABLE blip.images (
    image_id uuid PRIMARY KEY,
    space text NOT NULL DEFAULT '',
    sha256 bytea NOT NULL CONSTRAINT images_sha256_check CHECK (octet_length(sha256) = 32),
    mime text NOT NULL,
    width integer,
    height integer,
    bytes bigint NOT NULL CONSTRAINT images_bytes_check CHECK (bytes > 0),
    content bytea,
    preview bytea,
    metadata jsonb NOT NULL DEFAULT '{}' CONSTRAINT images_metadata_check CHECK (
        jsonb_typeof(metadata) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT images_size_check CHECK (width > 0 AND height > 0),
    -- Or a writer could claim the id of a picture that another is yet to add.
    CONSTRAINT images_content_check CHECK (content IS NULL OR (
        octet_length(content) <= 67108864
        AND bytes = octet_length(content)
        AND sha256 = sha256(content)
        AND image_id = encode(substr(sha256(
            convert_to(space, 'UTF8') || '\x00'::bytea || content), 1, 16), 'hex')::uuid))
);
-- Compressed by their own formats already; pglz would only cost time.
ALTER TABLE blip.images ALTER content SET STORAGE EXTERNAL, ALTER preview SET STORAGE EXTERNAL;
CREATE INDEX images_space_idx ON blip.images (space);
CREATE INDEX images_metadata_idx ON blip.images USING gin (metadata jsonb_path_ops);
COMMENT ON TABLE blip.images IS
    'Images by content: image_id is half of SHA-256(space, NUL, content)';

CREATE TABLE blip.files (
    uri text NOT NULL CONSTRAINT files_uri_check CHECK (uri <> ''),
    space text NOT NULL DEFAULT '',
    image_id uuid NOT NULL REFERENCES blip.images ON DELETE CASCADE,
    size bigint,
    mtime bigint,
    seen_at timestamptz NOT NULL DEFAULT now(),
    -- With the space inside: two tenants may name their files alike.
    PRIMARY KEY (uri, space)
);
CREATE INDEX files_image_id_idx ON blip.files (image_id);
COMMENT ON TABLE blip.files IS
    'Where images were seen; mtime in ns since 1970, so that stat alone can tell';

CREATE TABLE blip.failed_files (
    uri text NOT NULL CONSTRAINT failed_files_uri_check CHECK (uri <> ''),
    space text NOT NULL DEFAULT '',
    reason text NOT NULL,
    size bigint,
    mtime bigint,
    attempts integer NOT NULL DEFAULT 1,
    failed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (uri, space)
);
COMMENT ON TABLE blip.failed_files IS
    'Files that could not be read as an image, and so have no image_id';
"""

# The search path doesn't lead there.
PGVECTOR = """
SELECT quote_ident(n.nspname) FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname = 'vector'
"""

# Keys begin with image_id: a cascading delete takes 0.14 ms per image, and 10 ms the other way
# round. A parent holds halfvec without dimensions, which its partitions check.
ENCODED = """
CREATE TABLE blip.image_vectors (
    image_id uuid NOT NULL REFERENCES blip.images ON DELETE CASCADE,
    model_id integer NOT NULL REFERENCES blip.models,
    itc {pgvector}.halfvec NOT NULL,
    PRIMARY KEY (image_id, model_id)
) PARTITION BY LIST (model_id);
COMMENT ON TABLE blip.image_vectors IS
    'ITC vectors, L2-normalised; each model''s partition has its HNSW index';

CREATE TABLE blip.image_tokens (
    image_id uuid NOT NULL REFERENCES blip.images ON DELETE CASCADE,
    model_id integer NOT NULL REFERENCES blip.models,
    tokens bytea NOT NULL,
    PRIMARY KEY (image_id, model_id)
) PARTITION BY LIST (model_id);
ALTER TABLE blip.image_tokens ALTER tokens SET STORAGE EXTERNAL;
COMMENT ON TABLE blip.image_tokens IS
    'The ViT''s output: N float32 scales (little endian), then N*D int8';

CREATE TABLE blip.captions (
    image_id uuid NOT NULL REFERENCES blip.images ON DELETE CASCADE,
    caption_id uuid NOT NULL,
    text text NOT NULL CONSTRAINT captions_text_check CHECK (text <> ''),
    origin text NOT NULL CONSTRAINT captions_origin_check CHECK (
        origin IN ('web', 'human', 'synthetic')),
    model_id integer REFERENCES blip.models,
    decoding jsonb,
    itc real,
    itm real,
    text_vector {pgvector}.halfvec,
    PRIMARY KEY (image_id, caption_id),
    CONSTRAINT captions_model_check CHECK ((origin = 'synthetic') = (model_id IS NOT NULL))
);
COMMENT ON TABLE blip.captions IS
    'Texts about images; itc is a cosine, itm a match probability';
"""

WORK = """
CREATE TABLE blip.jobs (
    image_id uuid NOT NULL REFERENCES blip.images ON DELETE CASCADE,
    stage text NOT NULL,
    model_id integer NOT NULL REFERENCES blip.models,
    state "char" NOT NULL DEFAULT 'p' CONSTRAINT jobs_state_check CHECK (
        state IN ('p', 'r', 'd', 'x')),
    attempts integer NOT NULL DEFAULT 0,
    run_after timestamptz NOT NULL DEFAULT now(),
    lease uuid,
    error text,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (image_id, stage, model_id),
    CONSTRAINT jobs_lease_check CHECK (state <> 'r' OR lease IS NOT NULL)
);
CREATE INDEX jobs_ready_idx ON blip.jobs (stage, model_id, run_after)
    WHERE state IN ('p', 'r');
COMMENT ON TABLE blip.jobs IS
    'State p(ending), r(unning until run_after), d(one), x (parked with error)';

CREATE TABLE blip.settings (
    name text PRIMARY KEY,
    value text NOT NULL
);
COMMENT ON TABLE blip.settings IS
    'Where the engine listens; for blip_owner and blip_engine';
"""

# The server's owner decides who sees an image, by policies on blip.images. Every table
# derived from it follows from the start. OFFSET 0 keeps the planner from hashing all the images
# to look up 32 of them.
DERIVED = ("files", "image_vectors", "image_tokens", "captions", "jobs")

FOLLOW = """
ALTER TABLE blip.{table} ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON blip.{table} FOR SELECT USING (
    EXISTS (SELECT FROM blip.images i WHERE i.image_id = {table}.image_id OFFSET 0));
"""

# What a writer may add to an image that it sees; the rest is for workers.
POLICIES = """
CREATE POLICY addable ON blip.files FOR INSERT WITH CHECK (
    EXISTS (SELECT FROM blip.images i
            WHERE i.image_id = files.image_id AND i.space = files.space));
CREATE POLICY changeable ON blip.files FOR UPDATE
    USING (EXISTS (SELECT FROM blip.images i WHERE i.image_id = files.image_id))
    WITH CHECK (EXISTS (SELECT FROM blip.images i
                        WHERE i.image_id = files.image_id AND i.space = files.space));
CREATE POLICY addable ON blip.captions FOR INSERT WITH CHECK (
    origin <> 'synthetic' AND itc IS NULL AND itm IS NULL AND text_vector IS NULL
    AND EXISTS (SELECT FROM blip.images i WHERE i.image_id = captions.image_id));
CREATE POLICY addable ON blip.jobs FOR INSERT WITH CHECK (
    state = 'p' AND attempts = 0 AND lease IS NULL AND error IS NULL
    AND EXISTS (SELECT FROM blip.images i WHERE i.image_id = jobs.image_id));

-- A failed file has no image: it is seen by whoever sees an image of its space.
ALTER TABLE blip.failed_files ENABLE ROW LEVEL SECURITY;
CREATE POLICY visible ON blip.failed_files FOR SELECT USING (
    NOT row_security_active('blip.images')
    OR EXISTS (SELECT FROM blip.images i WHERE i.space = failed_files.space));

ALTER TABLE blip.settings ENABLE ROW LEVEL SECURITY;
"""


def upgrade() -> None:
    pgvector = op.get_bind().scalar(text(PGVECTOR))
    for statements in (MODELS, IMAGES, ENCODED.format(pgvector=pgvector), WORK):
        op.execute(statements)
    for table in DERIVED:
        op.execute(FOLLOW.format(table=table))
    op.execute(POLICIES)
