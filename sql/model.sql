-- The model that a call uses, and the limits of its arguments.

-- What a call needs to know of its model: a type of its own, as the tables may not be there yet
-- when the extension is created.
CREATE TYPE blip._model AS (
    model_id integer,
    name text,
    digest text,
    itc_dims integer,
    token_bytes integer
);
COMMENT ON TYPE blip._model IS 'A registered model; token_bytes is one image''s stored tokens';
REVOKE ALL ON TYPE blip._model FROM PUBLIC;

CREATE FUNCTION blip._choose(wanted text, for_role text) RETURNS blip._model
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    chosen blip._model;
    registered text;
BEGIN
    PERFORM blip._require_tables();
    SELECT m.model_id, m.name, m.digest, m.itc_dims,
           m.token_count * (m.token_width + CASE WHEN m.merged THEN 8 ELSE 4 END)
    INTO chosen
    FROM blip.models m
    LEFT JOIN blip.active_models a ON a.model_id = m.model_id AND a.role = for_role
    WHERE for_role = ANY (m.roles)
      AND CASE WHEN wanted IS NULL THEN a.role IS NOT NULL ELSE m.name = wanted END
    ORDER BY a.role IS NULL, m.created_at DESC, m.model_id DESC
    LIMIT 1;
    IF FOUND THEN
        RETURN chosen;
    END IF;

    SELECT string_agg(DISTINCT m.name, ', ') INTO registered
    FROM blip.models m WHERE for_role = ANY (m.roles);
    IF wanted IS NOT NULL THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('no model %L with the role %L is registered', wanted, for_role),
            HINT = coalesce('Registered: ' || registered, 'None is. Add one with: blipdb models add');
    END IF;
    RAISE object_not_in_prerequisite_state USING
        MESSAGE = format('no model is active in the role %L', for_role),
        HINT = coalesce('Registered: ' || registered || '. Activate one with: blipdb models activate',
                        'None is registered. Add one with: blipdb models add');
END
$$;
COMMENT ON FUNCTION blip._choose(text, text) IS
    'The registered model of that name, else the one that is active in the role';
SELECT blip._allow('blip._choose(text, text)', 'readers');

CREATE FUNCTION blip._choose_head(wanted text) RETURNS blip._model
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN blip._choose(wanted, CASE WHEN wanted IS NULL THEN 'retrieval' ELSE 'filter' END);
END
$$;
COMMENT ON FUNCTION blip._choose_head(text) IS
    'The registered model of that name with the ITC and ITM heads, which a filter has as well as a '
    'model for retrieval; else the one that is active for retrieval';
SELECT blip._allow('blip._choose_head(text)', 'readers');

CREATE FUNCTION blip._require_tables() RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF to_regclass('blip.active_models') IS NULL THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'blipdb''s tables are missing in this database',
            HINT = 'Make them with: blipdb init';
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_tables() IS 'Raise 55000 where the extension came without tables';
SELECT blip._allow('blip._require_tables()', 'readers');

CREATE FUNCTION blip._head(model blip._model) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN jsonb_build_object('model', model.name, 'digest', model.digest);
END
$$;
COMMENT ON FUNCTION blip._head(blip._model) IS 'How a request names its model to the engine';
SELECT blip._allow('blip._head(blip._model)', 'readers');

CREATE FUNCTION blip._require(name text, value integer, lowest integer, highest integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF value IS NULL OR value < lowest OR value > highest THEN
        RAISE invalid_parameter_value USING MESSAGE = format(
            '%s must be between %s and %s, not %s', name, lowest, highest, coalesce(value::text, 'NULL'));
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require(text, integer, integer, integer) IS
    'Raise 22023 unless the value lies between the limits';
SELECT blip._allow('blip._require(text, integer, integer, integer)', 'readers');

CREATE FUNCTION blip._require_finite(name text, value double precision) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF value IN ('NaN', 'Infinity', '-Infinity') THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%s must be a finite number, not %s', name, value),
            HINT = 'Leave it out, to have no limit.';
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_finite(text, double precision) IS
    'Raise 22023 for infinities and what is no number';
SELECT blip._allow('blip._require_finite(text, double precision)', 'readers');

-- Of other arrays PostgreSQL has another notion of order, slices and length.
CREATE FUNCTION blip._require_list(name text, list anyarray) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF array_ndims(list) > 1 THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%s must be a list, not an array of %s dimensions: %s',
                             name, array_ndims(list), array_dims(list)),
            HINT = 'Flatten it with: ARRAY(SELECT unnest(…))';
    ELSIF array_lower(list, 1) <> 1 THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%s must begin at 1, not at %s', name, array_lower(list, 1)),
            HINT = 'Renumber it with: ARRAY(SELECT unnest(…))';
    ELSIF array_position(list, NULL) IS NOT NULL THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('%s holds a NULL, at %s', name, array_position(list, NULL)),
            HINT = 'Leave it out with: array_remove(…, NULL)';
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_list(text, anyarray) IS
    'Raise 22023 for an array of several dimensions, that begins elsewhere, or that holds a NULL';
