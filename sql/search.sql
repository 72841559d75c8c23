-- Text to image and image to image. Both take their arguments in the same places, or PostgreSQL could
-- not tell which is meant by blip_search('red bicycle', 10, NULL).
--
-- What is called by users sets row_security: where a session turned it off, every policy makes an error
-- instead of a filter, and these functions promise what the policies let through.

CREATE FUNCTION public.blip_search(
    query text, k integer DEFAULT 10, candidates integer DEFAULT NULL, filter jsonb DEFAULT NULL,
    within uuid[] DEFAULT NULL, threshold double precision DEFAULT NULL, model text DEFAULT NULL)
RETURNS TABLE (image_id uuid, uri text, caption text, score real, itm real, itc real)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 1000000 ROWS 10
SET search_path = pg_catalog, pg_temp
SET row_security = on
AS $$
DECLARE
    chosen blip._model;
    vector text;
    recalled uuid[];
    cosines real[];
    logits jsonb;
BEGIN
    PERFORM blip._require_text(query);
    candidates := blip._require_search(k, candidates, threshold);
    chosen := blip._choose(model, 'retrieval');
    vector := blip._embed(chosen, query);
    SELECT r.image_ids, r.itcs INTO recalled, cosines
    FROM blip._candidates(chosen, vector, k, candidates, filter, within) r;
    logits := blip._logits(chosen, query, recalled);
    RETURN QUERY SELECT * FROM blip._hits(recalled, cosines, logits, k, threshold);
END
$$;
COMMENT ON FUNCTION public.blip_search(
    text, integer, integer, jsonb, uuid[], double precision, text) IS
    'The k best images for a text: candidates by ITC cosine, ordered by ITM logit + ITC cosine. '
    'filter: metadata @> filter; within: only these images; threshold: least match probability';
SELECT blip._allow(
    'public.blip_search(text, integer, integer, jsonb, uuid[], double precision, text)',
    'readers');

CREATE FUNCTION public.blip_search(
    image bytea, k integer DEFAULT 10, candidates integer DEFAULT NULL, filter jsonb DEFAULT NULL,
    within uuid[] DEFAULT NULL, threshold double precision DEFAULT NULL, model text DEFAULT NULL)
RETURNS TABLE (image_id uuid, uri text, caption text, score real, itm real, itc real)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 1000000 ROWS 10
SET search_path = pg_catalog, pg_temp
SET row_security = on
AS $$
DECLARE
    chosen blip._model;
    vector text;
    recalled uuid[];
    cosines real[];
BEGIN
    candidates := blip._require_search(k, candidates, threshold);
    chosen := blip._choose(model, 'retrieval');
    vector := blip._embed(chosen, image);
    SELECT r.image_ids, r.itcs INTO recalled, cosines
    FROM blip._candidates(chosen, vector, k, candidates, filter, within) r;
    RETURN QUERY SELECT * FROM blip._hits(recalled, cosines, NULL, k, threshold);
END
$$;
COMMENT ON FUNCTION public.blip_search(
    bytea, integer, integer, jsonb, uuid[], double precision, text) IS
    'The k images most like an image file''s bytes, by ITC cosine: score = itc, no itm. '
    'filter: metadata @> filter; within: only these images; threshold: least cosine';
SELECT blip._allow(
    'public.blip_search(bytea, integer, integer, jsonb, uuid[], double precision, text)',
    'readers');
