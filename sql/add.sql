-- An image that comes in through SQL: stored whole, encoded later by a worker.

CREATE FUNCTION public.blip_add(
    image bytea, uri text DEFAULT NULL, caption text DEFAULT NULL, metadata jsonb DEFAULT '{}',
    space text DEFAULT '')
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET row_security = on
AS $$
DECLARE
    id uuid;
    nul constant bytea := '\x00';
    longest constant integer := 10000; -- characters, as of a query
BEGIN
    PERFORM blip._require_tables();
    PERFORM blip._require_spaces();
    PERFORM blip._require_image(image);
    IF jsonb_typeof(metadata) <> 'object' THEN
        RAISE invalid_parameter_value USING MESSAGE = format(
            'metadata must be a JSON object, not %s', jsonb_typeof(metadata));
    ELSIF uri = '' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'the uri is empty', HINT = 'Leave it out, or say where the image was seen.';
    ELSIF length(caption) > longest THEN
        RAISE invalid_parameter_value USING MESSAGE = format(
            'the caption has %s characters; at most %s are taken', length(caption), longest);
    END IF;
    space := coalesce(space, '');
    metadata := coalesce(metadata, '{}');
    id := blip._half(convert_to(space, 'UTF8') || nul || image);
    PERFORM blip._store(id, space, image, metadata);
    IF uri IS NOT NULL THEN
        PERFORM blip._set_place(uri, space, id, octet_length(image));
    END IF;
    IF caption ~ '\S' THEN
        INSERT INTO blip.captions (image_id, caption_id, text, origin)
        VALUES (id, blip._half(convert_to('web', 'UTF8') || nul || convert_to(caption, 'UTF8')),
                caption, 'web')
        ON CONFLICT DO NOTHING;
    END IF;
    PERFORM blip._enqueue(ARRAY[id]);
    RETURN id;
END
$$;
COMMENT ON FUNCTION public.blip_add(bytea, text, text, jsonb, text) IS
    'Store an image file''s bytes and have them encoded; safe to repeat. The caption counts as web: '
    'text that came with the image';
SELECT blip._allow('public.blip_add(bytea, text, text, jsonb, text)', 'writers');