SELECT blip._allow('blip._require_list(text, anyarray)', 'readers');

CREATE FUNCTION blip._require_text(query text) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most constant integer := 10000; -- each may take six bytes of the 65,536 of a request's JSON
BEGIN
    IF query IS NULL OR query !~ '\S' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'the query is ' || CASE WHEN query IS NULL THEN 'NULL' ELSE 'empty' END,
            HINT = 'Say what to look for, as in: SELECT * FROM blip_search(''red bicycle'')';
    ELSIF length(query) > most THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('the query has %s characters; at most %s are read', length(query), most);
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_text(text) IS
    'Raise 22023 for a query without a word, or far longer than any model reads';
SELECT blip._allow('blip._require_text(text)', 'readers');

CREATE FUNCTION blip._require_image(image bytea, name text DEFAULT 'the image') RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most constant integer := 67108864;
BEGIN
    IF image IS NULL OR octet_length(image) = 0 THEN
        RAISE invalid_parameter_value USING
            MESSAGE = name || ' is ' || CASE WHEN image IS NULL THEN 'NULL' ELSE 'empty' END;
    ELSIF octet_length(image) > most THEN
        RAISE invalid_parameter_value USING MESSAGE = format(
            '%s has %s bytes; at most %s are taken', name, octet_length(image), most);
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_image(bytea, text) IS
    'Raise 22023 for an image without or with too many bytes';
SELECT blip._allow('blip._require_image(bytea, text)', 'readers');

CREATE FUNCTION blip._require_search(k integer, candidates integer, threshold double precision)
RETURNS integer
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted constant integer := coalesce(candidates, greatest(32, k));
BEGIN
    PERFORM blip._require('k', k, 1, 1000);
    PERFORM blip._require('candidates', wanted, k, 1000);
    PERFORM blip._require_finite('threshold', threshold);
    RETURN wanted;
END
$$;
COMMENT ON FUNCTION blip._require_search(integer, integer, double precision) IS
    'How many candidates a search recalls; raises 22023 where an argument is out of its range';
SELECT blip._allow('blip._require_search(integer, integer, double precision)', 'readers');

CREATE FUNCTION blip._require_rerank(k integer, image_ids uuid[], threshold double precision)
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM blip._require('k', k, 1, 1000);
    PERFORM blip._require('the number of image_ids', cardinality(image_ids), 0, 1000);
    PERFORM blip._require_finite('threshold', threshold);
END
$$;
COMMENT ON FUNCTION blip._require_rerank(integer, uuid[], double precision) IS
    'Raise 22023 where an argument of blip_rerank is out of its range';
SELECT blip._allow('blip._require_rerank(integer, uuid[], double precision)', 'readers');

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

CREATE FUNCTION blip._question(question text, among text[]) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most constant integer := 60000; -- bytes, of the 65,536 of a request's JSON
    asked jsonb;
BEGIN
    IF question !~ '\S' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = 'the question is empty',
            HINT = 'Ask something, as in: blip_answer(image_id, ''what colour is the bicycle?'')';
    END IF;
    IF among IS NOT NULL THEN
        PERFORM blip._require_list('among', among);
        PERFORM blip._require('the number of answers in among', cardinality(among), 1, 4000);
    END IF;
    asked := jsonb_strip_nulls(jsonb_build_object('question', question, 'among', among));
    IF octet_length(asked::text) > most THEN
        RAISE invalid_parameter_value USING MESSAGE = format(
            'question and answers take %s bytes; at most %s are read', octet_length(asked::text), most);
    END IF;
    RETURN asked;
END
$$;
COMMENT ON FUNCTION blip._question(text, text[]) IS
    'What the answerer is asked, checked';
SELECT blip._allow('blip._question(text, text[])', 'readers');
