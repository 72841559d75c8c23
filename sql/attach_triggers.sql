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
SELECT blip._allow('blip._listed(smallint[])', 'readers');

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
    -- lint: quoted columns, regclass
    EXECUTE format(
        'CREATE TRIGGER %I AFTER UPDATE OF %s ON %s FOR EACH ROW WHEN (%s)'
        ' EXECUTE FUNCTION blip._attached_changed(%L)',
        blip._trigger(id, 'update'),
        (SELECT string_agg(quote_ident(n), ', ' ORDER BY p) FROM unnest(names) WITH ORDINALITY u (n, p)),
        source,
        (SELECT string_agg(format('OLD.%1$I IS DISTINCT FROM NEW.%1$I', n), ' OR ' ORDER BY p)
         FROM unnest(names) WITH ORDINALITY u (n, p)),
        id);
    -- lint: regclass, one of our functions
    EXECUTE format(
        'CREATE TRIGGER %I AFTER INSERT ON %s %s EXECUTE FUNCTION blip.%s(%L)',
        blip._trigger(id, 'insert'), source,
        CASE WHEN is_plain
             THEN 'REFERENCING NEW TABLE AS blip_changed FOR EACH STATEMENT' ELSE 'FOR EACH ROW' END,
        CASE WHEN NOT is_plain THEN '_attached_changed' WHEN mode = 'live' THEN '_attached_added_live'
             ELSE '_attached_added' END,
        id);
    -- lint: regclass, one of our functions
    EXECUTE format(
        'CREATE TRIGGER %I AFTER DELETE ON %s %s EXECUTE FUNCTION blip.%s(%L)',
        blip._trigger(id, 'delete'), source,
        CASE WHEN is_plain
             THEN 'REFERENCING OLD TABLE AS blip_changed FOR EACH STATEMENT' ELSE 'FOR EACH ROW' END,
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

-- The triggers of an attachment as they must be: anybody can make some of the same names on a table of
-- their own, with other columns, of another level, or without the transition table, whose name then
-- means whatever lies in the session's temporary schema.
CREATE FUNCTION blip._is_ours(
    trigger pg_trigger, id integer, op text, level text, function regprocedure, columns smallint[])
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    changed constant text := CASE level WHEN 'STATEMENT' THEN 'blip_changed' END;
BEGIN
    RETURN trigger.tgname = blip._trigger(id, lower(op))
       AND trigger.tgfoid = function
       AND CASE function
               WHEN 'blip._attached_added()'::regprocedure THEN (op, level) = ('INSERT', 'STATEMENT')
               WHEN 'blip._attached_added_live()'::regprocedure THEN (op, level) = ('INSERT', 'STATEMENT')
               WHEN 'blip._attached_removed()'::regprocedure THEN (op, level) = ('DELETE', 'STATEMENT')
               WHEN 'blip._attached_emptied()'::regprocedure THEN (op, level) = ('TRUNCATE', 'STATEMENT')
               WHEN 'blip._attached_changed()'::regprocedure THEN level = 'ROW'
           END
       AND trigger.tgconstraint = 0
       AND trigger.tgtype = CASE level WHEN 'ROW' THEN 1 ELSE 0 END
           + CASE op WHEN 'INSERT' THEN 4 WHEN 'DELETE' THEN 8 WHEN 'UPDATE' THEN 16 ELSE 32 END
       AND trigger.tgnewtable IS NOT DISTINCT FROM CASE op WHEN 'INSERT' THEN changed END
       AND trigger.tgoldtable IS NOT DISTINCT FROM CASE op WHEN 'DELETE' THEN changed END
       AND (op <> 'UPDATE' OR trigger.tgparentid <> 0
            OR string_to_array(trigger.tgattr::text, ' ')::smallint[] = blip._listed(columns));
END
$$;
COMMENT ON FUNCTION blip._is_ours(pg_trigger, integer, text, text, regprocedure, smallint[]) IS
    'Whether a trigger is as blip_attach makes it: name, function, event, level, transition table, '
    'columns';
SELECT blip._allow(
    'blip._is_ours(pg_trigger, integer, text, text, regprocedure, smallint[])', 'readers');

CREATE FUNCTION blip._has_triggers(id integer) RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT bool_and(EXISTS (
            SELECT FROM pg_trigger t
            WHERE t.tgrelid = a.source AND t.tgname = blip._trigger(id, lower(w.op)) AND blip._is_ours(
                t, id, w.op, CASE WHEN c.relkind = 'r' OR w.op = 'TRUNCATE' THEN w.level ELSE 'ROW' END,
                CASE WHEN c.relkind = 'r' OR w.op = 'TRUNCATE' THEN w.function
                     ELSE 'blip._attached_changed()' END::regprocedure, a.columns)))
        FROM blip.attachments a JOIN pg_class c ON c.oid = a.source
        CROSS JOIN LATERAL (VALUES
            ('INSERT', 'STATEMENT', CASE a.mode WHEN 'live' THEN 'blip._attached_added_live()'
                                                ELSE 'blip._attached_added()' END),
            ('UPDATE', 'ROW', 'blip._attached_changed()'),
            ('DELETE', 'STATEMENT', 'blip._attached_removed()'),
            ('TRUNCATE', 'STATEMENT', 'blip._attached_emptied()')) w (op, level, function)
        WHERE a.attachment_id = id);
