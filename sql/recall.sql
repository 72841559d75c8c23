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
    narrowing boolean := filter IS NOT NULL OR within IS NOT NULL
                         OR row_security_active('blip.images');
    admitted text := CASE WHEN within IS NULL THEN '' ELSE ' AND i.image_id = ANY ($2)' END
                  || CASE WHEN filter IS NULL THEN '' ELSE ' AND i.metadata @> $3' END;
BEGIN
    IF jsonb_typeof(filter) <> 'object' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('filter must be a JSON object, not %s', jsonb_typeof(filter)),
            HINT = 'It is matched as: metadata @> filter';
    END IF;
    IF NOT (narrowing AND blip._is_few(admitted, filter, within)) THEN
        PERFORM blip._set_scan(wanted);
        -- lint: blip._nearest quotes each name
        EXECUTE blip._nearest(model, wanted, narrowing, admitted, false)
        INTO image_ids, itcs USING query, within, filter;
    END IF;
    IF coalesce(cardinality(image_ids), 0) < wanted THEN
        -- lint: blip._nearest quotes each name
        EXECUTE blip._nearest(model, wanted, narrowing, admitted, true)
        INTO image_ids, itcs USING query, within, filter;
    END IF;
    image_ids := coalesce(image_ids, '{}');
    itcs := coalesce(itcs, '{}');
END
$$;
COMMENT ON FUNCTION blip._recall(blip._model, text, integer, jsonb, uuid[]) IS
    'The images nearest to a vector (given as text), nearest first, with their cosines';
SELECT blip._allow('blip._recall(blip._model, text, integer, jsonb, uuid[])', 'readers');

-- The ORM writes the first stage into an app's own statement, whose FROM PL/pgSQL can't read. It asks
-- these two, so that their numbers are written once.
CREATE FUNCTION blip._set_scan(wanted integer) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('hnsw.iterative_scan', 'relaxed_order', true);
    -- Four times as many: at 256 of 60,000 an ef_search of just 256 found .89 of them.
    PERFORM set_config('hnsw.ef_search', least(1000, greatest(128, 4 * wanted))::text, true);
END
$$;
COMMENT ON FUNCTION blip._set_scan(integer) IS
    'Set up index scans of this transaction for so many candidates';
SELECT blip._allow('blip._set_scan(integer)', 'readers');

CREATE FUNCTION blip._countable() RETURNS integer
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$ BEGIN RETURN 20000; END $$;
COMMENT ON FUNCTION blip._countable() IS
    'The number of images up to which comparing all takes less time than a scan that misjudges';
SELECT blip._allow('blip._countable()', 'readers');

CREATE FUNCTION blip._is_few(admitted text, filter jsonb, within uuid[]) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    countable constant integer := blip._countable();
    few boolean := cardinality(within) <= countable;
BEGIN
    IF few IS NOT TRUE THEN
        -- lint: admitted is made of literals by blip._recall
        EXECUTE format('SELECT count(*) <= %s FROM'
                       ' (SELECT FROM blip.images i WHERE true%s LIMIT %1$s + 1) a',
                       countable, admitted)
        INTO few USING NULL, within, filter;
    END IF;
    RETURN few;
END
$$;
COMMENT ON FUNCTION blip._is_few(text, jsonb, uuid[]) IS
    'Whether filter, within and policies together admit at most 20,000 images';
SELECT blip._allow('blip._is_few(text, jsonb, uuid[])', 'readers');

-- Relaxed order comes out of the index nearly sorted: hence materialised, then sorted. No index can
-- serve "distance + 0". What has no tokens can't be reranked, so it is no candidate.
CREATE FUNCTION blip._nearest(
    model blip._model, wanted integer, narrowing boolean, admitted text, exact boolean)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    distance text;
    -- Asked of each candidate: EXISTS would become a join with all that has tokens.
    has_tokens text := format('(SELECT true FROM blip.image_tokens t WHERE t.model_id = %s'
                              ' AND t.image_id = ', model.model_id);
