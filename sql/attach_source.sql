-- An attached table as the catalog has it now: which columns are meant, and whether they may be used.
-- The table's owner can change all of it, so nothing is remembered: each use looks again.

CREATE TYPE blip._source AS (
    attachment_id integer,
    source regclass,
    kind text,
    mode text,
    space text,
    columns smallint[],
    image text,
    caption text,
    keys text[]
);
COMMENT ON TYPE blip._source IS
    'An attached table: numbers of its columns (image, caption or 0, keys) and their present names';
REVOKE ALL ON TYPE blip._source FROM PUBLIC;

-- Numbers survive a rename, names a restore, after which the table has another oid.
CREATE FUNCTION blip._columns(id integer)
RETURNS TABLE (place bigint, number smallint, name text, type oid, is_usable boolean)
LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 4
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY
    SELECT u.place, b.attnum, b.attname::text, y.type,
           y.type = ANY (CASE WHEN u.place > 2 THEN blip._key_types()
                              WHEN u.place = 2 THEN blip._text_types()
                              ELSE blip._image_types(a.kind) END)
           AND b.attgenerated <> 'v'
           AND (u.place < 3 OR coalesce(l.collisdeterministic, true))
    FROM blip.attachments a
    CROSS JOIN LATERAL unnest(a.columns, a.names) WITH ORDINALITY u (number, name, place)
    LEFT JOIN pg_attribute b
        ON b.attrelid = a.source AND b.attnum > 0 AND NOT b.attisdropped
       AND CASE WHEN a.relation = a.source::oid THEN b.attnum = u.number ELSE b.attname = u.name END
    LEFT JOIN pg_collation l ON l.oid = b.attcollation
    LEFT JOIN LATERAL (
        SELECT CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
        FROM pg_type t WHERE t.oid = b.atttypid) y (type) ON true
    WHERE a.attachment_id = id AND u.number > 0
    ORDER BY u.place;
END
$$;
COMMENT ON FUNCTION blip._columns(integer) IS
    'The columns of an attachment as they are now; a name of NULL is a column that is gone';
SELECT blip._allow('blip._columns(integer)', 'readers');