END
$$;
COMMENT ON FUNCTION blip._has_triggers(integer) IS
    'Whether an attached table has all triggers, as blip_attach makes them';
SELECT blip._allow('blip._has_triggers(integer)', 'readers');

-- What the trigger that fires was made as can only be looked up by its name, which can be changed
-- within the statement. So a temporary table of the transition table's name is a reason to stop, too.
CREATE FUNCTION blip._triggered(
    id integer, relation oid, name text, op text, level text, function regprocedure)
RETURNS blip._source
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found constant blip._source := blip._source(id);
BEGIN
    IF (found.source = relation
        OR found.source IN (SELECT p.relid FROM pg_partition_ancestors(relation) p))
       AND EXISTS (
           SELECT FROM pg_trigger t
           WHERE t.tgrelid = relation AND t.tgname = name
             AND blip._is_ours(t, id, op, level, function, found.columns))
       AND (found.source = relation OR EXISTS (
           SELECT FROM pg_trigger t
           WHERE t.tgrelid = found.source AND t.tgname = name
             AND blip._is_ours(t, id, op, level, function, found.columns)))
    THEN
        IF level = 'STATEMENT' AND to_regclass('pg_temp.blip_changed') IS NOT NULL THEN
            RAISE object_not_in_prerequisite_state USING
                MESSAGE = format('%s can''t be changed in this session: it has a temporary relation '
                                 'blip_changed', found.source),
                HINT = 'Rename it: blipdb''s triggers use that name.';
        END IF;
        RETURN found;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION blip._triggered(integer, oid, text, text, text, regprocedure) IS
    'The attachment that a trigger of this table, or of a partition of its, was made for; else NULL';
SELECT blip._allow('blip._triggered(integer, oid, text, text, text, regprocedure)', 'owner');

-- SECURITY DEFINER: whoever changes the app's table needs no right on ours.
CREATE FUNCTION blip._attached_added() RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    source blip._source := blip._triggered(
        TG_ARGV[0]::integer, TG_RELID, TG_NAME, TG_OP, TG_LEVEL, 'blip._attached_added()');
    keys jsonb[];
BEGIN
    IF source.attachment_id IS NOT NULL THEN
        -- lint: SQL of quoted columns; blip_changed is the transition table
        EXECUTE format('SELECT array_agg(%s) FROM blip_changed n WHERE n.%I IS NOT NULL',
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
    source blip._source := blip._triggered(
        TG_ARGV[0]::integer, TG_RELID, TG_NAME, TG_OP, TG_LEVEL, 'blip._attached_added_live()');
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
    -- lint: SQL of quoted columns; blip_changed is the transition table
    EXECUTE format('SELECT array_agg(r.key) FROM blip.attached_rows r WHERE r.attachment_id = $1'
                   ' AND r.key IN (SELECT %s FROM blip_changed n)', key_of)
    INTO known USING source.attachment_id;
    PERFORM blip._note(source.attachment_id, known);
    -- lint: SQL of quoted columns; blip_changed is the transition table
    FOR added IN EXECUTE format(
        'SELECT %1$s AS key, n.%2$I AS content, %3$s AS caption FROM blip_changed n'
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
    source blip._source := blip._triggered(
        TG_ARGV[0]::integer, TG_RELID, TG_NAME, TG_OP, TG_LEVEL, 'blip._attached_removed()');
    keys jsonb[];
BEGIN
    IF source.attachment_id IS NOT NULL THEN
        -- lint: SQL of quoted columns; blip_changed is the transition table
        EXECUTE format('SELECT array_agg(%s) FROM blip_changed n', blip._key(source, 'n')) INTO keys;
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
    source blip._source := blip._triggered(
        TG_ARGV[0]::integer, TG_RELID, TG_NAME, TG_OP, TG_LEVEL, 'blip._attached_emptied()');
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
    source blip._source := blip._triggered(
        TG_ARGV[0]::integer, TG_RELID, TG_NAME, TG_OP, TG_LEVEL, 'blip._attached_changed()');
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
        -- lint: SQL of quoted columns
        EXECUTE 'SELECT ' || key_of INTO old_key USING OLD;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        -- lint: SQL of quoted columns
        EXECUTE format('SELECT %s, ($1).%I IS NOT NULL', key_of, source.image)
        INTO new_key, is_there USING NEW;
    END IF;
    IF old_key IS NOT NULL AND (old_key IS DISTINCT FROM new_key OR NOT is_there) THEN
        PERFORM blip._unlink(source.attachment_id, ARRAY[old_key]);
    END IF;
    IF is_there THEN
        IF source.mode = 'live' THEN
            -- lint: SQL of quoted columns
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
