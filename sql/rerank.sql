-- The second stage: BLIP's ITM head on query and image tokens together, score = ITM logit + ITC
-- cosine (Li et al. 2022, as their evaluation code does it).

CREATE FUNCTION public.blip_rerank(
    query text, image_ids uuid[], k integer DEFAULT 10, threshold double precision DEFAULT NULL,
    model text DEFAULT NULL, itcs real[] DEFAULT NULL)
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
    PERFORM blip._require_rerank(k, image_ids, threshold);
    chosen := blip._choose(model, 'retrieval');
    IF itcs IS NULL THEN
        vector := blip._embed(chosen, query);
        SELECT r.image_ids, r.itcs INTO recalled, cosines
        FROM blip._candidates_among(chosen, vector, k, image_ids) r;
    ELSE
        PERFORM blip._require_recalled(image_ids, itcs);
        recalled := image_ids;
        cosines := itcs;
        PERFORM blip._say_short(chosen, cardinality(recalled), k);
    END IF;
    logits := blip._logits(chosen, query, recalled);
    RETURN QUERY SELECT * FROM blip._hits(recalled, cosines, logits, k, threshold);
END
$$;
COMMENT ON FUNCTION public.blip_rerank(
    text, uuid[], integer, double precision, text, real[]) IS
    'The k best of these images for a text, by ITM logit + ITC cosine. itcs: their ITC cosines with '
    'the text, where the caller has them; then image_ids are all that it recalled';
SELECT blip._allow(
    'public.blip_rerank(text, uuid[], integer, double precision, text, real[])',
    'readers');

CREATE FUNCTION blip._require_recalled(image_ids uuid[], itcs real[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    strange constant real := (
        SELECT i FROM unnest(itcs) i WHERE NOT i BETWEEN -1.01 AND 1.01 LIMIT 1);
BEGIN
    IF EXISTS (SELECT FROM unnest(itcs) i WHERE i IS NULL)
       OR EXISTS (SELECT FROM unnest(image_ids) i WHERE i IS NULL)
    THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'an image_id or its itc is NULL', HINT = 'Leave out both.';
    END IF;
    PERFORM blip._require_list('image_ids', image_ids);
    PERFORM blip._require_list('itcs', itcs);
    IF cardinality(itcs) <> cardinality(image_ids) THEN
        RAISE invalid_parameter_value USING MESSAGE = format(
            'there are %s itcs for %s image_ids', cardinality(itcs), cardinality(image_ids));
    ELSIF strange IS NOT NULL THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('an itc is a cosine, from -1 to 1, and not %s', strange),
            HINT = 'Give those of blip_search, or leave itcs out to have them measured.';
    ELSIF cardinality(image_ids) <> (SELECT count(DISTINCT i) FROM unnest(image_ids) i) THEN
        RAISE invalid_parameter_value USING MESSAGE = 'an image_id comes twice';
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_recalled(uuid[], real[]) IS
    'Raise 22023 unless each of a list of images comes once, and each with a cosine';
SELECT blip._allow('blip._require_recalled(uuid[], real[])', 'readers');

CREATE FUNCTION blip._logits(model blip._model, query text, image_ids uuid[]) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 1000000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    request constant integer := 1048576; -- bytes: a backend holds one request's tokens at a time
    least constant integer := 4; -- images, as each request reads all of the model's weights
    most constant integer := greatest(least, request / model.token_bytes);
    -- As many in each request, for the engine shares them out among cores.
    count constant integer := cardinality(image_ids);
    size constant integer := ceil(count / greatest(1, ceil(count / most::numeric)));
    chunk uuid[];
    logits jsonb := '[]';
BEGIN
    FOR place IN 1 .. count BY greatest(1, size) LOOP
        chunk := image_ids[place : place + size - 1];
        logits := logits || (blip._ask_about(
            chunk, model, 'rerank',
            jsonb_build_object('text', query, 'count', cardinality(chunk))) -> 'itm');
    END LOOP;
    RETURN logits;
END
$$;
COMMENT ON FUNCTION blip._logits(blip._model, text, uuid[]) IS
    'The ITM head''s two logits (no match, match) for each image, in their order';
SELECT blip._allow('blip._logits(blip._model, text, uuid[])', 'readers');

-- The tokens go from the table to the engine within one statement: each variable on the way would
-- hold another copy.
CREATE FUNCTION blip._ask_about(image_ids uuid[], model blip._model, op text, head jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 100000
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    reply jsonb;
    strange uuid;
BEGIN
    -- lint: model_id is an integer
    EXECUTE format(
        'SELECT blip._ask($2, $3, string_agg(t.tokens, %L ORDER BY c.place))'
        ' FROM unnest($1) WITH ORDINALITY c (image_id, place)'
        ' JOIN blip.image_tokens t ON t.model_id = %s AND t.image_id = c.image_id'
        ' HAVING count(*) = cardinality($1)', ''::bytea, model.model_id)
    INTO reply USING image_ids, op, blip._head(model) || head;
    IF reply IS NULL THEN
        SELECT i INTO strange FROM unnest(image_ids) i WHERE NOT EXISTS (
            SELECT FROM blip.image_tokens t
            WHERE t.model_id = model.model_id AND t.image_id = i) LIMIT 1;
        RAISE no_data_found USING
            MESSAGE = format('image %s is unknown here or not encoded by model %L yet',
                             strange, model.name),
            HINT = 'See blip_status() and blip_failures().';
    END IF;
    RETURN reply;
END
$$;
COMMENT ON FUNCTION blip._ask_about(uuid[], blip._model, text, jsonb) IS
    'The engine''s reply to a request with the stored tokens of these images';
SELECT blip._allow('blip._ask_about(uuid[], blip._model, text, jsonb)', 'readers');
