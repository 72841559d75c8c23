-- Rows of attached tables and the images in them: linked, let go, and what workers do for that.

-- A plan that a session made while a table was small would look at all its rows for each key later.
-- So functions that are given keys or images plan anew each time, or, as that is slow, can't but go by
-- an index.

CREATE FUNCTION blip._note(attachment integer, keys jsonb[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO blip.attached_rows AS r (attachment_id, key)
    SELECT DISTINCT attachment, k FROM unnest(keys) k
    ON CONFLICT ON CONSTRAINT attached_rows_pkey DO UPDATE
    SET state = 'p', attempts = 0, run_after = now(), error = NULL;
END
$$;
COMMENT ON FUNCTION blip._note(integer, jsonb[]) IS 'Have rows of an attached table looked at';
SELECT blip._allow('blip._note(integer, jsonb[])', 'owner');

-- An image that another transaction is deleting is gone when that ends: then it is stored again.
CREATE FUNCTION blip._link(
    attachment integer, keys jsonb[], ids uuid[], sha256s bytea[], mimes text[], sizes bigint[],
    captions text[], uris text[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    space constant text := (SELECT a.space FROM blip.attachments a WHERE a.attachment_id = attachment);
    count constant bigint := (SELECT count(DISTINCT i) FROM unnest(ids) i);
    old_images uuid[];
    old_captions uuid[];
    found bigint;
BEGIN
    SELECT array_agg(o.image_id), array_agg(o.caption_id) INTO old_images, old_captions
    FROM unnest(keys) k CROSS JOIN LATERAL (
        SELECT r.image_id, r.caption_id FROM blip.attached_rows r
        WHERE r.attachment_id = attachment AND r.key = k AND r.image_id IS NOT NULL OFFSET 0) o;
    IF old_images IS NOT NULL THEN -- all of them at once, in order: two that swap images wait in turns
        PERFORM FROM blip.images i WHERE i.image_id = ANY (old_images || ids)
        ORDER BY i.image_id FOR UPDATE;
    END IF;
    LOOP
        INSERT INTO blip.images (image_id, space, sha256, mime, bytes)
        SELECT DISTINCT ON (u.id) u.id, space, u.sha256, u.mime, u.size
        FROM unnest(ids, sha256s, mimes, sizes) u (id, sha256, mime, size) ORDER BY u.id
        ON CONFLICT DO NOTHING;
        SELECT count(*) INTO found FROM (
            SELECT FROM blip.images i WHERE i.image_id = ANY (ids)
            ORDER BY i.image_id FOR KEY SHARE) held;
        EXIT WHEN found = count;
    END LOOP;
    WITH given AS (
        SELECT u.key, u.id, nullif(btrim(u.caption, E' \t\n\r'), '') AS caption, u.uri,
               blip._half(convert_to('web', 'UTF8') || '\x00'::bytea || convert_to(u.caption, 'UTF8'))
                   AS caption_id
        FROM unnest(keys, ids, captions, uris) u (key, id, caption, uri)
    ), added AS (
        INSERT INTO blip.captions (image_id, caption_id, text, origin)
        SELECT DISTINCT ON (g.id, g.caption_id) g.id, g.caption_id, u.caption, 'web'
        FROM given g JOIN unnest(keys, captions) u (key, caption) ON u.key = g.key
        WHERE g.caption IS NOT NULL ORDER BY g.id, g.caption_id
        ON CONFLICT DO NOTHING
        RETURNING captions.image_id, captions.caption_id
    )
    INSERT INTO blip.attached_rows AS r (attachment_id, key, state, image_id, caption_id, uri)
    SELECT attachment, g.key, 'd', g.id,
           -- A caption that came otherwise is not ours to delete one day.
           CASE WHEN g.caption IS NOT NULL AND (
               EXISTS (SELECT FROM added a WHERE (a.image_id, a.caption_id) = (g.id, g.caption_id))
               OR EXISTS (SELECT FROM blip.attached_rows o
                          WHERE (o.image_id, o.caption_id) = (g.id, g.caption_id)))
                THEN g.caption_id END,
           g.uri
    FROM given g ORDER BY g.key
    ON CONFLICT ON CONSTRAINT attached_rows_pkey DO UPDATE
    SET state = 'd', image_id = excluded.image_id, caption_id = excluded.caption_id,
        uri = excluded.uri, attempts = 0, error = NULL, updated_at = now();
    PERFORM blip._enqueue(ids);
    -- What could not be read where it was may be read where it is now.
    UPDATE blip.jobs j
    SET state = 'p', attempts = 0, run_after = now(), error = NULL, updated_at = now()
    FROM (SELECT f.image_id, f.stage, f.model_id FROM blip.jobs f
          WHERE f.image_id = ANY (ids) AND f.stage = 'encode' AND f.attempts > 0
            AND f.state IN ('p', 'x')
          FOR UPDATE SKIP LOCKED) failed
    WHERE (j.image_id, j.stage, j.model_id) = (failed.image_id, failed.stage, failed.model_id);
    PERFORM blip._drop_orphans(old_images, old_captions);
END
$$;
COMMENT ON FUNCTION blip._link(
    integer, jsonb[], uuid[], bytea[], text[], bigint[], text[], text[]) IS
    'Store images of an attached table''s rows, without content, with captions and jobs; what the '
    'rows were linked to before goes, if nothing else holds it';
SELECT blip._allow(
    'blip._link(integer, jsonb[], uuid[], bytea[], text[], bigint[], text[], text[])',
    'workers');

-- An image that somebody holds is left to a worker, with its row: two transactions of an app that
-- let go of the same images in different orders would wait for each other. So is a row that came or
-- changed in this transaction: a statement may move a row to a key that it deletes, and its deletes
-- are told last.
CREATE FUNCTION blip._unlink(attachment integer, keys jsonb[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    own constant integer := age(pg_current_xact_id()::xid); -- savepoints' are younger
    free uuid[];
    images uuid[];
    captions uuid[];
BEGIN
    PERFORM FROM blip.attached_rows r
    WHERE r.attachment_id = attachment AND r.key = ANY (keys) ORDER BY r.key FOR UPDATE;
    free := ARRAY(
        SELECT i.image_id FROM blip.images i
        WHERE i.image_id IN (
            SELECT r.image_id FROM blip.attached_rows r
            WHERE r.attachment_id = attachment AND r.key = ANY (keys))
        ORDER BY i.image_id FOR UPDATE SKIP LOCKED);
    UPDATE blip.attached_rows r SET state = 'p', attempts = 0, run_after = now() + interval '2 s'
    WHERE r.attachment_id = attachment AND r.key = ANY (keys)
      AND r.image_id IS NOT NULL AND r.image_id <> ALL (free);
    SELECT array_agg(r.image_id), array_agg(r.caption_id) INTO images, captions
    FROM blip.attached_rows r
    WHERE r.attachment_id = attachment AND r.key = ANY (keys) AND r.image_id = ANY (free);
    DELETE FROM blip.attached_rows r
    WHERE r.attachment_id = attachment AND r.key = ANY (keys)
      AND (r.image_id IS NULL OR r.image_id = ANY (free)) AND age(r.xmin) > own;
    UPDATE blip.attached_rows r
    SET state = 'p', attempts = 0, run_after = now(), error = NULL, image_id = NULL,
        caption_id = NULL, uri = NULL, updated_at = now()
    WHERE r.attachment_id = attachment AND r.key = ANY (keys)
      AND (r.image_id IS NULL OR r.image_id = ANY (free));
    PERFORM blip._drop_orphans(images, captions);
END
$$;
COMMENT ON FUNCTION blip._unlink(integer, jsonb[]) IS
    'Forget some rows of an attached table, and the images that only they held';
SELECT blip._allow('blip._unlink(integer, jsonb[])', 'workers');

CREATE FUNCTION blip._unlink_all(attachment integer) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    images uuid[];
    captions uuid[];
BEGIN
    WITH gone AS (
        DELETE FROM blip.attached_rows r WHERE r.attachment_id = attachment
        RETURNING r.image_id, r.caption_id
    )
    SELECT array_agg(g.image_id), array_agg(g.caption_id) INTO images, captions
    FROM gone g WHERE g.image_id IS NOT NULL;
    PERFORM blip._drop_orphans(images, captions);
END
$$;
COMMENT ON FUNCTION blip._unlink_all(integer) IS
    'Forget all rows of an attached table, and the images that only they held';
SELECT blip._allow('blip._unlink_all(integer)', 'owner');

-- The lock comes first: of two that each let go of one of an image's last two rows, the second must
-- see what the first did.
CREATE FUNCTION blip._drop_orphans(images uuid[], captions uuid[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    IF images IS NULL THEN
        RETURN;
    END IF;
    PERFORM FROM blip.images i WHERE i.image_id = ANY (images) ORDER BY i.image_id FOR UPDATE;
    DELETE FROM blip.captions c USING unnest(images, captions) u (image_id, caption_id)
    WHERE (c.image_id, c.caption_id) = (u.image_id, u.caption_id) AND NOT EXISTS (
        SELECT FROM blip.attached_rows r
        WHERE (r.image_id, r.caption_id) = (u.image_id, u.caption_id));
    DELETE FROM blip.images i
    WHERE i.image_id = ANY (images) AND i.content IS NULL
      AND NOT EXISTS (SELECT FROM blip.files f WHERE f.image_id = i.image_id)
      AND NOT EXISTS (SELECT FROM blip.attached_rows r WHERE r.image_id = i.image_id);
END
$$;
COMMENT ON FUNCTION blip._drop_orphans(uuid[], uuid[]) IS
    'Delete those of these images and captions that came by attached rows alone, and have none now';
SELECT blip._allow('blip._drop_orphans(uuid[], uuid[])', 'workers');

-- Anybody may call it: it only ends what its owner has detached, and what has no table any more.
CREATE FUNCTION blip._purge() RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    id integer;
BEGIN
    FOR id IN
        SELECT a.attachment_id FROM blip.attachments a
        WHERE a.mode = 'detached' OR NOT EXISTS (
            SELECT FROM pg_trigger t
            WHERE t.tgrelid = a.source AND t.tgname = blip._trigger(a.attachment_id, 'update'))
    LOOP
        PERFORM blip._unlink_all(id);
        DELETE FROM blip.attachments a WHERE a.attachment_id = id;
    END LOOP;
END
$$;
COMMENT ON FUNCTION blip._purge() IS
    'End attachments that were detached, or whose table or column was dropped';
SELECT blip._allow('blip._purge()', 'writers', 'blip_owner');

-- What workers do.

CREATE FUNCTION blip._scan(attachment integer, most integer) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $$
DECLARE
    source constant blip._source := blip._source(attachment);
    begun jsonb;
    ended jsonb;
    count integer;
    columns text;
BEGIN
    SELECT a.scanned INTO begun FROM blip.attachments a
    WHERE a.attachment_id = attachment AND NOT a.is_scanned FOR UPDATE SKIP LOCKED;
    IF NOT FOUND OR source.attachment_id IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM blip._require_readable(source);
    IF begun IS NULL THEN -- what is known already is looked at again
        UPDATE blip.attached_rows r SET state = 'p', attempts = 0, run_after = now(), error = NULL
        FROM (SELECT k.key FROM blip.attached_rows k
              WHERE k.attachment_id = attachment AND k.state <> 'p' FOR UPDATE SKIP LOCKED) known
        WHERE r.attachment_id = attachment AND r.key = known.key;
    END IF;
    columns := (SELECT string_agg(format('s.%I', k), ', ' ORDER BY n)
                FROM unnest(source.keys) WITH ORDINALITY u (k, n));
    EXECUTE format(
        'WITH page AS MATERIALIZED ('
        ' SELECT %1$s AS key, s.%2$I IS NOT NULL AS is_there, row_number() OVER (ORDER BY %3$s) AS n'
        ' FROM %4$s s WHERE %5$s ORDER BY %3$s LIMIT %6$s'
        '), added AS ('
        ' INSERT INTO blip.attached_rows (attachment_id, key)'
        ' SELECT %7$s, p.key FROM page p WHERE p.is_there ON CONFLICT DO NOTHING)'
        ' SELECT count(*), (array_agg(p.key ORDER BY p.n DESC))[1] FROM page p',
        blip._key(source, 's'), source.image, columns, source.source,
        CASE WHEN begun IS NULL THEN 'true' ELSE format('(%s) > (%s)', columns, (
            SELECT string_agg(format('($1 ->> %s)::%s', n - 1, t), ', ' ORDER BY n)
            FROM unnest(source.types) WITH ORDINALITY u (t, n))) END,
        most, attachment)
    INTO count, ended USING begun;
    UPDATE blip.attachments a
    SET scanned = coalesce(ended, a.scanned, '[]'), is_scanned = count < most
    WHERE a.attachment_id = attachment;
    RETURN count;
END
$$;
COMMENT ON FUNCTION blip._scan(integer, integer) IS
    'Note the next rows that were there when the table was attached; how many were looked at';
SELECT blip._allow('blip._scan(integer, integer)', 'workers');

-- Rows that policies hide would be taken for deleted. And a restrictive policy is code of the table's
-- owner, which would run with a worker's rights.
CREATE FUNCTION blip._require_readable(source blip._source) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    relation constant oid := source.source;
BEGIN
    IF row_security_active(relation) AND NOT EXISTS (
        SELECT FROM pg_policy p
        WHERE p.polrelid = relation AND p.polpermissive AND p.polcmd IN ('r', '*')
          AND pg_get_expr(p.polqual, p.polrelid) = 'true'
          AND EXISTS (SELECT FROM unnest(p.polroles) r WHERE r = 0 OR pg_has_role(r, 'USAGE')))
    THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('policies of %s hide rows from %s', source.source, current_user),
            HINT = format('CREATE POLICY blip_worker ON %s FOR SELECT TO %I USING (true)',
                          source.source, current_user);
    ELSIF row_security_active(relation) AND EXISTS (
        SELECT FROM pg_policy p
        WHERE p.polrelid = relation AND NOT p.polpermissive AND p.polcmd IN ('r', '*')
          AND EXISTS (SELECT FROM unnest(p.polroles) r WHERE r = 0 OR pg_has_role(r, 'USAGE')))
    THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('a restrictive policy of %s holds for %s', source.source, current_user),
            HINT = 'It would hide rows, and run with its rights: restrict it to other roles (TO …).';
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_readable(blip._source) IS
    'Raise 42501 where row-level security hides rows of an attached table from a worker';
SELECT blip._allow('blip._require_readable(blip._source)', 'workers');

-- The rows stay locked until their links are written: whoever changes one meanwhile waits, and then
-- has it looked at again. So it is some megabytes at a time, and never a wait for others.
CREATE FUNCTION blip._link_due(attachment integer, most integer) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $$
DECLARE
    most_bytes constant bigint := 16777216;
    source constant blip._source := blip._source(attachment);
    due jsonb[];
    gone jsonb[];
    keys jsonb[];
    ids uuid[];
    sha256s bytea[];
    mimes text[];
    sizes bigint[];
    captions text[];
BEGIN
    IF source.attachment_id IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM blip._require_readable(source);
    due := ARRAY(
        SELECT r.key FROM blip.attached_rows r
        WHERE r.attachment_id = attachment AND r.state = 'p' AND r.run_after <= now()
        ORDER BY r.run_after LIMIT most FOR UPDATE SKIP LOCKED);
    EXECUTE format(
        'SELECT array_agg(d.key) FILTER (WHERE s.%1$I IS NULL) FROM unnest($1) d (key)'
        ' LEFT JOIN %2$s s ON %3$s',
        source.image, source.source, blip._has_key(source, 's', 'd.key'))
    INTO gone USING due;
    EXECUTE format(
        'SELECT array_agg(f.key), array_agg(f.id), array_agg(f.sha256), array_agg(f.mime),'
        ' array_agg(f.size), array_agg(f.caption) FROM ('
        ' SELECT l.key, blip._half($2 || s.%1$I) AS id, sha256(s.%1$I) AS sha256,'
        ' coalesce(blip._mime_of(s.%1$I), ''application/octet-stream'') AS mime, l.size, %4$s AS caption'
        ' FROM (SELECT d.key, octet_length(s.%1$I)::bigint AS size,'
        ' sum(octet_length(s.%1$I)) OVER (ORDER BY d.place) - octet_length(s.%1$I) AS before'
        ' FROM unnest($1) WITH ORDINALITY d (key, place) JOIN %2$s s ON %3$s'
        ' WHERE s.%1$I IS NOT NULL) l'
        ' JOIN %2$s s ON %5$s WHERE l.before < %6$s) f',
        source.image, source.source, blip._has_key(source, 's', 'd.key'),
        blip._caption_of(source, 's'), blip._has_key(source, 's', 'l.key'), most_bytes)
    INTO keys, ids, sha256s, mimes, sizes, captions
    USING due, convert_to(source.space, 'UTF8') || '\x00'::bytea;
    IF gone IS NOT NULL THEN
        PERFORM blip._unlink(attachment, gone);
    END IF;
    PERFORM blip._link_all(attachment, keys, ids, sha256s, mimes, sizes, captions);
    RETURN coalesce(cardinality(gone), 0) + coalesce(cardinality(keys), 0);
END
$$;
COMMENT ON FUNCTION blip._link_due(integer, integer) IS
    'Link rows that wait to the images in them, some megabytes of them; how many';
SELECT blip._allow('blip._link_due(integer, integer)', 'workers');

CREATE FUNCTION blip._link_all(
    attachment integer, keys jsonb[], ids uuid[], sha256s bytea[], mimes text[], sizes bigint[],
    captions text[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    empty jsonb[] := ARRAY(SELECT u.key FROM unnest(keys, sizes) u (key, size) WHERE u.size = 0);
BEGIN
    IF cardinality(empty) > 0 THEN
        PERFORM blip._fail_rows(attachment, empty, 'the image is empty', true);
        SELECT array_agg(u.key), array_agg(u.id), array_agg(u.sha256), array_agg(u.mime),
               array_agg(u.size), array_agg(u.caption)
        INTO keys, ids, sha256s, mimes, sizes, captions
        FROM unnest(keys, ids, sha256s, mimes, sizes, captions)
            u (key, id, sha256, mime, size, caption)
        WHERE u.size > 0;
    END IF;
    IF keys IS NOT NULL THEN
        PERFORM blip._link(attachment, keys, ids, sha256s, mimes, sizes, captions, NULL);
    END IF;
END
$$;
COMMENT ON FUNCTION blip._link_all(
    integer, jsonb[], uuid[], bytea[], text[], bigint[], text[]) IS
    'As blip._link, where some images may be empty: those fail';
SELECT blip._allow(
    'blip._link_all(integer, jsonb[], uuid[], bytea[], text[], bigint[], text[])',
    'workers');

CREATE FUNCTION blip._fail_rows(
    attachment integer, keys jsonb[], reason text, for_good boolean) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    most constant integer := 3; -- attempts, as of a job
    images uuid[];
    captions uuid[];
BEGIN
    SELECT array_agg(r.image_id), array_agg(r.caption_id) INTO images, captions
    FROM blip.attached_rows r
    WHERE r.attachment_id = attachment AND r.key = ANY (keys) AND r.image_id IS NOT NULL;
    UPDATE blip.attached_rows r
    SET state = CASE WHEN for_good OR r.attempts + 1 >= most THEN 'x' ELSE 'p' END,
        attempts = r.attempts + 1, run_after = now() + interval '10 s' * 6 ^ r.attempts,
        image_id = NULL, caption_id = NULL, uri = NULL, error = left(reason, 500),
        updated_at = now()
    WHERE r.attachment_id = attachment AND r.key = ANY (keys);
    PERFORM blip._drop_orphans(images, captions);
END
$$;
COMMENT ON FUNCTION blip._fail_rows(integer, jsonb[], text, boolean) IS
    'Note why rows have no image: tried again later, or given up';
SELECT blip._allow('blip._fail_rows(integer, jsonb[], text, boolean)', 'workers');

CREATE FUNCTION blip._attached_content(attachment integer, key jsonb) RETURNS bytea
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source constant blip._source := blip._source(attachment);
    content bytea;
BEGIN
    IF source.kind = 'content' THEN
        EXECUTE format('SELECT s.%I FROM %s s WHERE %s', source.image, source.source,
                       blip._has_key(source, 's', '$1'))
        INTO content USING key;
    END IF;
    RETURN content;
END
$$;
COMMENT ON FUNCTION blip._attached_content(integer, jsonb) IS
    'What an attached row holds now; NULL where it holds none';
SELECT blip._allow('blip._attached_content(integer, jsonb)', 'readers');

CREATE FUNCTION blip._attached_uris(attachment integer, keys jsonb[])
RETURNS TABLE (key jsonb, uri text, caption text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source constant blip._source := blip._source(attachment);
BEGIN
    IF source.attachment_id IS NULL THEN
        RETURN;
    END IF;
    PERFORM blip._require_readable(source);
    RETURN QUERY EXECUTE format(
        'SELECT d.key, s.%I::text, %s FROM unnest($1) d (key) LEFT JOIN %s s ON %s',
        source.image, blip._caption_of(source, 's'), source.source, blip._has_key(source, 's', 'd.key'))
    USING keys;
END
$$;
COMMENT ON FUNCTION blip._attached_uris(integer, jsonb[]) IS
    'The path or URL that attached rows hold now; NULL where there is none, or no such row';
SELECT blip._allow('blip._attached_uris(integer, jsonb[])', 'workers');

CREATE FUNCTION blip._place(source regclass, key jsonb) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT coalesce(n.nspname || '.' || c.relname, source::text)
            FROM (SELECT) one LEFT JOIN pg_class c ON c.oid = source
            LEFT JOIN pg_namespace n ON n.oid = c.relnamespace)
        || '/' || (SELECT string_agg(v, ',' ORDER BY n)
                   FROM jsonb_array_elements_text(key) WITH ORDINALITY u (v, n));
END
$$;
COMMENT ON FUNCTION blip._place(regclass, jsonb) IS 'Where an attached image is seen: schema.table/key';
SELECT blip._allow('blip._place(regclass, jsonb)', 'readers');