BEGIN
    SELECT format('(v.itc::%1$I.halfvec(%2$s) OPERATOR(%1$I.<=>) $1::%1$I.halfvec(%2$s))',
                  n.nspname, model.itc_dims)
    INTO distance
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector';
    RETURN format(
        'WITH nearest AS MATERIALIZED (SELECT v.image_id, %s AS distance'
        ' FROM blip.image_vectors v%s WHERE v.model_id = %s%s ORDER BY %s LIMIT %s)'
        ' SELECT array_agg(n.image_id ORDER BY n.distance, n.image_id),'
        ' array_agg((1 - n.distance)::real ORDER BY n.distance, n.image_id) FROM nearest n%s',
        distance,
        CASE WHEN narrowing THEN ' JOIN blip.images i ON i.image_id = v.image_id' ELSE '' END,
        model.model_id,
        admitted || CASE WHEN exact THEN ' AND ' || has_tokens || 'v.image_id)' ELSE '' END,
        distance || CASE WHEN exact THEN ' + 0, v.image_id' ELSE '' END,
        wanted,
        CASE WHEN exact THEN '' ELSE ' WHERE ' || has_tokens || 'n.image_id)' END);
END
$$;
COMMENT ON FUNCTION blip._nearest(blip._model, integer, boolean, text, boolean) IS
    'The query of blip._recall: by the index, or by comparing all that is admitted';
SELECT blip._allow('blip._nearest(blip._model, integer, boolean, text, boolean)', 'readers');

-- A short result is never silent.
CREATE FUNCTION blip._say_short(model blip._model, recalled integer, k integer) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    waiting bigint;
BEGIN
    IF recalled >= k THEN
        RETURN;
    END IF;
    SELECT count(*) INTO waiting FROM blip.jobs j
    WHERE j.stage = 'encode' AND j.model_id = model.model_id AND j.state IN ('p', 'r');
    RAISE NOTICE USING
        MESSAGE = format('only %s of %s: no more images are encoded by model %L and admitted here',
                         recalled, k, model.name),
        DETAIL = format('%s images wait to be encoded; see blip_status().', waiting);
END
$$;
COMMENT ON FUNCTION blip._say_short(blip._model, integer, integer) IS
    'Say in a NOTICE why there are fewer hits than were asked for';
SELECT blip._allow('blip._say_short(blip._model, integer, integer)', 'readers');

-- What blip_search and clients that compute for themselves have in common between the query's vector
-- and the second stage.
CREATE FUNCTION blip._candidates(
    model blip._model, vector text, k integer, candidates integer, filter jsonb, within uuid[],
    OUT image_ids uuid[], OUT itcs real[])
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000
SET search_path = pg_catalog, pg_temp
SET row_security = on
AS $$
BEGIN
    SELECT r.image_ids, r.itcs INTO image_ids, itcs
    FROM blip._recall(model, vector, candidates, filter, within) r;
    PERFORM blip._say_short(model, cardinality(image_ids), k);
END
$$;
COMMENT ON FUNCTION blip._candidates(blip._model, text, integer, integer, jsonb, uuid[]) IS
    'The candidates of a search for a vector (given as text); fewer than k are said in a NOTICE';
SELECT blip._allow(
    'blip._candidates(blip._model, text, integer, integer, jsonb, uuid[])', 'readers');

CREATE FUNCTION blip._candidates_among(
    model blip._model, vector text, k integer, among uuid[],
    OUT image_ids uuid[], OUT itcs real[])
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000
SET search_path = pg_catalog, pg_temp
SET row_security = on
AS $$
BEGIN
    SELECT r.image_ids, r.itcs INTO image_ids, itcs
    FROM blip._recall(model, vector, cardinality(among), NULL, among) r;
    PERFORM blip._say_short(model, cardinality(image_ids), least(k, (
        SELECT count(DISTINCT i)::integer FROM unnest(among) i)));
END
$$;
COMMENT ON FUNCTION blip._candidates_among(blip._model, text, integer, uuid[]) IS
    'All of these images that can be reranked, by their cosines with a vector (given as text)';
SELECT blip._allow('blip._candidates_among(blip._model, text, integer, uuid[])', 'readers');
