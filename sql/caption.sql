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
