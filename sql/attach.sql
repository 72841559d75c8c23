-- An app's own table whose images stay in step, by triggers. No content is stored a second time: a
-- row of blip.attached_rows names the app's row, and whoever needs the image reads it there.
--
-- Which columns are meant is written by blip._register alone, which looks at everything that the
-- table's owner has made, and believes only that.

CREATE FUNCTION public.blip_attach(
    source regclass, image name, caption name DEFAULT NULL, mode text DEFAULT 'background',
    kind text DEFAULT 'content', space text DEFAULT '')
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    columns smallint[];
    id integer;
BEGIN
    PERFORM blip._require_tables();
    PERFORM blip._require_one_of('mode', mode, ARRAY['background', 'live']);
    PERFORM blip._require_one_of('kind', kind, ARRAY['content', 'path', 'url']);
    PERFORM blip._require_attachable(source, mode, kind);
    -- Looked at once more when nobody can change it.
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', source); -- lint: regclass
    PERFORM blip._require_attachable(source, mode, kind);
    columns := ARRAY[
        blip._column(source, image, blip._image_types(kind)),
        CASE WHEN caption IS NULL THEN 0 ELSE blip._column(source, caption, blip._text_types()) END
    ] || blip._key_columns(source);
    id := blip._attached_as(source, columns[1]);
    IF id IS NULL THEN
        INSERT INTO blip.attachments (source, kind, space)
        VALUES (source, kind, coalesce(space, '')) RETURNING attachment_id INTO id;
    ELSE
        PERFORM blip._require_same(id, kind, coalesce(space, ''));
        PERFORM blip._drop_triggers(id, source);
        PERFORM blip._drop_readers(id);
    END IF;
    PERFORM blip._make_triggers(id, source, columns, mode);
    PERFORM blip._make_attachment(id, source, columns, mode);
    RETURN id;
END
$$;
COMMENT ON FUNCTION public.blip_attach(regclass, name, name, text, text, text) IS
    'Keep the images of a table''s column in step, by trigger: in the background, or live, within '
    'the transaction that changes them. What is there already is encoded in the background. Called '
    'again, every row is looked at once more. kind: the column holds content, or a path or url';
SELECT blip._allow('public.blip_attach(regclass, name, name, text, text, text)', 'writers');

