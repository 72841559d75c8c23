-- Does this text belong to this image?

CREATE FUNCTION public.blip_match(image_id uuid, query text, model text DEFAULT NULL) RETURNS real
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 100000
SET search_path = pg_catalog, pg_temp
SET row_security = on
AS $$
BEGIN
    IF image_id IS NULL OR query IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM blip._require_text(query);
    RETURN blip._probability(
        blip._logits(blip._choose_head(model), query, ARRAY[image_id]) -> 0);
END
$$;
COMMENT ON FUNCTION public.blip_match(uuid, text, text) IS
    'The ITM probability that a text matches a stored image';
SELECT blip._allow('public.blip_match(uuid, text, text)', 'readers');

CREATE FUNCTION public.blip_match(image bytea, query text, model text DEFAULT NULL) RETURNS real
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 1000000
SET search_path = pg_catalog, pg_temp
SET row_security = on
AS $$
BEGIN
    IF image IS NULL OR query IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM blip._require_text(query);
    PERFORM blip._require_image(image);
    RETURN blip._probability(blip._ask(
        'match_image',
        blip._head(blip._choose_head(model)) || jsonb_build_object('text', query),
        image) -> 'itm');
END
$$;
COMMENT ON FUNCTION public.blip_match(bytea, text, text) IS
    'The ITM probability that a text matches an image file''s bytes';
SELECT blip._allow('public.blip_match(bytea, text, text)', 'readers');
