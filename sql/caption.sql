-- The captioner's words: beam search, or nucleus sampling where nucleus is given. What is not given
-- is as the model's own manifest says.

CREATE FUNCTION public.blip_caption(
    image_id uuid, beams integer DEFAULT NULL, max_tokens integer DEFAULT NULL,
    nucleus double precision DEFAULT NULL, seed integer DEFAULT NULL, model text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 1000000
SET search_path = pg_catalog, pg_temp
SET row_security = on
AS $$
DECLARE
    chosen blip._model;
BEGIN
    IF image_id IS NULL THEN
        RETURN NULL;
    END IF;
    chosen := blip._choose(model, 'captioner');
    RETURN blip._ask_about(
        ARRAY[image_id], chosen, 'caption', blip._decoding(beams, max_tokens, nucleus, seed)
    ) ->> 'caption';
END
$$;
COMMENT ON FUNCTION public.blip_caption(uuid, integer, integer, double precision, integer, text) IS
    'A caption for a stored image: by beam search, or sampled from the nucleus of that mass';
SELECT blip._allow(
    'public.blip_caption(uuid, integer, integer, double precision, integer, text)',
    'readers');

CREATE FUNCTION public.blip_caption(
    image bytea, beams integer DEFAULT NULL, max_tokens integer DEFAULT NULL,
    nucleus double precision DEFAULT NULL, seed integer DEFAULT NULL, model text DEFAULT NULL)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 1000000
SET search_path = pg_catalog, pg_temp
SET row_security = on
AS $$
BEGIN
    IF image IS NULL THEN
        RETURN NULL;
    END IF;
    PERFORM blip._require_image(image);
    RETURN blip._ask(
        'caption_image',
        blip._head(blip._choose(model, 'captioner'))
            || blip._decoding(beams, max_tokens, nucleus, seed),
        image) ->> 'caption';
END
$$;
COMMENT ON FUNCTION public.blip_caption(bytea, integer, integer, double precision, integer, text) IS
    'A caption for an image file''s bytes: by beam search, or sampled from the nucleus of that mass';
SELECT blip._allow(
    'public.blip_caption(bytea, integer, integer, double precision, integer, text)',
    'readers');

CREATE FUNCTION blip._decoding(beams integer, max_tokens integer, nucleus double precision, seed integer)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF beams IS NOT NULL THEN
        PERFORM blip._require('beams', beams, 1, 10);
    END IF;
    IF max_tokens IS NOT NULL THEN
        PERFORM blip._require('max_tokens', max_tokens, 1, 512);
    END IF;
    IF nucleus <= 0 OR nucleus > 1 THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('nucleus must be above 0 and at most 1, not %s', nucleus);
    END IF;
    RETURN jsonb_strip_nulls(jsonb_build_object(
        'beams', beams, 'max_tokens', max_tokens, 'nucleus', nucleus, 'seed', seed));
END
$$;
COMMENT ON FUNCTION blip._decoding(integer, integer, double precision, integer) IS
    'How the captioner is to decode, checked';
SELECT blip._allow('blip._decoding(integer, integer, double precision, integer)', 'readers');