CREATE FUNCTION blip._make_attachment(
    id integer, source regclass, columns smallint[], mode text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    token constant text := gen_random_uuid()::text || gen_random_uuid()::text;
BEGIN
    PERFORM blip._register(
        id, columns, mode, blip._make_reader(id, source, columns, token), token);
END
$$;
COMMENT ON FUNCTION blip._make_attachment(integer, regclass, smallint[], text) IS
    'Make an attachment''s reader, and have it registered under a new token';
SELECT blip._allow('blip._make_attachment(integer, regclass, smallint[], text)', 'writers');

CREATE FUNCTION public.blip_detach(source regclass, image name DEFAULT NULL) RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    id integer;
    count integer := 0;
BEGIN
    PERFORM blip._require_tables();
    PERFORM blip._require_owner(source);
    FOR id IN
        SELECT a.attachment_id FROM blip.attachments a
        WHERE a.source = blip_detach.source AND (
            image IS NULL OR EXISTS (SELECT FROM blip._columns(a.attachment_id) k
                                     WHERE k.place = 1 AND k.name = image))
        ORDER BY a.attachment_id
    LOOP
        PERFORM blip._drop_triggers(id, source);
        PERFORM blip._drop_readers(id);
        PERFORM blip._unregister(id);
        count := count + 1;
    END LOOP;
    IF count = 0 THEN
        RAISE undefined_object USING
            MESSAGE = format('%s is not attached%s', source,
                             coalesce(' by its column ' || quote_ident(image), '')),
            HINT = 'See what is: SELECT * FROM blip_attachments()';
    END IF;
    IF NOT EXISTS (SELECT FROM blip.attachments a WHERE a.source = blip_detach.source) THEN
        PERFORM blip._keep_guest_out(source);
    END IF;
    RETURN count;
END
$$;
COMMENT ON FUNCTION public.blip_detach(regclass, name) IS
    'Undo blip_attach, for one column or all: its triggers go, and so do the images that came by '
    'this table alone';
SELECT blip._allow('public.blip_detach(regclass, name)', 'writers');

CREATE FUNCTION public.blip_attachments()
RETURNS TABLE (
    source regclass, image text, caption text, kind text, mode text, space text, rows bigint,
    waiting bigint, encoded bigint, failed bigint, scanned boolean, trouble text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE ROWS 10
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    searched integer := (SELECT a.model_id FROM blip.active_models a WHERE a.role = 'retrieval');
BEGIN
    PERFORM blip._require_tables();
    RETURN QUERY
    SELECT a.source, coalesce(s.image, a.names[1]), coalesce(s.caption, nullif(a.names[2], '')), a.kind, a.mode, a.space, count(r.key),
           count(*) FILTER (WHERE r.state = 'p' OR r.state = 'd' AND r.image_id IS NOT NULL
                                  AND v.image_id IS NULL AND j.image_id IS NULL),
           count(v.image_id) FILTER (WHERE r.state = 'd'),
           count(*) FILTER (WHERE r.state = 'x' OR r.state = 'd' AND v.image_id IS NULL
                                  AND j.image_id IS NOT NULL),
           a.is_scanned, coalesce(blip._trouble(a.attachment_id), a.trouble)
    FROM blip.attachments a
    CROSS JOIN LATERAL blip._source(a.attachment_id) s
    LEFT JOIN blip.attached_rows r ON r.attachment_id = a.attachment_id
    LEFT JOIN blip.image_vectors v ON v.image_id = r.image_id AND v.model_id = searched
    LEFT JOIN blip.jobs j ON j.image_id = r.image_id AND j.model_id = searched
                         AND j.stage = 'encode' AND j.state = 'x'
    GROUP BY a.attachment_id, s.image, s.caption
    ORDER BY a.attachment_id;
END
$$;
COMMENT ON FUNCTION public.blip_attachments() IS
    'The attached tables and how far each is: rows with an image that are known, that wait, that '
    'searches find, and that failed; whether all that was there at first was found';
SELECT blip._allow('public.blip_attachments()', 'readers');

-- What may be attached, and by whom.

CREATE FUNCTION blip._require_one_of(name text, value text, known text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF value IS NULL OR value <> ALL (known) THEN
        RAISE invalid_parameter_value USING MESSAGE = format(
            '%s must be %s, not %s', name, array_to_string(known, ' or '), coalesce(value, 'NULL'));
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_one_of(text, text, text[]) IS
    'Raise 22023 unless the value is one of those';
SELECT blip._allow('blip._require_one_of(text, text, text[])', 'writers');

CREATE FUNCTION blip._require_owner(source regclass) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner oid := (SELECT c.relowner FROM pg_class c WHERE c.oid = source);
BEGIN
    IF owner IS NULL THEN
        RAISE undefined_table USING MESSAGE = format(
            'there is no table %s', coalesce(source::text, 'NULL'));
    ELSIF NOT pg_has_role(owner, 'USAGE') THEN
        RAISE insufficient_privilege USING MESSAGE = format('%s is not yours', source),
            HINT = format('Its owner %s may do this.', owner::regrole);
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_owner(regclass) IS 'Raise 42501 unless the table is the caller''s';
SELECT blip._allow('blip._require_owner(regclass)', 'writers');

CREATE FUNCTION blip._require_attachable(source regclass, mode text, kind text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    relation pg_class;
    reason constant text := blip._passed_by(source);
BEGIN
    PERFORM blip._require_owner(source);
    SELECT c.* INTO relation FROM pg_class c WHERE c.oid = source;
    IF relation.relkind NOT IN ('r', 'p') OR relation.relnamespace = 'blip'::regnamespace THEN
        RAISE wrong_object_type USING
            MESSAGE = format('%s can''t be attached: it is no table of an app', source);
    ELSIF relation.relpersistence = 't' THEN
        RAISE wrong_object_type USING
            MESSAGE = format('%s can''t be attached: workers can''t read a temporary table', source);
    ELSIF reason IS NOT NULL THEN
        RAISE wrong_object_type USING
            MESSAGE = format('%s can''t be attached: %s', source, reason),
            HINT = CASE WHEN relation.relispartition
                        THEN format('Attach the whole: %s', pg_partition_root(source))
                        ELSE 'Partition it, or attach the tables that inherit each for itself.' END;
    END IF;
    IF row_security_active('blip.images') THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('policies on blip.images hold for %s, and triggers pass them by',
                             current_user),
            HINT = 'Have it attached by somebody for whom they don''t: a superuser, say.';
    ELSIF kind <> 'content' AND NOT EXISTS (
        SELECT FROM blip.settings s WHERE s.name = 'attach_' || kind || 's')
    THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('columns of %ss may not be attached here', kind),
            HINT = format('Whoever owns blip''s tables can allow it: INSERT INTO blip.settings '
                          'VALUES (''attach_%ss'', %s)', kind,
                          CASE kind WHEN 'path' THEN '''/the/folder''' ELSE '''yes''' END);
    ELSIF kind <> 'content' AND mode = 'live' THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('a %s can''t be read live: the server opens no files and no URLs', kind),
            HINT = 'Attach it in the background; workers read it then.';
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_attachable(regclass, text, text) IS
    'Raise unless the table is the caller''s, is one that triggers serve, and its kind is allowed';
SELECT blip._allow('blip._require_attachable(regclass, text, text)', 'writers');

CREATE FUNCTION blip._column(source regclass, wanted name, allowed oid[]) RETURNS smallint
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    number smallint;
    type oid;
BEGIN
    SELECT a.attnum, CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    INTO number, type
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = source AND a.attname = wanted AND a.attnum > 0 AND NOT a.attisdropped;
    IF number IS NULL THEN
        RAISE undefined_column USING
            MESSAGE = format('%s has no column %s', source, coalesce(quote_ident(wanted), 'NULL')),
            HINT = format('It has: %s', (
                SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
                FROM pg_attribute a
                WHERE a.attrelid = source AND a.attnum > 0 AND NOT a.attisdropped));
    ELSIF type <> ALL (allowed) THEN
        RAISE datatype_mismatch USING MESSAGE = format(
            'the column %I of %s is of type %s; it must be %s', wanted, source,
            format_type(type, NULL), (
                SELECT string_agg(t.typname, ' or ' ORDER BY array_position(allowed, t.oid))
                FROM pg_type t WHERE t.oid = ANY (allowed)));
    END IF;
    RETURN number;
END
$$;
COMMENT ON FUNCTION blip._column(regclass, name, oid[]) IS
    'A column''s number; raises where there is none, or it is of another type';
SELECT blip._allow('blip._column(regclass, name, oid[])', 'writers');

-- Of types whose text is the same in every session, and is their value again; and of PostgreSQL's own
-- alone, as a type's owner decides what is called when it is cast.
CREATE FUNCTION blip._key_columns(source regclass) RETURNS smallint[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    numbers smallint[];
    strange text;
BEGIN
    SELECT array_agg(k.number ORDER BY k.place),
           string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ')
               FILTER (WHERE NOT coalesce(l.collisdeterministic, true)
                          OR b.oid <> ALL (blip._key_types())
                          -- Of any length, two that are equal have different texts.
                          OR b.oid = 'bpchar'::regtype AND CASE t.typtype
                             WHEN 'd' THEN t.typtypmod ELSE a.atttypmod END = -1)
    INTO numbers, strange
    FROM pg_index i
    CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY k (number, place)
    JOIN pg_attribute a ON a.attrelid = source AND a.attnum = k.number
    JOIN pg_type t ON t.oid = a.atttypid
    JOIN pg_type b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    LEFT JOIN pg_collation l ON l.oid = a.attcollation
    WHERE i.indrelid = source AND i.indisprimary AND k.place <= i.indnkeyatts;
    IF numbers IS NULL THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('%s has no primary key, by which its rows could be told apart', source),
            HINT = format('Give it one, as in: ALTER TABLE %s ADD PRIMARY KEY (…)', source);
    ELSIF strange IS NOT NULL THEN
        RAISE datatype_mismatch USING
            MESSAGE = format('the primary key of %s can''t name its rows: %s', source, strange),
            HINT = 'It may hold integers, numeric, texts that are equal where their bytes are, uuid,'
                   ' boolean and date.';
    END IF;
    RETURN numbers;
END
$$;
COMMENT ON FUNCTION blip._key_columns(regclass) IS
    'The numbers of the primary key''s columns; raises where there is none that can be used';
SELECT blip._allow('blip._key_columns(regclass)', 'writers');

CREATE FUNCTION blip._attached_as(source regclass, image smallint) RETURNS integer
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT a.attachment_id FROM blip.attachments a
        WHERE a.source = _attached_as.source AND EXISTS (
            SELECT FROM blip._columns(a.attachment_id) k WHERE k.place = 1 AND k.number = image)
        ORDER BY a.attachment_id LIMIT 1);
END
$$;
COMMENT ON FUNCTION blip._attached_as(regclass, smallint) IS
    'The attachment of a table''s column, if there is one';
SELECT blip._allow('blip._attached_as(regclass, smallint)', 'writers');

CREATE FUNCTION blip._require_same(id integer, kind text, space text) RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    old blip.attachments;
BEGIN
    SELECT a.* INTO old FROM blip.attachments a WHERE a.attachment_id = id;
    IF (old.kind, old.space) <> (kind, space) THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = format('%s is attached as %s in the space %L', old.source, old.kind, old.space),
            HINT = format('Detach it first: SELECT blip_detach(%L)', old.source);
    END IF;
END
$$;
COMMENT ON FUNCTION blip._require_same(integer, text, text) IS
    'Raise 55000 where an attachment is of another kind or in another space';
SELECT blip._allow('blip._require_same(integer, text, text)', 'writers');

-- Whoever may add can call this, with anything. So it takes only what the table's owner alone can have
-- made: the triggers, and a reader of a token that was never registered.
CREATE FUNCTION blip._register(
    id integer, columns smallint[], mode text, reader name, token text) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    attachment blip.attachments;
BEGIN
    SELECT a.* INTO attachment FROM blip.attachments a WHERE a.attachment_id = id FOR NO KEY UPDATE;
    PERFORM blip._require_one_of('mode', mode, ARRAY['background', 'live']);
    IF attachment.attachment_id IS NULL
       OR (attachment.kind <> 'content' AND mode = 'live')
       OR blip._passed_by(attachment.source) IS NOT NULL
       OR array_ndims(columns) <> 1 OR array_lower(columns, 1) <> 1
       OR columns[3:] IS DISTINCT FROM blip._key_columns(attachment.source)
       OR EXISTS (SELECT FROM blip.attachment_readers r
                  WHERE r.attachment_id = id AND r.token = _register.token)
       OR NOT EXISTS (
           SELECT FROM pg_proc p JOIN pg_roles o ON o.oid = p.proowner
           JOIN pg_language l ON l.oid = p.prolang AND l.lanname = 'plpgsql'
           WHERE p.oid = blip._reader(reader)
             AND o.rolname = blip._reader_owner(attachment.source) AND p.prosecdef
             AND p.prosrc = blip._reader_body(token))
    THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('attachment %s can''t be registered so', id),
            HINT = 'Call blip_attach as the table''s owner.';
    END IF;
    UPDATE blip.attachments a
    SET columns = _register.columns, mode = _register.mode, relation = a.source,
        names = ARRAY(SELECT coalesce(b.attname, '') FROM unnest(_register.columns) WITH ORDINALITY u (c, n)
                      LEFT JOIN pg_attribute b ON b.attrelid = a.source AND b.attnum = u.c AND u.c > 0
                      ORDER BY n),
        scanned = NULL, is_scanned = false, trouble = NULL
    WHERE a.attachment_id = id;
    IF blip._source(id) IS NULL OR NOT blip._has_triggers(id) OR NOT reader = ANY (blip._readers(id)) THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('attachment %s is not as blip_attach makes it', id),
            HINT = 'Call blip_attach as the table''s owner.';
    END IF;
    INSERT INTO blip.attachment_readers AS r (attachment_id, reader, token)
    VALUES (id, _register.reader, _register.token)
    ON CONFLICT ON CONSTRAINT attachment_readers_pkey
    DO UPDATE SET reader = excluded.reader, token = excluded.token;
END
$$;
COMMENT ON FUNCTION blip._register(integer, smallint[], text, name, text) IS
    'Begin to follow an attached table that has all its triggers, and a new reader of its owner''s';
SELECT blip._allow('blip._register(integer, smallint[], text, name, text)', 'writers', 'blip_owner');

-- The triggers are the owner's to drop, and nobody else's.
CREATE FUNCTION blip._unregister(id integer) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM blip.attachments a JOIN pg_trigger t ON t.tgrelid = a.source
        WHERE a.attachment_id = id AND t.tgname LIKE '!blip\_attach\_' || id || '\_%')
       OR EXISTS (
        SELECT FROM blip.attachment_readers r
        WHERE r.attachment_id = id AND blip._reader(r.reader::name) IS NOT NULL)
    THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('attachment %s still has its triggers or its reader', id),
            HINT = 'Call blip_detach as the table''s owner.';
    END IF;
    PERFORM blip._unlink_all(id);
    DELETE FROM blip.attachments a WHERE a.attachment_id = id;
END
$$;
COMMENT ON FUNCTION blip._unregister(integer) IS
    'End an attachment whose triggers and reader are gone, with the images that only it held';
SELECT blip._allow('blip._unregister(integer)', 'writers', 'blip_owner');
