-- ITC vectors of texts and images.
-- STABLE, or an index could not be used; yet it may be evaluated for each row:
-- write (SELECT blip_embed('…')), which is evaluated once.

CREATE FUNCTION public.blip_embed(query text, model text DEFAULT NULL) RETURNS halfvec
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF query IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN blip._embed(blip._choose_head(model), query);
END
$$;
COMMENT ON FUNCTION public.blip_embed(text, text) IS
    'The ITC vector of a text; use it as (SELECT blip_embed(''…''))';
SELECT blip._allow('public.blip_embed(text, text)', 'readers');

CREATE FUNCTION public.blip_embed(image bytea, model text DEFAULT NULL) RETURNS halfvec
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 100000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF image IS NULL THEN
        RETURN NULL;
    END IF;
    RETURN blip._embed(blip._choose_head(model), image);
END
$$;
COMMENT ON FUNCTION public.blip_embed(bytea, text) IS
    'The ITC vector of an image file''s bytes; use it as (SELECT blip_embed(…))';
SELECT blip._allow('public.blip_embed(bytea, text)', 'readers');

-- As text in pgvector's notation, which PL/pgSQL can hold without knowing pgvector's schema.
CREATE FUNCTION blip._embed(model blip._model, query text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM blip._require_text(query);
    RETURN blip._ask('embed_text', blip._head(model) || jsonb_build_object('text', query)) ->> 'itc';
END
$$;
COMMENT ON FUNCTION blip._embed(blip._model, text) IS 'The ITC vector of a text, as text';
SELECT blip._allow('blip._embed(blip._model, text)', 'readers');

CREATE FUNCTION blip._embed(model blip._model, image bytea) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 100000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM blip._require_image(image);
    RETURN blip._ask('embed_image', blip._head(model), image) ->> 'itc';
END
$$;
COMMENT ON FUNCTION blip._embed(blip._model, bytea) IS 'The ITC vector of an image, as text';
SELECT blip._allow('blip._embed(blip._model, bytea)', 'readers');
