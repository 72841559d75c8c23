-- An image's captions in the order of blip.ranked_captions, which alone decides it.

CREATE FUNCTION public.blip_captions(image_id uuid)
RETURNS TABLE (
    text text, origin text, writer text, decoding jsonb, itm real, itc real, verdict text)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 5
SET search_path = pg_catalog, pg_temp
SET row_security = on
AS $$
DECLARE
    id constant uuid := image_id;
BEGIN
    PERFORM blip._require_tables();
    IF id IS NULL THEN
        RETURN;
    END IF;
    IF NOT EXISTS (SELECT FROM blip.images i WHERE i.image_id = id) THEN
        RAISE no_data_found USING
            MESSAGE = format('image %s is unknown here', id),
            HINT = 'blip.images and blip.files have the ids of those that are stored.';
    END IF;
    RETURN QUERY
    SELECT c.text, c.origin, c.writer, c.decoding, c.itm, c.itc, c.verdict
    FROM blip.ranked_captions c WHERE c.image_id = id ORDER BY c.rank;
END
$$;
COMMENT ON FUNCTION public.blip_captions(uuid) IS
    'The captions of a stored image, best first, with their scores by the active filter: those '
    'that it kept, those that no filter has judged, those that it dropped';
SELECT blip._allow('public.blip_captions(uuid)', 'readers');
