-- How rows of an attached table are read: with the rights of its owner, and no others.
--
-- A SELECT runs code of whoever owns the table: functions in its indexes, statistics, checks and
-- policies, and those of partitions that it is given later. So the owner has a function that reads
-- (SECURITY DEFINER, made by blip_attach), and workers call that through blip._read_attached, whose
-- owner blip_nobody has no right at all: where the table's owner has changed the function meanwhile,
-- so that it runs as its caller, it still gains nothing. What runs there can't be trusted with a
-- session either: a worker calls it on a connection of its own, and always rolls back.
--
-- A table of a superuser's is read by blip_guest, which blip_attach lets see its columns.

-- blip_nobody may call every reader, so one must not serve another's owner: hence a token, which the
-- function's text has only a digest of.
CREATE FUNCTION blip._reader_body(token text) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    RETURN replace($reader$
DECLARE
    max_bytes constant bigint := 67108864; -- of one image
    me constant oid := (SELECT r.oid FROM pg_roles r WHERE r.rolname = current_user);
    relation pg_class;
    names text[];
    types text[];
    strange text;
    here text;
    there text;
BEGIN
    IF encode(sha256(convert_to(token, 'UTF8')), 'hex') IS DISTINCT FROM '<digest>' THEN
        RAISE insufficient_privilege USING MESSAGE = 'this function reads for blipdb''s workers alone';
    END IF;
    SELECT c.* INTO relation FROM pg_class c WHERE c.oid = source;
    IF relation.relowner = me THEN
        EXECUTE format('LOCK TABLE %s IN ACCESS SHARE MODE', source);
        SELECT c.* INTO relation FROM pg_class c WHERE c.oid = source;
    END IF;
    IF relation.oid IS NULL OR relation.relkind NOT IN ('r', 'p') THEN
        RAISE wrong_object_type USING MESSAGE = format('%s is no table any more', source);
    ELSIF relation.relowner <> me AND NOT (
        current_user = 'blip_guest'
        AND (SELECT r.rolsuper FROM pg_roles r WHERE r.oid = relation.relowner))
    THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('%s has another owner than when it was attached', source),
            HINT = 'Its owner can call blip_attach again.';
    END IF;
    SELECT array_agg(a.attname::text ORDER BY u.n), array_agg(CASE t.typtype
               WHEN 'd' THEN format_type(t.typbasetype, t.typtypmod)
               ELSE format_type(a.atttypid, a.atttypmod) END ORDER BY u.n),
           string_agg(format('%s %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ') FILTER (
               WHERE a.attname IS NULL AND u.number > 0
                  OR CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END <> ALL (CASE
                  WHEN u.n > 2 THEN '{int2,int4,int8,numeric,text,varchar,bpchar,uuid,bool,date}'
                  WHEN u.n = 2 THEN '{text,varchar,bpchar}' ELSE '{bytea,text,varchar}'
                  END::regtype[]))
    INTO names, types, strange
    FROM unnest(columns) WITH ORDINALITY u (number, n)
    LEFT JOIN pg_attribute a ON a.attrelid = source AND a.attnum = u.number AND a.attnum > 0
                            AND NOT a.attisdropped
    LEFT JOIN pg_type t ON t.oid = a.atttypid;
    IF strange IS NOT NULL OR names[1] IS NULL OR names[3] IS NULL THEN
        RAISE datatype_mismatch USING
            MESSAGE = format('columns of %s were changed: %s', source, coalesce(strange, 'gone')),
            HINT = 'Its owner can call blip_attach again.';
    ELSIF row_security_active(source) AND NOT EXISTS (
        SELECT FROM pg_policy p
        WHERE p.polrelid = source AND p.polpermissive AND p.polcmd IN ('r', '*')
          AND pg_get_expr(p.polqual, p.polrelid) = 'true'
          AND EXISTS (SELECT FROM unnest(p.polroles) r WHERE r = 0 OR pg_has_role(r, 'USAGE')))
    THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('policies of %s hide rows from %s', source, current_user),
            HINT = format('CREATE POLICY blip_guest ON %s FOR SELECT TO %I USING (true)',
                          source, current_user);
    ELSIF row_security_active(source) AND EXISTS (
        SELECT FROM pg_policy p
        WHERE p.polrelid = source AND NOT p.polpermissive AND p.polcmd IN ('r', '*')
          AND EXISTS (SELECT FROM unnest(p.polroles) r WHERE r = 0 OR pg_has_role(r, 'USAGE')))
    THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('a restrictive policy of %s holds for %s', source, current_user),
            HINT = 'It would hide rows: restrict it to other roles (TO …).';
    END IF;
    IF keys IS NULL THEN
        here := (SELECT string_agg(format('s.%I', k), ', ' ORDER BY n)
                 FROM unnest(names[3:]) WITH ORDINALITY u (k, n));
        there := (SELECT string_agg(format('($1 ->> %s)::%s', n - 1, t), ', ' ORDER BY n)
                  FROM unnest(types[3:]) WITH ORDINALITY u (t, n));
        RETURN QUERY EXECUTE format(
            'SELECT jsonb_build_array(%s), s.%I IS NOT NULL, NULL::bigint, NULL::bytea, NULL::text,'
            ' NULL::text FROM %s s WHERE %s ORDER BY %1$s LIMIT $2',
            here, names[1], source,
            CASE WHEN after IS NULL THEN 'true' ELSE format('(%s) > (%s)', here, there) END)
        USING after, max_rows;
        RETURN;
    END IF;
    there := (SELECT string_agg(format('s.%I = (d.key ->> %s)::%s', k, n - 1, types[n + 2]),
                                ' AND ' ORDER BY n)
              FROM unnest(names[3:]) WITH ORDINALITY u (k, n));
    -- Sizes come first, as they are known without the values.
    RETURN QUERY EXECUTE format(
        'SELECT DISTINCT ON (d.n) d.key, d.size IS NOT NULL, d.size, %1$s, %2$s'
        ' FROM (SELECT d.key, d.n, octet_length(s.%3$I)::bigint AS size,'
        ' sum(octet_length(s.%3$I)) OVER (ORDER BY d.n)'
        ' - octet_length(s.%3$I) AS before'
        ' FROM unnest($1) WITH ORDINALITY d (key, n) LEFT JOIN %4$s s ON %5$s) d'
        ' LEFT JOIN %4$s s ON %5$s AND d.size <= $3'
        ' WHERE coalesce(d.before, 0) < $2 ORDER BY d.n',
        CASE WHEN types[1] = 'bytea' THEN format('s.%I::bytea, NULL::text', names[1])
             ELSE format('NULL::bytea, s.%I::text', names[1]) END,
        CASE WHEN names[2] IS NULL THEN 'NULL::text' ELSE format('s.%I::text', names[2]) END,
        names[1], source, there)
    USING keys, least(most_bytes, max_bytes), max_bytes;
END
$reader$, '<digest>', encode(sha256(convert_to(token, 'UTF8')), 'hex'));
END
$body$;
COMMENT ON FUNCTION blip._reader_body(text) IS
    'The text of a function that reads an attached table for whoever has the token';
SELECT blip._allow('blip._reader_body(text)', 'writers');

-- Read by a superuser, a superuser's table would run code with all rights.
CREATE FUNCTION blip._reader_owner(source regclass) RETURNS name
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (SELECT CASE WHEN r.rolsuper THEN 'blip_guest' ELSE r.rolname END
            FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE c.oid = source);
END
$$;
COMMENT ON FUNCTION blip._reader_owner(regclass) IS
    'The role that an attached table is read by: its owner, or blip_guest for a superuser';
SELECT blip._allow('blip._reader_owner(regclass)', 'readers');

CREATE FUNCTION blip._reader(name name) RETURNS regprocedure
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN to_regprocedure(format(
        'blip_attached.%I(text, regclass, smallint[], jsonb[], jsonb, integer, bigint)', name));
END
$$;
COMMENT ON FUNCTION blip._reader(name) IS
    'The reader of that name: of its very arguments, as writers may make others of the same name';
SELECT blip._allow('blip._reader(name)', 'writers');

CREATE FUNCTION blip._make_reader(id integer, source regclass, columns smallint[], token text)
RETURNS name
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    owner constant name := blip._reader_owner(source);
    name constant name := format('read_%s_%s', id, left(encode(sha256(convert_to(token, 'UTF8')), 'hex'), 8));
BEGIN
    EXECUTE format(
        'CREATE FUNCTION blip_attached.%I(token text, source regclass, columns smallint[],'
        ' keys jsonb[], after jsonb, max_rows integer, most_bytes bigint)'
        ' RETURNS TABLE (key jsonb, is_there boolean, size bigint, content bytea, uri text, caption text)'
        ' LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER'
        ' SET search_path = pg_catalog, pg_temp AS %L',
        name, blip._reader_body(token));
    EXECUTE format('COMMENT ON FUNCTION blip_attached.%I IS %L', name,
                   'Reads an attached table for blipdb''s workers, with its owner''s rights');
    EXECUTE format('REVOKE ALL ON FUNCTION blip_attached.%I FROM PUBLIC', name);
    EXECUTE format('GRANT EXECUTE ON FUNCTION blip_attached.%I TO blip_nobody', name);
    IF owner <> current_user THEN
        PERFORM blip._admit(owner, true);
        EXECUTE format('ALTER FUNCTION blip_attached.%I OWNER TO %I', name, owner);
        PERFORM blip._admit(owner, false);
    END IF;
    IF owner = 'blip_guest' THEN
        PERFORM blip._let_guest_read(source, columns);
    END IF;
    RETURN name;
END
$$;
COMMENT ON FUNCTION blip._make_reader(integer, regclass, smallint[], text) IS
    'Make the function that an attached table is read by, and give its name';
SELECT blip._allow('blip._make_reader(integer, regclass, smallint[], text)', 'writers');

-- PostgreSQL asks for this right of whoever is given a function. It says nothing about others'
-- functions there, and so may be anybody's for a moment.
CREATE FUNCTION blip._admit(owner name, is_admitted boolean) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '10s'
AS $$
BEGIN
    IF owner = current_user THEN
        RETURN; -- the schema is theirs
    ELSIF owner IN ('blip_reader', 'blip_writer', 'blip_worker', 'blip_owner', 'blip_engine',
                    'blip_nobody', 'blip_guest') OR owner LIKE 'pg\_%'
    THEN
        RETURN; -- as they are; a superuser needs no right of theirs
    ELSIF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = owner) THEN
        RAISE undefined_object USING MESSAGE = format('there is no role %I', owner); -- public is none
    END IF;
    PERFORM pg_advisory_xact_lock('blip_attached'::regnamespace::oid::bigint);
    IF is_admitted THEN
        EXECUTE format('GRANT CREATE ON SCHEMA blip_attached TO %I', owner);
    ELSE
        EXECUTE format('REVOKE CREATE ON SCHEMA blip_attached FROM %I', owner);
    END IF;
