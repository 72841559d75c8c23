-- The triggers of attached tables.

-- Triggers of a row run in the order of their names. Ours come before an app's: what those change in
-- the row once more is seen after what they were called for.
CREATE FUNCTION blip._trigger(id integer, event text) RETURNS name
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN format('!blip_attach_%s_%s', id, event);
END
$$;
COMMENT ON FUNCTION blip._trigger(integer, text) IS 'The name of an attachment''s trigger';
SELECT blip._allow('blip._trigger(integer, text)', 'readers');

-- A trigger's list holds a column once, whatever it is for.
CREATE FUNCTION blip._places(columns smallint[]) RETURNS smallint[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    listed constant smallint[] := blip._listed(columns);
BEGIN
    RETURN ARRAY(SELECT coalesce(array_position(listed, c), 0)::smallint
                 FROM unnest(columns) WITH ORDINALITY u (c, n) ORDER BY n);
END
$$;
COMMENT ON FUNCTION blip._places(smallint[]) IS
    'Where image, caption (0 if there is none) and key columns stand in the update trigger''s list';
SELECT blip._allow('blip._places(smallint[])', 'writers');

CREATE FUNCTION blip._listed(columns smallint[]) RETURNS smallint[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN ARRAY(SELECT c FROM unnest(columns) WITH ORDINALITY u (c, n) WHERE c > 0
                 GROUP BY c ORDER BY min(n));
END
$$;
COMMENT ON FUNCTION blip._listed(smallint[]) IS 'The update trigger''s columns, each once';
SELECT blip._allow('blip._listed(smallint[])', 'writers');

-- Whole statements at a time where that can be: rows that go into a partition by its own name pass
-- the parent's statement triggers by, and not its row triggers.
CREATE FUNCTION blip._make_triggers(id integer, source regclass, columns smallint[], mode text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    is_plain constant boolean := (SELECT c.relkind = 'r' FROM pg_class c WHERE c.oid = source);
    names text[];
BEGIN
    SELECT array_agg(a.attname::text ORDER BY u.n) INTO names
    FROM unnest(blip._listed(columns)) WITH ORDINALITY u (number, n)
    JOIN pg_attribute a ON a.attrelid = source AND a.attnum = u.number;
    EXECUTE format(
        'CREATE TRIGGER %I AFTER UPDATE OF %s ON %s FOR EACH ROW WHEN (%s)'
        ' EXECUTE FUNCTION blip._attached_changed(%L)',
        blip._trigger(id, 'update'),
        (SELECT string_agg(quote_ident(n), ', ' ORDER BY p) FROM unnest(names) WITH ORDINALITY u (n, p)),
        source,
        (SELECT string_agg(format('OLD.%1$I IS DISTINCT FROM NEW.%1$I', n), ' OR ' ORDER BY p)
         FROM unnest(names) WITH ORDINALITY u (n, p)),
        id);
    EXECUTE format(
        'CREATE TRIGGER %I AFTER INSERT ON %s %s EXECUTE FUNCTION blip.%s(%L)',
        blip._trigger(id, 'insert'), source,
        CASE WHEN is_plain
             THEN 'REFERENCING NEW TABLE AS changed FOR EACH STATEMENT' ELSE 'FOR EACH ROW' END,
        CASE WHEN NOT is_plain THEN '_attached_changed' WHEN mode = 'live' THEN '_attached_added_live'
             ELSE '_attached_added' END,
        id);
    EXECUTE format(
        'CREATE TRIGGER %I AFTER DELETE ON %s %s EXECUTE FUNCTION blip.%s(%L)',
        blip._trigger(id, 'delete'), source,
        CASE WHEN is_plain
             THEN 'REFERENCING OLD TABLE AS changed FOR EACH STATEMENT' ELSE 'FOR EACH ROW' END,
        CASE WHEN is_plain THEN '_attached_removed' ELSE '_attached_changed' END,
        id);
    EXECUTE format(
        'CREATE TRIGGER %I AFTER TRUNCATE ON %s EXECUTE FUNCTION blip._attached_emptied(%L)',
        blip._trigger(id, 'truncate'), source, id);
END
$$;
COMMENT ON FUNCTION blip._make_triggers(integer, regclass, smallint[], text) IS
    'The triggers of an attachment: what changes neither image nor caption nor key runs none';
SELECT blip._allow('blip._make_triggers(integer, regclass, smallint[], text)', 'writers');

CREATE FUNCTION blip._drop_triggers(id integer, source regclass) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    event text;
BEGIN
    FOREACH event IN ARRAY ARRAY['insert', 'update', 'delete', 'truncate'] LOOP
        EXECUTE format('DROP TRIGGER IF EXISTS %I ON %s', blip._trigger(id, event), source);
    END LOOP;
END
$$;
COMMENT ON FUNCTION blip._drop_triggers(integer, regclass) IS 'Undo blip._make_triggers';
SELECT blip._allow('blip._drop_triggers(integer, regclass)', 'writers');

CREATE FUNCTION blip._let_workers_read(source regclass, columns smallint[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF to_regrole('blip_worker') IS NULL THEN
        RETURN;
    END IF;
    EXECUTE format('GRANT SELECT (%s) ON %s TO blip_worker', (
        SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_attribute a
        WHERE a.attrelid = source AND a.attnum = ANY (columns)), source);
    IF (SELECT c.relrowsecurity FROM pg_class c WHERE c.oid = source) AND NOT EXISTS (
        SELECT FROM pg_policy p WHERE p.polrelid = source AND p.polname = 'blip_worker')
    THEN
        EXECUTE format(
            'CREATE POLICY blip_worker ON %s FOR SELECT TO blip_worker USING (true)', source);
    END IF;
    IF NOT has_schema_privilege('blip_worker', (
        SELECT c.relnamespace FROM pg_class c WHERE c.oid = source), 'USAGE')
    THEN
        RAISE WARNING USING
            MESSAGE = format('workers may not use the schema of %s', source),
            HINT = format('If they are not its owner: GRANT USAGE ON SCHEMA %s TO blip_worker', (
                SELECT c.relnamespace::regnamespace FROM pg_class c WHERE c.oid = source));
    END IF;
END
$$;
COMMENT ON FUNCTION blip._let_workers_read(regclass, smallint[]) IS
    'Let blip_worker see the columns that it reads, in every row';
SELECT blip._allow('blip._let_workers_read(regclass, smallint[])', 'writers');

CREATE FUNCTION blip._keep_workers_out(source regclass) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    columns text := (
        SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_attribute a
        WHERE a.attrelid = source AND a.attacl IS NOT NULL AND NOT a.attisdropped);
BEGIN
    IF to_regrole('blip_worker') IS NULL THEN
        RETURN;
    END IF;
    IF columns IS NOT NULL THEN
        EXECUTE format('REVOKE SELECT (%s) ON %s FROM blip_worker', columns, source);
    END IF;
    IF EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = source AND p.polname = 'blip_worker') THEN
        EXECUTE format('DROP POLICY blip_worker ON %s', source);
    END IF;
END
$$;
COMMENT ON FUNCTION blip._keep_workers_out(regclass) IS 'Undo blip._let_workers_read';
SELECT blip._allow('blip._keep_workers_out(regclass)', 'writers');

-- An attachment with the present names of its columns; NULL where its triggers are gone. A domain
-- is named by what it is made of: its checks are its owner's code, which workers and triggers would
-- run with their own rights.
CREATE FUNCTION blip._source(id integer) RETURNS blip._source
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found blip._source;
BEGIN
    SELECT a.attachment_id, a.source, a.kind, a.mode, a.space, c.names[a.places[1]],
           c.names[nullif(a.places[2], 0)],
           ARRAY(SELECT c.names[p] FROM unnest(a.places[3:]) WITH ORDINALITY u (p, n) ORDER BY n),
           ARRAY(SELECT c.types[p] FROM unnest(a.places[3:]) WITH ORDINALITY u (p, n) ORDER BY n)
    INTO found
    FROM blip.attachments a
    JOIN pg_trigger t ON t.tgrelid = a.source AND t.tgname = blip._trigger(a.attachment_id, 'update')
    CROSS JOIN LATERAL (
        SELECT array_agg(b.attname::text ORDER BY u.n),
               array_agg(CASE WHEN y.typtype = 'd' THEN format_type(y.typbasetype, y.typtypmod)
                              ELSE format_type(b.atttypid, b.atttypmod) END ORDER BY u.n)
        FROM unnest(t.tgattr) WITH ORDINALITY u (number, n)
        JOIN pg_attribute b ON b.attrelid = a.source AND b.attnum = u.number
        JOIN pg_type y ON y.oid = b.atttypid
    ) c (names, types)
    WHERE a.attachment_id = id;
    RETURN found;
END
$$;
COMMENT ON FUNCTION blip._source(integer) IS 'An attachment with the present names of its columns';
SELECT blip._allow('blip._source(integer)', 'readers');

-- As the attachment's number is an argument that anybody could give to a trigger of their own.
CREATE FUNCTION blip._triggered(id integer, relation oid) RETURNS blip._source
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found constant blip._source := blip._source(id);
BEGIN
    IF found.source = relation
       OR found.source IN (SELECT p.relid FROM pg_partition_ancestors(relation) p)
    THEN
        RETURN found;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION blip._triggered(integer, oid) IS
    'The attachment whose table, or partition of it, this is; else NULL';
SELECT blip._allow('blip._triggered(integer, oid)', 'owner');

CREATE FUNCTION blip._key(source blip._source, alias text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN format('jsonb_build_array(%s)', (
        SELECT string_agg(format('%s.%I', alias, k), ', ' ORDER BY n)
        FROM unnest(source.keys) WITH ORDINALITY u (k, n)));
END
$$;
COMMENT ON FUNCTION blip._key(blip._source, text) IS 'SQL for the key of a row of that alias';
SELECT blip._allow('blip._key(blip._source, text)', 'workers');

CREATE FUNCTION blip._caption_of(source blip._source, alias text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN source.caption IS NULL THEN 'NULL::text'
                ELSE format('%s.%I::text', alias, source.caption) END;
END
$$;
COMMENT ON FUNCTION blip._caption_of(blip._source, text) IS
    'SQL for the caption of a row of that alias';
SELECT blip._allow('blip._caption_of(blip._source, text)', 'workers');

CREATE FUNCTION blip._has_key(source blip._source, alias text, key text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT string_agg(format('%s.%I = (%s ->> %s)::%s', alias, k, key, n - 1, source.types[n]),
                              ' AND ' ORDER BY n)
            FROM unnest(source.keys) WITH ORDINALITY u (k, n));
END
$$;
COMMENT ON FUNCTION blip._has_key(blip._source, text, text) IS
    'SQL for: the row of that alias is the one that the key names';
SELECT blip._allow('blip._has_key(blip._source, text, text)', 'readers');

-- SECURITY DEFINER: whoever changes the app's table needs no right on ours.
CREATE FUNCTION blip._attached_added() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source blip._source := blip._triggered(TG_ARGV[0]::integer, TG_RELID);
    keys jsonb[];
BEGIN
    IF source.attachment_id IS NOT NULL THEN
        EXECUTE format('SELECT array_agg(%s) FROM changed n WHERE n.%I IS NOT NULL',
                       blip._key(source, 'n'), source.image)
        INTO keys;
        PERFORM blip._note(source.attachment_id, keys);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION blip._attached_added() IS 'Note the rows that a statement inserted';
SELECT blip._allow('blip._attached_added()', 'writers', 'blip_owner');

-- Rows that are known by now were changed again by a trigger of the app's: a worker looks at what they
-- hold in the end. Others that insert the same images take them in the same order.
CREATE FUNCTION blip._attached_added_live() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most constant integer := 16; -- images of one request to the engine
    most_bytes constant integer := 8388608;
    source blip._source := blip._triggered(TG_ARGV[0]::integer, TG_RELID);
    key_of constant text := blip._key(source, 'n');
    added record;
    known jsonb[];
    keys jsonb[] := '{}';
    contents bytea[] := '{}';
    captions text[] := '{}';
    size bigint := 0;
BEGIN
    IF source.attachment_id IS NULL THEN
        RETURN NULL;
    END IF;
    EXECUTE format('SELECT array_agg(r.key) FROM blip.attached_rows r WHERE r.attachment_id = $1'
                   ' AND r.key IN (SELECT %s FROM changed n)', key_of)
    INTO known USING source.attachment_id;
    PERFORM blip._note(source.attachment_id, known);
    FOR added IN EXECUTE format(
        'SELECT %1$s AS key, n.%2$I AS content, %3$s AS caption FROM changed n'
        ' WHERE n.%2$I IS NOT NULL AND (%1$s = ANY ($1)) IS NOT TRUE'
        ' ORDER BY blip._half($2 || n.%2$I)',
        key_of, source.image, blip._caption_of(source, 'n'))
        USING known, convert_to(source.space, 'UTF8') || '\x00'::bytea
    LOOP
        IF cardinality(keys) = most OR size + octet_length(added.content) > most_bytes THEN
            PERFORM blip._attach_live(source, keys, contents, captions);
            keys := '{}';
            contents := '{}';
            captions := '{}';
            size := 0;
        END IF;
        keys := keys || added.key;
        contents := contents || added.content;
        captions := captions || added.caption;
        size := size + octet_length(added.content);
    END LOOP;
    PERFORM blip._attach_live(source, keys, contents, captions);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION blip._attached_added_live() IS
    'Link and encode the rows that a statement inserted, several at a time';
SELECT blip._allow('blip._attached_added_live()', 'writers', 'blip_owner');

CREATE FUNCTION blip._attached_removed() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source blip._source := blip._triggered(TG_ARGV[0]::integer, TG_RELID);
    keys jsonb[];
BEGIN
    IF source.attachment_id IS NOT NULL THEN
        EXECUTE format('SELECT array_agg(%s) FROM changed n', blip._key(source, 'n')) INTO keys;
        PERFORM blip._unlink(source.attachment_id, keys);
        IF source.mode = 'live' AND pg_trigger_depth() > 1 THEN
            -- By a trigger of the app's, perhaps before blip._attached_added_live comes to the same rows.
            PERFORM blip._note(source.attachment_id, keys);
        END IF;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION blip._attached_removed() IS 'Forget the rows that a statement deleted';
SELECT blip._allow('blip._attached_removed()', 'writers', 'blip_owner');

CREATE FUNCTION blip._attached_emptied() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source blip._source := blip._triggered(TG_ARGV[0]::integer, TG_RELID);
BEGIN
    IF source.attachment_id IS NOT NULL THEN
        PERFORM blip._unlink_all(source.attachment_id);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION blip._attached_emptied() IS 'Forget all rows of a table that was truncated';
SELECT blip._allow('blip._attached_emptied()', 'writers', 'blip_owner');

CREATE FUNCTION blip._attached_changed() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source blip._source := blip._triggered(TG_ARGV[0]::integer, TG_RELID);
    key_of text;
    old_key jsonb;
    new_key jsonb;
    is_there boolean;
    content bytea;
    caption text;
BEGIN
    IF source.attachment_id IS NULL THEN
        RETURN NULL;
    END IF;
    key_of := blip._key(source, '($1)');
    IF TG_OP <> 'INSERT' THEN
        EXECUTE 'SELECT ' || key_of INTO old_key USING OLD;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        EXECUTE format('SELECT %s, ($1).%I IS NOT NULL', key_of, source.image)
        INTO new_key, is_there USING NEW;
    END IF;
    IF old_key IS NOT NULL AND (old_key IS DISTINCT FROM new_key OR NOT is_there) THEN
        PERFORM blip._unlink(source.attachment_id, ARRAY[old_key]);
    END IF;
    IF is_there THEN
        IF source.mode = 'live' THEN
            EXECUTE format('SELECT ($1).%I, %s', source.image, blip._caption_of(source, '($1)'))
            INTO content, caption USING NEW;
            PERFORM blip._attach_live(source, ARRAY[new_key], ARRAY[content], ARRAY[caption]);
        ELSE
            PERFORM blip._note(source.attachment_id, ARRAY[new_key]);
        END IF;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION blip._attached_changed() IS
    'Note, or encode at once, a row that was inserted or changed; forget one that was deleted';
SELECT blip._allow('blip._attached_changed()', 'writers', 'blip_owner');

CREATE FUNCTION blip._attach_live(
    source blip._source, keys jsonb[], contents bytea[], captions text[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 1000000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    names constant text[] := ARRAY(SELECT blip._place(source.source, k) FROM unnest(keys) k);
    ids constant uuid[] := ARRAY(
        SELECT blip._half(convert_to(source.space, 'UTF8') || '\x00'::bytea || c)
        FROM unnest(contents) c);
BEGIN
    IF keys = '{}' THEN
        RETURN;
    END IF;
    PERFORM blip._require_image(u.content, 'the image of ' || u.name)
    FROM unnest(contents, names) u (content, name);
    PERFORM blip._link(
        source.attachment_id, keys, ids, ARRAY(SELECT sha256(c) FROM unnest(contents) c),
        ARRAY(SELECT blip._mime(u.content, 'the image of ' || u.name)
              FROM unnest(contents, names) u (content, name)),
        ARRAY(SELECT octet_length(c)::bigint FROM unnest(contents) c), captions, NULL);
    PERFORM blip._encode(ids, contents, names);
END
$$;
COMMENT ON FUNCTION blip._attach_live(blip._source, jsonb[], bytea[], text[]) IS
    'Link rows'' images and encode them, within the transaction that changes the rows';
SELECT blip._allow('blip._attach_live(blip._source, jsonb[], bytea[], text[])', 'owner');

CREATE FUNCTION blip._encode(ids uuid[], contents bytea[], names text[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE COST 1000000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most_name constant integer := 200; -- characters: a request's head has few
    model blip._model := blip._choose(NULL, 'retrieval');
    pgvector regnamespace := (
        SELECT e.extnamespace FROM pg_extension e WHERE e.extname = 'vector');
    sizes integer[];
    body bytea;
    images jsonb;
BEGIN
    SELECT array_agg(g.id ORDER BY g.id), array_agg(left(g.name, most_name) ORDER BY g.id),
           array_agg(octet_length(g.content) ORDER BY g.id), string_agg(g.content, '' ORDER BY g.id)
    INTO ids, names, sizes, body
    FROM (SELECT DISTINCT ON (u.id) u.id, u.content, u.name
          FROM unnest(ids, contents, names) u (id, content, name) ORDER BY u.id) g
    WHERE NOT EXISTS (SELECT FROM blip.image_vectors v
                      WHERE v.image_id = g.id AND v.model_id = model.model_id);
    IF ids IS NULL THEN
        RETURN;
    END IF;
    images := blip._ask(
        'encode_images',
        blip._head(model) || jsonb_build_object('sizes', sizes, 'names', names), body) -> 'images';
    EXECUTE format('INSERT INTO blip.image_vectors (image_id, model_id, itc)'
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
