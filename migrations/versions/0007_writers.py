"""Rights of writers: to add, and not to overwrite, to erase or to have files read."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"

# A uri that a writer passed in is text to show. Only where ingest itself read the image may a
# worker or a client open the file: else a writer could have any path or URL opened, and learn by
# the failure whether it exists. Of the rows that are there, those of images with stored content
# need no file, and count as ingested again once ingest has read them. For the others a writer was
# never expected to set mtime and the right size, which ingest always did.
FILES = """
ALTER TABLE blip.files ADD is_ingested boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN blip.files.is_ingested IS
    'Whether ingest read the image there; workers and clients open no other file';
UPDATE blip.files f SET is_ingested = true FROM blip.images i
WHERE i.image_id = f.image_id AND i.content IS NULL AND f.mtime IS NOT NULL AND f.size = i.bytes;

-- A row with an mtime that is not marked came by ingest as well, and stays where it is, too.
ALTER POLICY addable ON blip.files WITH CHECK (
    NOT is_ingested AND mtime IS NULL AND (SELECT blip._goes_by_space())
    AND EXISTS (SELECT FROM blip.images i
                WHERE i.image_id = files.image_id AND i.space = files.space));
ALTER POLICY changeable ON blip.files
    USING (NOT is_ingested AND mtime IS NULL
           AND EXISTS (SELECT FROM blip.images i WHERE i.image_id = files.image_id))
    WITH CHECK (NOT is_ingested AND mtime IS NULL
                AND EXISTS (SELECT FROM blip.images i
                            WHERE i.image_id = files.image_id AND i.space = files.space));
"""

# Each column that a writer may set must be what blip_add would write: a caption under another id
# would come twice, a job that runs in a thousand years would keep the image from being encoded.
ADDABLE = r"""
ALTER POLICY addable ON blip.captions WITH CHECK (
    origin <> 'synthetic' AND decoding IS NULL AND itc IS NULL AND itm IS NULL
    AND text_vector IS NULL AND filter_id IS NULL AND encoder_id IS NULL
    AND length(text) <= 10000
    AND caption_id = encode(substr(sha256(
        convert_to(origin, 'UTF8') || '\x00'::bytea || convert_to(text, 'UTF8')), 1, 16),
        'hex')::uuid
    AND EXISTS (SELECT FROM blip.images i WHERE i.image_id = captions.image_id));
ALTER POLICY addable ON blip.jobs WITH CHECK (
    stage = 'encode' AND state = 'p' AND attempts = 0 AND lease IS NULL AND error IS NULL
    AND run_after = now()
    AND EXISTS (SELECT FROM blip.active_models a
                WHERE a.model_id = jobs.model_id
                  AND a.role IN ('retrieval', 'captioner', 'answerer'))
    AND EXISTS (SELECT FROM blip.images i WHERE i.image_id = jobs.image_id));
"""

# Content has one id in each space, and a file one row: so only spaces can keep tenants apart. Where
# a policy hides images for another reason, adding would tell whether they exist, and a failed file
# has nothing but its space. A reference to the whole row is no dependency on a column, but stands
# in the expression with the number 0.
SPACES = """
CREATE FUNCTION blip._goes_by_space() RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT NOT row_security_active('blip.images') OR NOT EXISTS (
        SELECT FROM pg_policy p
        WHERE p.polrelid = 'blip.images'::regclass
          AND EXISTS (SELECT FROM unnest(p.polroles) r WHERE r = 0 OR pg_has_role(r, 'USAGE'))
          AND (concat(p.polqual, p.polwithcheck) ~ '[:]varattno 0 '
               OR EXISTS (
                  SELECT FROM pg_depend d
                  JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
                  WHERE d.classid = 'pg_policy'::regclass AND d.objid = p.oid
                    AND d.refclassid = 'pg_class'::regclass AND d.refobjid = p.polrelid
                    AND d.refobjsubid <> 0 AND a.attname <> 'space')))
$$;
COMMENT ON FUNCTION blip._goes_by_space() IS
    'Whether the policies on blip.images that hold for the caller look at the space alone';
REVOKE ALL ON FUNCTION blip._goes_by_space() FROM PUBLIC;

ALTER POLICY visible ON blip.failed_files USING (
    NOT row_security_active('blip.images')
    OR (SELECT blip._goes_by_space())
       AND EXISTS (SELECT FROM blip.images i WHERE i.space = failed_files.space));