-- A domain is taken for what it is made of: its checks are its owner's code, and reading runs none.
-- All else must be PostgreSQL's own, as a type's owner decides what a cast of it calls.
CREATE FUNCTION blip._key_types() RETURNS oid[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN '{int2,int4,int8,numeric,text,varchar,bpchar,uuid,bool,date}'::regtype[]::oid[];
END
$$;
COMMENT ON FUNCTION blip._key_types() IS
    'Types of a primary key''s columns: their text is the same in every session, and is their value';
SELECT blip._allow('blip._key_types()', 'readers');

CREATE FUNCTION blip._text_types() RETURNS oid[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN '{text,varchar,bpchar}'::regtype[]::oid[];
END
$$;
COMMENT ON FUNCTION blip._text_types() IS 'Types of a caption''s column';
SELECT blip._allow('blip._text_types()', 'readers');

CREATE FUNCTION blip._image_types(kind text) RETURNS oid[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE kind WHEN 'content' THEN '{bytea}' ELSE '{text,varchar}' END::regtype[]::oid[];
END
$$;
COMMENT ON FUNCTION blip._image_types(text) IS
    'Types of an image''s column, by what it holds: content, path or url';
SELECT blip._allow('blip._image_types(text)', 'readers');

CREATE FUNCTION blip._source(id integer) RETURNS blip._source
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found blip._source;
BEGIN
    SELECT a.attachment_id, a.source, a.kind, a.mode, a.space, c.numbers, c.image, c.caption, c.keys
    INTO found
    FROM blip.attachments a
    JOIN pg_class r ON r.oid = a.source AND r.relkind IN ('r', 'p') AND r.relpersistence <> 't'
    CROSS JOIN LATERAL (
        SELECT (array_agg(k.number ORDER BY k.place) FILTER (WHERE k.place = 1))
               || coalesce(max(k.number) FILTER (WHERE k.place = 2), 0::smallint)
               || (array_agg(k.number ORDER BY k.place) FILTER (WHERE k.place > 2)),
               max(k.name) FILTER (WHERE k.place = 1), max(k.name) FILTER (WHERE k.place = 2),
               array_agg(k.name ORDER BY k.place) FILTER (WHERE k.place > 2),
               bool_and(k.is_usable IS TRUE)
        FROM blip._columns(a.attachment_id) k
    ) c (numbers, image, caption, keys, is_usable)
    WHERE a.attachment_id = id AND a.mode IN ('background', 'live') AND c.is_usable;
    RETURN found;
END
$$;
COMMENT ON FUNCTION blip._source(integer) IS
    'An attachment with the present names of its columns; NULL where they can''t be used';
SELECT blip._allow('blip._source(integer)', 'readers');

-- Why an attached table stands still, as the catalog has it. Whether its reader lets itself be called
-- is found out by workers, who write blip.attachments.trouble.
CREATE FUNCTION blip._trouble(id integer) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    attachment blip.attachments;
    relation pg_class;
    again text;
    passed_by text;
BEGIN
    SELECT a.* INTO attachment FROM blip.attachments a WHERE a.attachment_id = id;
    SELECT c.* INTO relation FROM pg_class c WHERE c.oid = attachment.source;
    IF relation.oid IS NULL THEN
        RETURN 'the table is gone';
    ELSIF attachment.mode NOT IN ('background', 'live') THEN
        RETURN 'it was never attached as a whole';
    ELSIF relation.relkind NOT IN ('r', 'p') THEN
        RETURN 'it is no table any more';
    END IF;
    passed_by := blip._passed_by(attachment.source);
    again := format('; once mended, call blip_attach(%L, …) again', attachment.source);
    RETURN coalesce(
        passed_by || ': rows pass its triggers by',
        (SELECT CASE WHEN k.name IS NULL
                     THEN format('its column %I is gone', attachment.names[k.place])
                     ELSE format('its column %I is of type %s now', k.name,
                                 format_type(k.type, NULL)) END || again
         FROM blip._columns(id) k WHERE k.is_usable IS NOT TRUE ORDER BY k.place LIMIT 1),
        CASE WHEN NOT blip._has_triggers(id)
             THEN 'its triggers are gone or were changed' || again END,
        CASE WHEN blip._readers(id) = '{}'
             THEN 'its reader is gone or was changed' || again END);
END
$$;
COMMENT ON FUNCTION blip._trouble(integer) IS
    'Why an attached table can''t be kept in step now; NULL where it can';
SELECT blip._allow('blip._trouble(integer)', 'readers');

CREATE FUNCTION blip._passed_by(source regclass) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT CASE WHEN c.relispartition THEN 'it is a partition'
                    WHEN c.relkind = 'r' AND EXISTS (
                        SELECT FROM pg_inherits h WHERE h.inhparent = c.oid)
                    THEN 'tables inherit from it' END
        FROM pg_class c WHERE c.oid = source);
END
$$;
COMMENT ON FUNCTION blip._passed_by(regclass) IS
    'Why a table''s rows can come and go without its statement triggers, as it is now; NULL if they can''t';
SELECT blip._allow('blip._passed_by(regclass)', 'readers');

-- By a worker, so that a dump has names that a restore can go by.
CREATE FUNCTION blip._refresh(id integer) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '500ms'
AS $$
DECLARE
    numbers smallint[];
    present text[];
BEGIN
    SELECT array_agg(coalesce(k.number, 0::smallint) ORDER BY u.place),
           array_agg(coalesce(k.name, '') ORDER BY u.place)
    INTO numbers, present
    FROM blip.attachments a
    CROSS JOIN LATERAL unnest(a.columns) WITH ORDINALITY u (number, place)
    LEFT JOIN blip._columns(id) k ON k.place = u.place
    WHERE a.attachment_id = id AND (blip._source(id)).attachment_id = id;
    UPDATE blip.attachments a SET columns = numbers, names = present, relation = a.source
    WHERE a.attachment_id = id AND numbers IS NOT NULL
      AND (a.columns, a.names, a.relation) IS DISTINCT FROM (numbers, present, a.source::oid);
END
$$;
COMMENT ON FUNCTION blip._refresh(integer) IS
    'Note the present numbers and names of an attachment''s columns, after a rename or a restore';
SELECT blip._allow('blip._refresh(integer)', 'workers');

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
SELECT blip._allow('blip._key(blip._source, text)', 'owner');

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
SELECT blip._allow('blip._caption_of(blip._source, text)', 'owner');
