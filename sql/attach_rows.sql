-- Rows of attached tables and the images in them: noted, linked, and let go.
--
-- All of this runs within an app's transactions, too, and those may hold what they have touched for
-- as long as they like, in any order. So nothing here waits for another transaction: an image or a
-- caption that somebody is just storing or deleting is left, with its row, to a worker. Whoever never
-- waits is in no deadlock.

-- A plan that a session made while a table was small would look at all its rows for each key later.
-- So functions that are given keys or images plan anew each time, or, as that is slow, can't but go by
-- an index.

-- A B-tree's entry has at most 2,704 bytes. An app's own index, of the key's columns, may hold more
-- than ours of all of them as one JSON; such a row can't be named, and must not fail the app's insert.
CREATE FUNCTION blip._keyed(key jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    max_bytes constant integer := 2000;
BEGIN
    IF octet_length(key::text) <= max_bytes THEN
        RETURN key;
    END IF;
    RETURN jsonb_build_object(
        'starts', left(key ->> 0, 40),
        'sha256', encode(sha256(convert_to(key::text, 'UTF8')), 'hex'));
END
$$;
COMMENT ON FUNCTION blip._keyed(jsonb) IS
    'A key as blip.attached_rows has it: itself, or an object with its digest if it is too long';
SELECT blip._allow('blip._keyed(jsonb)', 'workers');

CREATE FUNCTION blip._note(attachment integer, keys jsonb[], after interval DEFAULT '0')
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO blip.attached_rows AS r (attachment_id, key, state, run_after, error)
    SELECT attachment, u.key, CASE jsonb_typeof(u.key) WHEN 'array' THEN 'p' ELSE 'x' END,
           now() + after,
           CASE jsonb_typeof(u.key) WHEN 'object' THEN
               'the primary key has more than 2000 bytes: a row with such a key can''t be attached' END
    FROM (SELECT DISTINCT CASE WHEN octet_length(k::text) <= 2000 THEN k ELSE blip._keyed(k) END AS key
          FROM unnest(keys) k) u
    ORDER BY u.key
    ON CONFLICT ON CONSTRAINT attached_rows_pkey DO UPDATE
    SET state = excluded.state, attempts = 0, run_after = excluded.run_after, error = excluded.error;
END
$$;
COMMENT ON FUNCTION blip._note(integer, jsonb[], interval) IS
    'Have rows of an attached table looked at by a worker, after so long';
SELECT blip._allow('blip._note(integer, jsonb[], interval)', 'workers');

CREATE FUNCTION blip._found(attachment integer, keys jsonb[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    long jsonb[] := ARRAY(SELECT k FROM unnest(keys) k WHERE jsonb_typeof(k) <> 'array');
BEGIN
    INSERT INTO blip.attached_rows (attachment_id, key)
    SELECT DISTINCT attachment, k FROM unnest(keys) k WHERE jsonb_typeof(k) = 'array'
    ON CONFLICT DO NOTHING;
    PERFORM blip._note(attachment, long);
END
$$;
COMMENT ON FUNCTION blip._found(integer, jsonb[]) IS
    'Note rows that were there when a table was attached, and are not known yet';
SELECT blip._allow('blip._found(integer, jsonb[])', 'workers');

-- Locks of a server are few, so a transaction takes few of them; past that, the timeout of blip._hold
-- is all there is.
CREATE FUNCTION blip._claim(what bytea) RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    max_claims constant integer := 256;
    claims constant integer := coalesce(
        substring(current_setting('blip.claims', true) FROM '^\d{1,6}$'), '0')::integer;
BEGIN
    IF claims >= max_claims THEN
        RETURN true;
    END IF;
    PERFORM set_config('blip.claims', (claims + 1)::text, true);
    RETURN pg_try_advisory_xact_lock(
        ('x' || encode(substr(sha256('blip attached'::bytea || what), 1, 8), 'hex'))::bit(64)::bigint);
END
$$;
COMMENT ON FUNCTION blip._claim(bytea) IS
    'Whether this transaction is the one that may store something now; never waits';
SELECT blip._allow('blip._claim(bytea)', 'workers');

-- Until the transaction ends, nobody else deletes the images that are given back, or stores them or
-- their jobs. An unseen row that comes by blip_add or ingest meanwhile would be waited for: hence the
-- timeout, far below the second after which PostgreSQL looks for deadlocks. A worker links many at a
-- time, and its transactions are short: it claims none, as that would cost as much as the rest.
CREATE FUNCTION blip._hold(
    in_space text, ids uuid[], sha256s bytea[], mimes text[], sizes bigint[]) RETURNS uuid[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET lock_timeout = '20ms'
AS $$
DECLARE
    is_bulk constant boolean := cardinality(ids) > 32;
    held uuid[];
    free uuid[];
BEGIN
    held := ARRAY(SELECT i.image_id FROM blip.images i WHERE i.image_id = ANY (ids)
                  ORDER BY i.image_id FOR KEY SHARE SKIP LOCKED);
    free := ARRAY(
        SELECT u.id FROM (SELECT DISTINCT u.id FROM unnest(ids) u (id)) u
        WHERE u.id <> ALL (held)
          AND NOT EXISTS (SELECT FROM blip.images i WHERE i.image_id = u.id)
          AND (is_bulk OR blip._claim(uuid_send(u.id)))
        ORDER BY u.id);
    IF free <> '{}' THEN
        INSERT INTO blip.images (image_id, space, sha256, mime, bytes)
        SELECT DISTINCT ON (u.id) u.id, in_space, u.sha256, u.mime, u.size
        FROM unnest(ids, sha256s, mimes, sizes) u (id, sha256, mime, size)
        WHERE u.id = ANY (free) ORDER BY u.id
        ON CONFLICT DO NOTHING;
        held := held || ARRAY(
            SELECT i.image_id FROM blip.images i WHERE i.image_id = ANY (free)
            ORDER BY i.image_id FOR KEY SHARE SKIP LOCKED);
    END IF;
    -- A job that is missing is stored by one transaction, too.
    RETURN ARRAY(
        SELECT h.id FROM unnest(held) h (id)
        WHERE NOT EXISTS (
            SELECT FROM blip.active_models a
            WHERE a.role IN ('retrieval', 'captioner', 'answerer') AND NOT EXISTS (
                SELECT FROM blip.jobs j
                WHERE (j.image_id, j.stage, j.model_id) = (h.id, 'encode', a.model_id)))
           OR is_bulk OR blip._claim(uuid_send(h.id)));
EXCEPTION WHEN lock_not_available THEN
    RETURN '{}';
END
$$;
COMMENT ON FUNCTION blip._hold(text, uuid[], bytea[], text[], bigint[]) IS
    'Store images of attached rows, without content, and keep them: those that no other transaction '
    'is at';
SELECT blip._allow('blip._hold(text, uuid[], bytea[], text[], bigint[])', 'workers');

CREATE FUNCTION blip._link(
    attachment integer, keys jsonb[], ids uuid[], sha256s bytea[], mimes text[], sizes bigint[],
    captions text[], uris text[])
RETURNS uuid[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    is_bulk constant boolean := cardinality(ids) > 32;
    space constant text := (SELECT a.space FROM blip.attachments a WHERE a.attachment_id = attachment);
    caption_ids uuid[];
    held uuid[];
    ready boolean[];
    old_images uuid[];
    old_captions uuid[];
BEGIN
    captions := ARRAY(
        SELECT nullif(btrim(c, E' \t\n\r'), '') FROM unnest(captions) WITH ORDINALITY u (c, n)
        ORDER BY n);
    caption_ids := ARRAY(
        SELECT CASE WHEN c IS NOT NULL THEN
            blip._half(convert_to('web', 'UTF8') || '\x00'::bytea || convert_to(c, 'UTF8')) END
        FROM unnest(captions) WITH ORDINALITY u (c, n) ORDER BY n);
    held := blip._hold(space, ids, sha256s, mimes, sizes);
    -- A caption that is not there is stored by one transaction.
    ready := ARRAY(
        SELECT u.id = ANY (held) AND (
            u.caption_id IS NULL OR is_bulk
            OR EXISTS (SELECT FROM blip.captions c
                       WHERE (c.image_id, c.caption_id) = (u.id, u.caption_id))
            OR blip._claim(uuid_send(u.id) || uuid_send(u.caption_id)))
        FROM unnest(ids, caption_ids) WITH ORDINALITY u (id, caption_id, n) ORDER BY n);
    PERFORM blip._note(attachment, ARRAY(
        SELECT u.key FROM unnest(keys, ready) u (key, ready) WHERE NOT u.ready), '1 s');
    SELECT array_agg(o.image_id), array_agg(o.caption_id) INTO old_images, old_captions
    FROM unnest(keys, ids, caption_ids, ready) u (key, id, caption_id, ready) CROSS JOIN LATERAL (
        SELECT r.image_id, r.caption_id FROM blip.attached_rows r
        WHERE r.attachment_id = attachment AND r.key = u.key AND r.image_id IS NOT NULL
          AND (r.image_id, r.caption_id) IS DISTINCT FROM (u.id, u.caption_id) OFFSET 0) o
    WHERE u.ready;
    WITH given AS (
        SELECT u.key, u.id, u.caption, u.caption_id, u.uri
        FROM unnest(keys, ids, captions, caption_ids, uris, ready)
            u (key, id, caption, caption_id, uri, ready)
        WHERE u.ready
    ), added AS (
        INSERT INTO blip.captions (image_id, caption_id, text, origin)
        SELECT DISTINCT ON (g.id, g.caption_id) g.id, g.caption_id, g.caption, 'web'
        FROM given g WHERE g.caption_id IS NOT NULL ORDER BY g.id, g.caption_id
        ON CONFLICT DO NOTHING
        RETURNING captions.image_id, captions.caption_id
    )
    INSERT INTO blip.attached_rows AS r (attachment_id, key, state, image_id, caption_id, uri)
    SELECT attachment, g.key, 'd', g.id,
           -- A caption that came otherwise is not ours to delete one day.
           CASE WHEN g.caption IS NOT NULL AND (
               EXISTS (SELECT FROM added a WHERE (a.image_id, a.caption_id) = (g.id, g.caption_id))
               OR EXISTS (SELECT FROM blip.attached_rows o
                          WHERE (o.image_id, o.caption_id) = (g.id, g.caption_id))
               OR EXISTS (SELECT FROM blip.orphans o
                          WHERE (o.image_id, o.caption_id) = (g.id, g.caption_id)))
                THEN g.caption_id END,
           g.uri
    FROM given g ORDER BY g.key
    ON CONFLICT ON CONSTRAINT attached_rows_pkey DO UPDATE
    SET state = 'd', image_id = excluded.image_id, caption_id = excluded.caption_id,
        uri = excluded.uri, attempts = 0, error = NULL, updated_at = now();
    held := ARRAY(SELECT DISTINCT u.id FROM unnest(ids, ready) u (id, ready) WHERE u.ready);
    PERFORM blip._enqueue(held);
    -- What could not be read where it was may be read where it is now.
    UPDATE blip.jobs j
    SET state = 'p', attempts = 0, run_after = now(), error = NULL, updated_at = now()
    FROM (SELECT f.image_id, f.stage, f.model_id FROM blip.jobs f
          WHERE f.image_id = ANY (held) AND f.stage = 'encode' AND f.attempts > 0
            AND f.state IN ('p', 'x')
          FOR UPDATE SKIP LOCKED) failed
    WHERE (j.image_id, j.stage, j.model_id) = (failed.image_id, failed.stage, failed.model_id);
    PERFORM blip._drop_orphans(old_images, old_captions);
    RETURN held;
END
$$;
COMMENT ON FUNCTION blip._link(
    integer, jsonb[], uuid[], bytea[], text[], bigint[], text[], text[]) IS
    'Store images of an attached table''s rows, without content, with captions and jobs, and give '
    'back their ids; what another transaction is at is left to a worker. What the rows were linked '
    'to before goes, if nothing else holds it';
SELECT blip._allow(
    'blip._link(integer, jsonb[], uuid[], bytea[], text[], bigint[], text[], text[])', 'workers');

-- A row that came or changed in this transaction is looked at once more: a statement may move a row
-- to a key that it deletes, and its deletes are told last.
CREATE FUNCTION blip._unlink(attachment integer, keys jsonb[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    own constant integer := age(pg_current_xact_id()::xid); -- savepoints' are younger
    images uuid[];
    captions uuid[];
BEGIN
    keys := ARRAY(SELECT blip._keyed(k) FROM unnest(keys) k);
    PERFORM FROM blip.attached_rows r
    WHERE r.attachment_id = attachment AND r.key = ANY (keys) ORDER BY r.key FOR UPDATE;
    SELECT array_agg(r.image_id), array_agg(r.caption_id) INTO images, captions
    FROM blip.attached_rows r
    WHERE r.attachment_id = attachment AND r.key = ANY (keys) AND r.image_id IS NOT NULL;
    DELETE FROM blip.attached_rows r
    WHERE r.attachment_id = attachment AND r.key = ANY (keys) AND age(r.xmin) > own;
    UPDATE blip.attached_rows r
    SET state = 'p', attempts = 0, run_after = now(), error = NULL, image_id = NULL,
        caption_id = NULL, uri = NULL, updated_at = now()
    WHERE r.attachment_id = attachment AND r.key = ANY (keys);
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
SELECT blip._allow('blip._unlink_all(integer)', 'workers');

-- The lock comes first: of two that each let go of one of an image's last two rows, the second must
-- see what the first did. An image that somebody holds is left to a worker, and so is one whose jobs
-- somebody holds, which would be deleted with it.
CREATE FUNCTION blip._drop_orphans(
    images uuid[], captions uuid[], after timestamptz DEFAULT now()) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    free uuid[];
    busy uuid[];
BEGIN
    IF images IS NULL THEN
        RETURN;
    END IF;
    free := ARRAY(SELECT i.image_id FROM blip.images i WHERE i.image_id = ANY (images)
                  ORDER BY i.image_id FOR UPDATE SKIP LOCKED);
    busy := ARRAY(
        SELECT j.image_id FROM blip.jobs j WHERE j.image_id = ANY (free)
        EXCEPT ALL
        SELECT l.image_id FROM (SELECT j.image_id FROM blip.jobs j WHERE j.image_id = ANY (free)
                                FOR UPDATE SKIP LOCKED) l);
    free := ARRAY(SELECT f FROM unnest(free) f WHERE f <> ALL (busy));
    INSERT INTO blip.orphans (image_id, caption_id, run_after)
    SELECT DISTINCT u.image_id, u.caption_id, after FROM unnest(images, captions) u (image_id, caption_id)
    WHERE u.image_id <> ALL (free)
      AND EXISTS (SELECT FROM blip.images i WHERE i.image_id = u.image_id);
    DELETE FROM blip.captions c USING unnest(images, captions) u (image_id, caption_id)
    WHERE (c.image_id, c.caption_id) = (u.image_id, u.caption_id) AND u.image_id = ANY (free)
      AND NOT EXISTS (
        SELECT FROM blip.attached_rows r
        WHERE (r.image_id, r.caption_id) = (u.image_id, u.caption_id));
    DELETE FROM blip.images i
    WHERE i.image_id = ANY (free) AND i.content IS NULL
      AND NOT EXISTS (SELECT FROM blip.files f WHERE f.image_id = i.image_id)
      AND NOT EXISTS (SELECT FROM blip.attached_rows r WHERE r.image_id = i.image_id);
    -- Rows that hold them may be gone since this transaction's snapshot.
    IF current_setting('transaction_isolation') <> 'read committed' AND after <= now() THEN
        INSERT INTO blip.orphans (image_id, caption_id, run_after)
        SELECT DISTINCT u.image_id, u.caption_id, after
        FROM unnest(images, captions) u (image_id, caption_id)
        WHERE u.image_id = ANY (free)
          AND EXISTS (SELECT FROM blip.images i WHERE i.image_id = u.image_id);
    END IF;
END
$$;
COMMENT ON FUNCTION blip._drop_orphans(uuid[], uuid[], timestamptz) IS
    'Delete those of these images and captions that came by attached rows alone, and have none now';
SELECT blip._allow('blip._drop_orphans(uuid[], uuid[], timestamptz)', 'workers');

-- Work for workers

CREATE FUNCTION blip._sweep(most integer) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    images uuid[];
    captions uuid[];
BEGIN
    WITH taken AS (
        DELETE FROM blip.orphans o USING (
            SELECT t.orphan_id FROM blip.orphans t WHERE t.run_after <= now()
            ORDER BY t.orphan_id LIMIT most FOR UPDATE SKIP LOCKED) t
        WHERE o.orphan_id = t.orphan_id RETURNING o.image_id, o.caption_id
    )
    SELECT array_agg(t.image_id), array_agg(t.caption_id) INTO images, captions FROM taken t;
    PERFORM blip._drop_orphans(images, captions, now() + interval '2 s');
    RETURN coalesce(cardinality(images), 0);
END
$$;
COMMENT ON FUNCTION blip._sweep(integer) IS
    'Delete orphans that were left to workers, as others were at them; those that somebody is at come '
    'again later. How many were looked at';
SELECT blip._allow('blip._sweep(integer)', 'workers');

CREATE FUNCTION blip._purge() RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $$
DECLARE
    id integer;
BEGIN
    FOR id IN
        SELECT a.attachment_id FROM blip.attachments a
        WHERE blip._is_over(a.attachment_id) FOR UPDATE SKIP LOCKED
    LOOP
        BEGIN
            PERFORM blip._unlink_all(id);
            PERFORM blip._drop_readers(id);
            DELETE FROM blip.attachments a WHERE a.attachment_id = id;
        EXCEPTION WHEN lock_not_available THEN
            NULL; -- the next worker's
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION blip._purge() IS
    'End attachments whose table or image column was dropped, or that were never made whole';
SELECT blip._allow('blip._purge()', 'workers', 'blip_owner');

CREATE FUNCTION blip._is_over(id integer) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT a.mode NOT IN ('background', 'live')
            OR NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = a.source)
            OR a.relation = a.source::oid AND NOT EXISTS (
                SELECT FROM pg_attribute b
                WHERE b.attrelid = a.source AND b.attnum = a.columns[1] AND NOT b.attisdropped)
        FROM blip.attachments a WHERE a.attachment_id = id);
END
$$;
COMMENT ON FUNCTION blip._is_over(integer) IS
    'Whether an attachment has nothing left to follow: its table or image column is gone';
SELECT blip._allow('blip._is_over(integer)', 'workers');

CREATE FUNCTION blip._fail_rows(
    attachment integer, keys jsonb[], reason text, for_good boolean) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    max_attempts constant integer := 3; -- as of a job
    images uuid[];
    captions uuid[];
BEGIN
    SELECT array_agg(r.image_id), array_agg(r.caption_id) INTO images, captions
    FROM blip.attached_rows r
    WHERE r.attachment_id = attachment AND r.key = ANY (keys) AND r.image_id IS NOT NULL;
    UPDATE blip.attached_rows r
    SET state = CASE WHEN for_good OR r.attempts + 1 >= max_attempts THEN 'x' ELSE 'p' END,
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