"""

# Whoever may not UPDATE blip.images still completes a row by inserting the image again: with the
# bytes at hand, which the table's CHECK compares with the id, a missing content is filled in and
# keys are added to the metadata. No key is overwritten, as having the bytes proves nothing there:
# whoever sees an image can read them. This happens in a trigger, with the rights of the table's
# owner, before PostgreSQL finds the conflict. Its WHEN is evaluated with the rights of whoever
# inserts: under policies, a row that it does not see is never touched, nor even looked for.
#
# A policy could not demand the content, as policies do nothing until the owner enables them.
IMAGES = r"""
DROP POLICY IF EXISTS content ON blip.images;

CREATE FUNCTION blip._sees(id uuid) RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT EXISTS (SELECT FROM blip.images i WHERE i.image_id = id)
$$;
COMMENT ON FUNCTION blip._sees(uuid) IS 'Whether the caller sees this image';
REVOKE ALL ON FUNCTION blip._sees(uuid) FROM PUBLIC;

CREATE FUNCTION blip._complete_image() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF TG_RELID <> 'blip.images'::regclass THEN
        RAISE insufficient_privilege USING MESSAGE = format(
            'blip._complete_image is for blip.images, not for %s', TG_RELID::regclass);
    END IF;
    UPDATE blip.images i
    SET content = coalesce(i.content, NEW.content), metadata = NEW.metadata || i.metadata
    WHERE i.image_id = NEW.image_id
      AND (i.content IS NULL OR i.metadata <> NEW.metadata || i.metadata);
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION blip._complete_image() IS
    'Fill in content and metadata that an image lacks, where it is inserted again';
REVOKE ALL ON FUNCTION blip._complete_image() FROM PUBLIC;
CREATE TRIGGER complete BEFORE INSERT ON blip.images FOR EACH ROW
    WHEN (NEW.content IS NOT NULL AND blip._sees(NEW.image_id))
    EXECUTE FUNCTION blip._complete_image();

CREATE FUNCTION blip._guard_image() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    head constant text := encode(substr(NEW.content, 1, 12), 'hex');
BEGIN
    IF NOT blip._goes_by_space() THEN -- whether there is a conflict would tell what is hidden
        RAISE insufficient_privilege USING
            MESSAGE = format('policies on blip.images that hold for the role %I look at more than'
                             ' the space: it may search, and not add', current_user),
            HINT = 'Give each tenant a space, and let the policies compare it:'
                   ' USING (space = current_setting(''app.tenant'')).';
    ELSIF NEW.content IS NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('the role %I may add no image without its content', current_user),
            DETAIL = 'Nothing would prove that the id is that of the image.',
            HINT = 'Add images with blip_add, or with the client''s add.';
    ELSIF num_nonnulls(NEW.preview, NEW.width, NEW.height) > 0 THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('the role %I may not set preview, width and height', current_user),
            HINT = 'Leave them out: a worker measures the image when it decodes it.';
    ELSIF NEW.mime IS DISTINCT FROM (CASE
        WHEN head LIKE 'ffd8ff%' THEN 'image/jpeg'
        WHEN head LIKE '89504e470d0a1a0a%' THEN 'image/png'
        WHEN head LIKE '52494646________57454250' THEN 'image/webp'
        WHEN head LIKE '474946383_61%' THEN 'image/gif'
        WHEN head LIKE '424d%' THEN 'image/bmp'
        WHEN head LIKE '49492a00%' OR head LIKE '4d4d002a%' THEN 'image/tiff'
    END) THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('an image that begins with \x%s is not of the type %L',
                             head, NEW.mime),
            HINT = 'Add images with blip_add, or with the client''s add.';
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION blip._guard_image() IS
    'Refuse an image whose facts nothing proves, of whoever may not change images';
REVOKE ALL ON FUNCTION blip._guard_image() FROM PUBLIC;
CREATE TRIGGER guard BEFORE INSERT ON blip.images FOR EACH ROW
    WHEN (NOT has_table_privilege('blip.images', 'UPDATE'))
    EXECUTE FUNCTION blip._guard_image();
"""


def upgrade() -> None:
    for statements in (SPACES, FILES, ADDABLE, IMAGES):
        op.execute(statements)