END
$$;
COMMENT ON FUNCTION blip._admit(name, boolean) IS
    'Let a role own functions in blip_attached, while a reader is made; or no longer';
SELECT blip._allow('blip._admit(name, boolean)', 'writers', 'blip_owner');

-- Writers may make functions of any name here. What they made of a reader, or who is just at one,
-- keeps nobody from ending an attachment: no token leads to what is left.
CREATE FUNCTION blip._drop_readers(id integer) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '100ms'
AS $$
DECLARE
    reader regprocedure;
BEGIN
    FOR reader IN
        SELECT p.oid FROM pg_proc p
        WHERE p.pronamespace = 'blip_attached'::regnamespace
          AND p.proname LIKE format('read\_%s\_%%', id)
          AND p.prokind = 'f' AND p.oid = blip._reader(p.proname)
          AND (pg_has_role(p.proowner, 'USAGE') OR pg_has_role(
              (SELECT n.nspowner FROM pg_namespace n WHERE n.oid = p.pronamespace), 'USAGE'))
    LOOP
        BEGIN
            EXECUTE format('DROP FUNCTION %s', reader); -- lint: regprocedure
        EXCEPTION
            WHEN dependent_objects_still_exist THEN
                IF pg_has_role((SELECT p.proowner FROM pg_proc p WHERE p.oid = reader), 'USAGE') THEN
                    EXECUTE format('ALTER FUNCTION %s RENAME TO %I', reader, -- lint: regprocedure
                                   'old_' || gen_random_uuid());
                END IF;
            WHEN lock_not_available THEN
                EXIT;
            WHEN undefined_function THEN
                NULL; -- somebody else was quicker
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION blip._drop_readers(integer) IS 'Drop the functions that read an attached table';
SELECT blip._allow('blip._drop_readers(integer)', 'writers');

