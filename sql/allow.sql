-- Access. Beside each function stands a line SELECT blip._allow(function, callers, definer), which
-- blipdb/database/extension.py takes out of the script and gives to this block. It runs last, and again at each
-- `blipdb init`, as roles may be created later.
--
-- callers: readers, writers, workers or owner, each with those after it and the owner of the tables;
-- or superusers. definer, of a SECURITY DEFINER function: blip_owner (the owner of the tables),
-- blip_engine or blip_nobody.
--
-- A definer function that a superuser owns would hand the superuser's rights to its callers. Until
-- the wanted owner exists, it is an invoker function that only superusers may call.
--
-- No function of ours is called here: a superuser runs this, and whoever owns the schema blip could
-- have put an overload there. Hence the search path comes first, and nothing before it needs one.
DO $$
DECLARE
    stated constant text[] := ARRAY[]::text[]; -- function, callers and definer of each
    allowed text[];
    tables_owner name;
    owner name;
    role name;
    function regprocedure;
    callers text;
    definer text;
BEGIN
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    SELECT pg_get_userbyid(n.nspowner) INTO tables_owner
    FROM pg_namespace n WHERE n.nspname = 'blip';
    FOR place IN 1 .. cardinality(stated) BY 3 LOOP
        function := stated[place]::regprocedure;
        callers := stated[place + 1];
        definer := nullif(stated[place + 2], '');
        allowed := CASE callers
            WHEN 'readers' THEN ARRAY['blip_reader', 'blip_writer', 'blip_worker', 'blip_owner']
            WHEN 'writers' THEN ARRAY['blip_writer', 'blip_worker', 'blip_owner']
            WHEN 'workers' THEN ARRAY['blip_worker', 'blip_owner']
            WHEN 'owner' THEN ARRAY['blip_owner']
            WHEN 'superusers' THEN '{}'
        END;
        IF allowed IS NULL THEN
            RAISE invalid_parameter_value USING MESSAGE = format('there are no callers %L', callers);
        ELSIF definer NOT IN ('blip_owner', 'blip_engine', 'blip_nobody') THEN
            RAISE invalid_parameter_value USING MESSAGE = format('there is no definer %L', definer);
        END IF;
        IF callers <> 'superusers' THEN
            allowed := allowed || tables_owner::text;
        END IF;
        IF definer IS NOT NULL THEN
            SELECT r.rolname INTO owner FROM pg_roles r
            WHERE r.rolname = CASE definer WHEN 'blip_owner' THEN tables_owner ELSE definer END
              AND NOT EXISTS (
                  SELECT FROM pg_roles s WHERE s.rolsuper AND pg_has_role(r.oid, s.oid, 'MEMBER'));
            IF owner IS NULL THEN
                EXECUTE format('ALTER FUNCTION %s SECURITY INVOKER', function);
                allowed := '{}';
            ELSE
                EXECUTE format('ALTER FUNCTION %s OWNER TO %I', function, owner);
                EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER', function);
            END IF;
        END IF;
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
        FOR role IN
            SELECT r.rolname FROM pg_roles r
            WHERE r.rolname IN ('blip_reader', 'blip_writer', 'blip_worker', 'blip_owner',
                                'blip_engine', 'blip_nobody')
               OR r.rolname = tables_owner AND NOT r.rolsuper
            ORDER BY r.rolname
        LOOP
            EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %I', function, role);
            IF role = ANY (allowed) THEN
                EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', function, role);
            END IF;
        END LOOP;
    END LOOP;
END
$$;
