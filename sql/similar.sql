-- Image to image, by the vector that is stored: no model runs. image_id is INOUT, as PL/pgSQL takes
-- no two parameters of one name.

CREATE FUNCTION public.blip_similar(
    INOUT image_id uuid, k integer DEFAULT 10, candidates integer DEFAULT NULL,
    filter jsonb DEFAULT NULL, within uuid[] DEFAULT NULL, threshold double precision DEFAULT NULL,
    model text DEFAULT NULL,
    OUT uri text, OUT caption text, OUT score real, OUT itm real, OUT itc real)
RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000 ROWS 10
SET search_path = pg_catalog, pg_temp
SET row_security = on
AS $$
DECLARE
    itself constant uuid := image_id;
    chosen blip._model;
    vector text;
    recalled uuid[];
    cosines real[];
BEGIN
    IF itself IS NULL THEN
        RETURN;
    END IF;
    candidates := blip._require_search(k, candidates, threshold);
    chosen := blip._choose(model, 'retrieval');
    -- lint: model_id is an integer
    EXECUTE format(
        'SELECT v.itc::text FROM blip.image_vectors v WHERE v.model_id = %s AND v.image_id = $1',
        chosen.model_id)
    INTO vector USING itself;
    IF vector IS NULL THEN
        RAISE no_data_found USING
            MESSAGE = format('image %s is unknown here or not encoded by model %L yet',
                             itself, chosen.name),
            HINT = 'See blip_status() and blip_failures().';
    END IF;
    -- One more, as it is most like itself.
    SELECT array_agg(o.id ORDER BY o.place), array_agg(o.itc ORDER BY o.place)
    INTO recalled, cosines
    FROM (
        SELECT c.id, c.itc, c.place
        FROM blip._recall(chosen, vector, candidates + 1, filter, within) r,
             unnest(r.image_ids, r.itcs) WITH ORDINALITY c (id, itc, place)
        WHERE c.id <> itself
        ORDER BY c.place LIMIT candidates
    ) o;
    PERFORM blip._say_short(chosen, coalesce(cardinality(recalled), 0), k);
    RETURN QUERY SELECT * FROM blip._hits(recalled, cosines, NULL, k, threshold);
END
$$;
COMMENT ON FUNCTION public.blip_similar(
    uuid, integer, integer, jsonb, uuid[], double precision, text) IS
    'The k images most like a stored one, itself left out, by ITC cosine: score = itc, no itm. '
    'filter: metadata @> filter; within: only these images; threshold: least cosine';
SELECT blip._allow(
    'public.blip_similar(uuid, integer, integer, jsonb, uuid[], double precision, text)',
    'readers');
