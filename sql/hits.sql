-- The hits of a search, in order, each with a place where it was seen and its best caption.

CREATE FUNCTION blip._probability(logits jsonb) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    -- Clamped: beyond, exp() or the cast to real would raise an error.
    RETURN 1 / (1 + exp(greatest(-80, least(
        80, (logits ->> 0)::double precision - (logits ->> 1)::double precision))));
END
$$;
COMMENT ON FUNCTION blip._probability(jsonb) IS 'Softmax of two logits: that of the second';
SELECT blip._allow('blip._probability(jsonb)', 'readers');

-- Without logits (image to image) the score is the cosine alone, and the threshold is on it.
CREATE FUNCTION blip._hits(
    image_ids uuid[], itcs real[], logits jsonb, k integer, threshold double precision)
RETURNS TABLE (image_id uuid, uri text, caption text, score real, itm real, itc real)
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 10
SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    -- A probability or a cosine; a real can't hold all that a double precision can.
    lowest constant real := CASE
        WHEN threshold > 2 THEN 2 WHEN threshold < -2 THEN -2 ELSE threshold END;
BEGIN
    RETURN QUERY
    WITH pair AS (
        SELECT c.image_id, c.itc, blip._probability(l.logits) AS itm,
               coalesce((l.logits ->> 1)::double precision, 0) + c.itc AS score
        FROM unnest(image_ids, itcs) WITH ORDINALITY c (image_id, itc, place)
        LEFT JOIN jsonb_array_elements(logits) WITH ORDINALITY l (logits, place)
            ON l.place = c.place
    ), hit AS (
        SELECT * FROM pair p
        WHERE lowest IS NULL OR coalesce(p.itm, p.itc)::real >= lowest
        ORDER BY p.score DESC, p.image_id LIMIT k
    )
    -- A subquery for each hit: a join would rank the captions of all images.
    SELECT h.image_id, blip._where(h.image_id),
           (SELECT t.text FROM blip.ranked_captions t
            WHERE t.image_id = h.image_id AND t.rank = 1),
           h.score::real, h.itm::real, h.itc
    FROM hit h
    ORDER BY h.score DESC, h.image_id;
END
$$;
COMMENT ON FUNCTION blip._hits(uuid[], real[], jsonb, integer, double precision) IS
    'The k best with a place where each was seen and its best caption';
SELECT blip._allow('blip._hits(uuid[], real[], jsonb, integer, double precision)', 'readers');

CREATE FUNCTION blip._where(id uuid) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN coalesce(
        (SELECT f.uri FROM blip.files f WHERE f.image_id = id
         ORDER BY f.is_ingested DESC, f.uri LIMIT 1),
        (SELECT coalesce(r.uri, blip._place(a.source, r.key))
         FROM blip.attached_rows r JOIN blip.attachments a ON a.attachment_id = r.attachment_id
         WHERE r.image_id = id ORDER BY r.attachment_id, r.key LIMIT 1));
END
$$;
COMMENT ON FUNCTION blip._where(uuid) IS 'A place where an image was seen; NULL if none is known';
SELECT blip._allow('blip._where(uuid)', 'readers');

CREATE FUNCTION blip._place(source regclass, key jsonb) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT coalesce(n.nspname || '.' || c.relname, source::text)
            FROM (SELECT) one LEFT JOIN pg_class c ON c.oid = source
            LEFT JOIN pg_namespace n ON n.oid = c.relnamespace)
        || '/' || CASE jsonb_typeof(key) WHEN 'array' THEN (
            SELECT string_agg(v, ',' ORDER BY n)
            FROM jsonb_array_elements_text(key) WITH ORDINALITY u (v, n)) ELSE key ->> 'starts' || '…' END;
END
$$;
COMMENT ON FUNCTION blip._place(regclass, jsonb) IS 'Where an attached image is seen: schema.table/key';
SELECT blip._allow('blip._place(regclass, jsonb)', 'readers');