CREATE FUNCTION blip._readers(id integer) RETURNS name[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN ARRAY(
        SELECT p.proname FROM pg_proc p
        JOIN blip.attachments a ON a.attachment_id = id
        JOIN pg_roles r ON r.oid = p.proowner AND r.rolname = blip._reader_owner(a.source)
        WHERE p.pronamespace = 'blip_attached'::regnamespace
          AND p.proname LIKE format('read\_%s\_%%', id)
          AND p.prosecdef
          AND p.proconfig = '{"search_path=pg_catalog, pg_temp"}');
END
$$;
COMMENT ON FUNCTION blip._readers(integer) IS
    'Names of functions that read an attached table with its owner''s rights, as blip_attach makes them';
SELECT blip._allow('blip._readers(integer)', 'readers');

-- The first wall is the look at the reader: its owner can change that after it was taken. The second
-- is whose rights this function has.
CREATE FUNCTION blip._read_attached(
    reader name, token text, source regclass, columns smallint[], keys jsonb[], after jsonb,
    max_rows integer, most_bytes bigint)
RETURNS TABLE (key jsonb, is_there boolean, size bigint, content bytea, uri text, caption text)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER ROWS 100
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM pg_proc p JOIN pg_roles r ON r.oid = p.proowner
        WHERE p.oid = to_regprocedure(format(
                  'blip_attached.%I(text, regclass, smallint[], jsonb[], jsonb, integer, bigint)', reader))
          AND p.prosecdef
          AND NOT r.rolsuper AND r.rolname = (
              SELECT CASE WHEN o.rolsuper THEN 'blip_guest' ELSE o.rolname END
              FROM pg_class c JOIN pg_roles o ON o.oid = c.relowner WHERE c.oid = source))
    THEN
        RAISE insufficient_privilege USING
            MESSAGE = format('the reader of %s is gone or was changed', source),
            HINT = 'Its owner can call blip_attach again.';
    END IF;
    RETURN QUERY EXECUTE format('SELECT r.* FROM blip_attached.%I($1, $2, $3, $4, $5, $6, $7) r', reader)
    USING token, source, columns, keys, after, max_rows, most_bytes;