-- Whoever may not change images completes them all the same: by a trigger of blip.images, which fills
-- in a missing content and adds keys to the metadata. It looks before the row is inserted: what another
-- transaction stored just then is completed the second time.
CREATE FUNCTION blip._store(id uuid, space text, image bytea, facts jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    mime constant text := blip._mime(image);
    hash constant bytea := sha256(image);
    kept text;
BEGIN
    FOR attempt IN 1 .. 2 LOOP
        INSERT INTO blip.images (image_id, space, sha256, mime, bytes, content, metadata)
        VALUES (id, space, hash, mime, octet_length(image), image, facts)
        ON CONFLICT ON CONSTRAINT images_pkey DO NOTHING;
        EXIT WHEN FOUND OR EXISTS (
            SELECT FROM blip.images i
            WHERE i.image_id = id AND i.content IS NOT NULL
              AND i.metadata ?& ARRAY(SELECT jsonb_object_keys(facts)));
    END LOOP;
    IF has_column_privilege('blip.images', 'metadata', 'UPDATE') THEN
        UPDATE blip.images i SET metadata = i.metadata || facts
        WHERE i.image_id = id AND NOT i.metadata @> facts;
        RETURN;
    END IF;
    SELECT string_agg(quote_literal(m.key), ', ' ORDER BY m.key) INTO kept
    FROM blip.images i, jsonb_each(facts) m
    WHERE i.image_id = id AND i.metadata -> m.key IS DISTINCT FROM m.value;
    IF kept IS NOT NULL THEN
        RAISE NOTICE USING
            MESSAGE = format('the metadata of image %s keeps its values of %s', id, kept),
            HINT = format('The role %I may add keys and change none; who may UPDATE blip.images can.',
                          current_user);
    END IF;
END
$$;
COMMENT ON FUNCTION blip._store(uuid, text, bytea, jsonb) IS
    'Store an image, or complete the one that is there';
SELECT blip._allow('blip._store(uuid, text, bytea, jsonb)', 'writers');

-- Where ingest found an image is not for others to say. It is looked at first, as a policy that keeps a
-- row from being changed makes an error even where nothing would change.
CREATE FUNCTION blip._set_place(place text, whose text, id uuid, bytes bigint) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    is_there boolean;
    is_read boolean;
BEGIN
    SELECT f.image_id = id, f.is_ingested OR f.mtime IS NOT NULL INTO is_there, is_read
    FROM blip.files f WHERE f.uri = place AND f.space = whose;
    IF is_there THEN
        RETURN;
    ELSIF is_read THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('ingest found another image at %L', place),
            HINT = 'Give another uri, or none; a file that changed is taken in by blipdb ingest.';
    END IF;
    INSERT INTO blip.files AS f (uri, space, image_id, size)
    VALUES (place, whose, id, bytes)
    ON CONFLICT ON CONSTRAINT files_pkey DO UPDATE
        SET image_id = excluded.image_id, size = excluded.size, seen_at = now()
        WHERE f.image_id <> excluded.image_id AND NOT f.is_ingested AND f.mtime IS NULL;
END
$$;
COMMENT ON FUNCTION blip._set_place(text, text, uuid, bigint) IS
    'Note where an image was seen; a place known with another image moves to this one';
SELECT blip._allow('blip._set_place(text, text, uuid, bigint)', 'writers');

CREATE FUNCTION blip._require_spaces() RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT blip._goes_by_space() THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('policies on blip.images that hold for the role %I look at more than'
                             ' the space: it may search, and not add', current_user),
            DETAIL = 'A space has each content and each uri once: adding would tell whether images'
                     ' that are hidden exist.',
            HINT = 'Give each tenant a space, and let the policies compare it:'
                   ' USING (space = current_setting(''app.tenant'')).';
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_spaces() IS
    'Raise 42501 where policies hide images of a space from the caller';
SELECT blip._allow('blip._require_spaces()', 'writers');

CREATE FUNCTION blip._enqueue(ids uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO blip.jobs (image_id, stage, model_id)
    SELECT DISTINCT i.id, 'encode', a.model_id
    FROM unnest(ids) i (id) CROSS JOIN blip.active_models a
    WHERE a.role IN ('retrieval', 'captioner', 'answerer')
    ORDER BY i.id
    ON CONFLICT DO NOTHING;
    IF NOT EXISTS (SELECT FROM blip.active_models a WHERE a.role = 'retrieval') THEN
        RAISE NOTICE USING
            MESSAGE = 'stored, but not to be found: no model is active in the role ''retrieval''',
            HINT = 'Add one with: blipdb models add';
    END IF;
END
$$;
COMMENT ON FUNCTION blip._enqueue(uuid[]) IS
    'Have images encoded by the active models that search, caption or answer';
SELECT blip._allow('blip._enqueue(uuid[])', 'writers');

-- The first half of SHA-256; blipdb/identity.py makes the same ids.
CREATE FUNCTION blip._half(content bytea) RETURNS uuid
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN encode(substr(sha256(content), 1, 16), 'hex')::uuid;
END
$$;
COMMENT ON FUNCTION blip._half(bytea) IS 'The first 128 bits of SHA-256';
SELECT blip._allow('blip._half(bytea)', 'writers');

CREATE FUNCTION blip._mime(image bytea, name text DEFAULT 'the image') RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    mime constant text := blip._mime_of(image);
BEGIN
    IF mime IS NULL THEN
        RAISE invalid_parameter_value USING
            MESSAGE = name || ' is in no format that is taken: JPEG, PNG, WebP, GIF, BMP or TIFF',
            DETAIL = format('Its first bytes are \x%s.', encode(substr(image, 1, 12), 'hex'));
    END IF;
    RETURN mime;
END
$$;
COMMENT ON FUNCTION blip._mime(bytea, text) IS
    'The image format by its first bytes; whether the rest decodes is for the worker to find out';
SELECT blip._allow('blip._mime(bytea, text)', 'writers');

CREATE FUNCTION blip._mime_of(image bytea) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    head constant text := encode(substr(image, 1, 12), 'hex');
BEGIN
    RETURN CASE
        WHEN head LIKE 'ffd8ff%' THEN 'image/jpeg'
        WHEN head LIKE '89504e470d0a1a0a%' THEN 'image/png'
        WHEN head LIKE '52494646________57454250' THEN 'image/webp'
        WHEN head LIKE '474946383_61%' THEN 'image/gif'
        WHEN head LIKE '424d%' THEN 'image/bmp'
        WHEN head LIKE '49492a00%' OR head LIKE '4d4d002a%' THEN 'image/tiff'
    END;
END
$$;
COMMENT ON FUNCTION blip._mime_of(bytea) IS 'The image format by its first bytes; NULL for none';
SELECT blip._allow('blip._mime_of(bytea)', 'writers');
