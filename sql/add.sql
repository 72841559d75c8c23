-- An image that comes in through SQL: stored whole, encoded later by a worker.

CREATE FUNCTION public.blip_add(
    image bytea, uri text DEFAULT NULL, caption text DEFAULT NULL, metadata jsonb DEFAULT '{}',
    space text DEFAULT '')
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    id uuid;
    nul constant bytea := '\x00';
BEGIN
    PERFORM blip._require_tables();
    PERFORM blip._require_image(image);
    IF jsonb_typeof(metadata) <> 'object' THEN
        RAISE invalid_parameter_value USING MESSAGE = format(
            'metadata must be a JSON object, not %s', jsonb_typeof(metadata));
    ELSIF uri = '' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'the uri is empty', HINT = 'Leave it out, or say where the image was seen.';
    END IF;
    space := coalesce(space, '');
    id := blip._half(convert_to(space, 'UTF8') || nul || image);
    INSERT INTO blip.images AS i (image_id, space, sha256, mime, bytes, content, metadata)
    VALUES (id, space, sha256(image), blip._mime(image), octet_length(image), image,
            coalesce(metadata, '{}'))
    ON CONFLICT ON CONSTRAINT images_pkey DO UPDATE
        SET content = coalesce(i.content, excluded.content),
            metadata = i.metadata || excluded.metadata
        WHERE i.content IS NULL OR NOT i.metadata @> excluded.metadata;
    IF uri IS NOT NULL THEN
        INSERT INTO blip.files AS f (uri, space, image_id, size)
        VALUES (uri, space, id, octet_length(image))
        ON CONFLICT ON CONSTRAINT files_pkey DO UPDATE
            SET image_id = excluded.image_id, size = excluded.size, mtime = NULL, seen_at = now()
            WHERE f.image_id <> excluded.image_id;
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