END
$$;
COMMENT ON FUNCTION blip._read_attached(
    name, text, regclass, smallint[], jsonb[], jsonb, integer, bigint) IS
    'Call an attached table''s reader with nobody''s rights. keys NULL: the keys after that one';
SELECT blip._allow(
    'blip._read_attached(name, text, regclass, smallint[], jsonb[], jsonb, integer, bigint)',
    'workers', 'blip_nobody');

CREATE FUNCTION blip._let_guest_read(source regclass, columns smallint[]) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    names constant text := (
        SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_attribute a
        WHERE a.attrelid = source AND a.attnum = ANY (columns));
    schema constant regnamespace := (SELECT c.relnamespace FROM pg_class c WHERE c.oid = source);
BEGIN
    EXECUTE format('GRANT SELECT (%s) ON %s TO blip_guest', names, source); -- lint: quoted, regclass
    IF (SELECT c.relrowsecurity FROM pg_class c WHERE c.oid = source) AND NOT EXISTS (
        SELECT FROM pg_policy p WHERE p.polrelid = source AND p.polname = 'blip_guest')
    THEN
        EXECUTE format( -- lint: regclass
            'CREATE POLICY blip_guest ON %s FOR SELECT TO blip_guest USING (true)', source);
    END IF;
    IF NOT has_schema_privilege('blip_guest', schema, 'USAGE') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %s TO blip_guest', schema); -- lint: regnamespace
    END IF;
END
$$;
COMMENT ON FUNCTION blip._let_guest_read(regclass, smallint[]) IS
    'Let blip_guest see the columns of a superuser''s table that are read, in every row';
SELECT blip._allow('blip._let_guest_read(regclass, smallint[])', 'writers');

CREATE FUNCTION blip._keep_guest_out(source regclass) RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    guest constant oid := to_regrole('blip_guest');
    columns constant text := (
        SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_attribute a
        WHERE a.attrelid = source AND NOT a.attisdropped
          AND EXISTS (SELECT FROM aclexplode(a.attacl) x WHERE x.grantee = guest));
    schema constant regnamespace := (SELECT c.relnamespace FROM pg_class c WHERE c.oid = source);
BEGIN
    IF columns IS NOT NULL THEN
        EXECUTE format( -- lint: quoted, regclass
            'REVOKE SELECT (%s) ON %s FROM blip_guest', columns, source);
    END IF;
    IF EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = source AND p.polname = 'blip_guest') THEN
        EXECUTE format('DROP POLICY blip_guest ON %s', source); -- lint: regclass
    END IF;
    IF EXISTS (SELECT FROM pg_namespace n, aclexplode(n.nspacl) x
               WHERE n.oid = schema AND x.grantee = guest)
       AND NOT EXISTS (SELECT FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid,
                       aclexplode(a.attacl) x WHERE c.relnamespace = schema AND x.grantee = guest)
       AND pg_has_role((SELECT n.nspowner FROM pg_namespace n WHERE n.oid = schema), 'USAGE')
    THEN
        EXECUTE format('REVOKE USAGE ON SCHEMA %s FROM blip_guest', schema); -- lint: regnamespace
    END IF;
END
$$;
COMMENT ON FUNCTION blip._keep_guest_out(regclass) IS 'Undo blip._let_guest_read';
SELECT blip._allow('blip._keep_guest_out(regclass)', 'writers');
