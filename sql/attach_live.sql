-- Rows of a table that is attached live: encoded within the transaction that changes them.

-- An image that another transaction is just storing is waited for a moment, asleep and so in no
-- deadlock; then it is left to a worker.
CREATE FUNCTION blip._attach_live(
    source blip._source, keys jsonb[], contents bytea[], captions text[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 1000000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    max_tries constant integer := 6;
    names text[];
    ids uuid[];
    sha256s bytea[];
    mimes text[];
    sizes bigint[];
    linked uuid[];
BEGIN
    PERFORM blip._note(source.attachment_id, ARRAY(
        SELECT k FROM unnest(keys) k WHERE blip._keyed(k) <> k));
    SELECT coalesce(array_agg(u.key ORDER BY n), '{}'), array_agg(u.content ORDER BY n),
           array_agg(u.caption ORDER BY n), array_agg(blip._place(source.source, u.key) ORDER BY n)
    INTO keys, contents, captions, names
    FROM unnest(keys, contents, captions) WITH ORDINALITY u (key, content, caption, n)
    WHERE blip._keyed(u.key) = u.key;
    IF keys = '{}' THEN
        RETURN;
    END IF;
    PERFORM blip._require_image(u.content, 'the image of ' || u.name)
    FROM unnest(contents, names) u (content, name);
    ids := ARRAY(SELECT blip._half(convert_to(source.space, 'UTF8') || '\x00'::bytea || c)
                 FROM unnest(contents) c);
    sha256s := ARRAY(SELECT sha256(c) FROM unnest(contents) c);
    sizes := ARRAY(SELECT octet_length(c)::bigint FROM unnest(contents) c);
    mimes := ARRAY(SELECT blip._mime(u.content, 'the image of ' || u.name)
                   FROM unnest(contents, names) u (content, name));
    FOR try IN 1 .. max_tries LOOP
        linked := blip._hold(source.space, ids, sha256s, mimes, sizes);
        EXIT WHEN linked @> ids;
        PERFORM pg_sleep(0.01);
    END LOOP;
    linked := blip._link(
        source.attachment_id, keys, ids, sha256s, mimes, sizes, captions, NULL);
    PERFORM blip._encode(
        ARRAY(SELECT u.id FROM unnest(ids) WITH ORDINALITY u (id, n) WHERE u.id = ANY (linked) ORDER BY n),
        ARRAY(SELECT u.content FROM unnest(ids, contents) WITH ORDINALITY u (id, content, n)
              WHERE u.id = ANY (linked) ORDER BY n),
        ARRAY(SELECT u.name FROM unnest(ids, names) WITH ORDINALITY u (id, name, n)
              WHERE u.id = ANY (linked) ORDER BY n));
END
$$;
COMMENT ON FUNCTION blip._attach_live(blip._source, jsonb[], bytea[], text[]) IS
    'Link rows'' images and encode them, within the transaction that changes the rows';
SELECT blip._allow('blip._attach_live(blip._source, jsonb[], bytea[], text[])', 'owner');

-- Whose job another transaction is at is encoded there.
CREATE FUNCTION blip._encode(ids uuid[], contents bytea[], names text[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 1000000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most_name constant integer := 200; -- characters: a request's head has few
    model blip._model := blip._choose(NULL, 'retrieval');
    pgvector regnamespace := (
        SELECT e.extnamespace FROM pg_extension e WHERE e.extname = 'vector');
    ours uuid[];
    sizes integer[];
    body bytea;
    images jsonb;
BEGIN
    ours := ARRAY(
        SELECT j.image_id FROM blip.jobs j
        WHERE j.image_id = ANY (ids) AND j.stage = 'encode' AND j.model_id = model.model_id
        ORDER BY j.image_id FOR UPDATE SKIP LOCKED);
    SELECT array_agg(g.id ORDER BY g.id), array_agg(left(g.name, most_name) ORDER BY g.id),
           array_agg(octet_length(g.content) ORDER BY g.id), string_agg(g.content, '' ORDER BY g.id)
    INTO ids, names, sizes, body
    FROM (SELECT DISTINCT ON (u.id) u.id, u.content, u.name
          FROM unnest(ids, contents, names) u (id, content, name)
          WHERE u.id = ANY (ours) ORDER BY u.id) g
    WHERE NOT EXISTS (SELECT FROM blip.image_vectors v
                      WHERE v.image_id = g.id AND v.model_id = model.model_id);
    IF ids IS NULL THEN
        RETURN;
    END IF;
    images := blip._ask(
        'encode_images',
        blip._head(model) || jsonb_build_object('sizes', sizes, 'names', names), body) -> 'images';
    EXECUTE format('INSERT INTO blip.image_vectors (image_id, model_id, itc)' -- lint: regnamespace
                   ' SELECT u.id, $2, (($3 -> (n::integer - 1)) ->> ''itc'')::%s.halfvec'
                   ' FROM unnest($1) WITH ORDINALITY u (id, n) ON CONFLICT DO NOTHING', pgvector)
    USING ids, model.model_id, images;
    INSERT INTO blip.image_tokens (image_id, model_id, tokens)
    SELECT ids[n], model.model_id, decode(i.image ->> 'tokens', 'base64')
    FROM jsonb_array_elements(images) WITH ORDINALITY i (image, n)
    ON CONFLICT DO NOTHING;
    UPDATE blip.images i
    SET width = (e.image ->> 'width')::integer, height = (e.image ->> 'height')::integer
    FROM jsonb_array_elements(images) WITH ORDINALITY e (image, n)
    WHERE i.image_id = ids[n] AND i.width IS NULL;
    UPDATE blip.jobs j SET state = 'd', lease = NULL, error = NULL, updated_at = now()
    WHERE j.image_id = ANY (ids) AND j.stage = 'encode' AND j.model_id = model.model_id;
END
$$;
COMMENT ON FUNCTION blip._encode(uuid[], bytea[], text[]) IS
    'Have the engine encode images for searches, and close their jobs';
SELECT blip._allow('blip._encode(uuid[], bytea[], text[])', 'owner');
