-- The first stage: candidates by ITC cosine.

-- The query is built from the arguments that are present, with model and dimensions as literals, so
-- that the one partition and its HNSW index are used; pgvector is named by its schema, which
-- search_path leaves out.
--
-- An iterative scan guarantees a count and not recall: where few images are admitted (by filter,
-- within or a policy) they are compared one by one, and so they are where the index found too few.
CREATE FUNCTION blip._recall(
    model blip._model, query text, wanted integer, filter jsonb, within uuid[],
    OUT image_ids uuid[], OUT itcs real[])
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000
SET search_path = pg_catalog, pg_temp
SET jit = off
SET hnsw.iterative_scan = 'relaxed_order'
SET hnsw.ef_search = 128
AS $$
DECLARE
    countable constant integer := 20000;
    pgvector text;
    admitted text;
    distance text;
    narrowed boolean;
BEGIN
    IF jsonb_typeof(filter) <> 'object' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('filter must be a JSON object, not %s', jsonb_typeof(filter)),
            HINT = 'It is matched as: metadata @> filter';
    END IF;
    SELECT quote_ident(n.nspname) INTO pgvector
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector';

    admitted := format('FROM blip.image_vectors v WHERE v.model_id = %s', model.model_id)
        || CASE WHEN within IS NULL THEN '' ELSE ' AND v.image_id = ANY ($2)' END
        || CASE WHEN filter IS NULL THEN '' ELSE ' AND EXISTS (SELECT FROM blip.images i'
               ' WHERE i.image_id = v.image_id AND i.metadata @> $3)' END;
    distance := format('(v.itc::%1$s.halfvec(%2$s) OPERATOR(%1$s.<=>) $1::%1$s.halfvec(%2$s))',
                       pgvector, model.itc_dims);

    IF cardinality(within) <= countable THEN
        narrowed := true;
    ELSIF filter IS NOT NULL OR within IS NOT NULL OR row_security_active('blip.images') THEN
        EXECUTE format('SELECT count(*) <= %2$s FROM (SELECT %1$s LIMIT %2$s + 1) a',
                       admitted, countable)
        INTO narrowed USING query, within, filter;
    END IF;

    IF narrowed IS NOT TRUE THEN
        -- Four times as many: at 256 of 60,000 an ef_search of just 256 found .89 of them.
        PERFORM set_config('hnsw.ef_search', least(1000, 4 * wanted)::text, true);
        EXECUTE blip._nearest('v.image_id, ' || distance || ' AS distance ' || admitted,
                              distance, model.model_id, wanted)
        INTO image_ids, itcs USING query, within, filter;
    END IF;
    IF coalesce(cardinality(image_ids), 0) < wanted THEN
        -- No index can serve the distance plus nothing.
        EXECUTE blip._nearest('v.image_id, ' || distance || ' AS distance ' || admitted
                              || format(' AND EXISTS (SELECT FROM blip.image_tokens t WHERE'
                                        ' t.model_id = %s AND t.image_id = v.image_id)',
                                        model.model_id),
                              distance || ' + 0, v.image_id', model.model_id, wanted)
        INTO image_ids, itcs USING query, within, filter;
    END IF;
    image_ids := coalesce(image_ids, '{}');
    itcs := coalesce(itcs, '{}');
END
$$;
COMMENT ON FUNCTION blip._recall(blip._model, text, integer, jsonb, uuid[]) IS
    'The images nearest to a vector (given as text), nearest first, with their cosines';

-- Relaxed order comes out of the index nearly sorted: hence materialised, then sorted. What has no
-- tokens can't be reranked, so it is no candidate.
CREATE FUNCTION blip._nearest(choice text, nearness text, model_id integer, wanted integer)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN format(
        'WITH nearest AS MATERIALIZED (SELECT %1$s ORDER BY %2$s LIMIT %4$s)'
        ' SELECT array_agg(n.image_id ORDER BY n.distance, n.image_id),'
        ' array_agg((1 - n.distance)::real ORDER BY n.distance, n.image_id)'
        ' FROM nearest n WHERE EXISTS (SELECT FROM blip.image_tokens t'
        ' WHERE t.model_id = %3$s AND t.image_id = n.image_id)',
        choice, nearness, model_id, wanted);
END
$$;
COMMENT ON FUNCTION blip._nearest(text, text, integer, integer) IS
    'The query that takes the nearest rows of a choice';

-- A short result is never silent.
CREATE FUNCTION blip._say_short(model blip._model, found integer, k integer) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    waiting bigint;
BEGIN
    IF found >= k THEN
        RETURN;
    END IF;
    SELECT count(*) INTO waiting FROM blip.jobs j
    WHERE j.stage = 'encode' AND j.model_id = model.model_id AND j.state IN ('p', 'r');
    RAISE NOTICE USING
        MESSAGE = format('only %s of %s: no more images are encoded by model %L and admitted here',
                         found, k, model.name),
        DETAIL = format('%s images wait to be encoded; see blip_status().', waiting);
END
$$;
COMMENT ON FUNCTION blip._say_short(blip._model, integer, integer) IS
    'Say in a NOTICE why there are fewer hits than were asked for';
