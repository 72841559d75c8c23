-- Access, stated beside each function. These calls run when the extension is created, and again by
-- `blipdb init`, as roles may be created later.

-- A definer function that a superuser owns would hand the superuser's rights to its callers. Until
-- the wanted owner exists, it is an invoker function that only superusers may call.
CREATE FUNCTION blip._allow(function regprocedure, callers text, definer text DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    roles constant text[] := ARRAY[
        'blip_reader', 'blip_writer', 'blip_worker', 'blip_owner', 'blip_engine', 'blip_nobody'];
    tables_owner constant name := (
        SELECT pg_get_userbyid(n.nspowner) FROM pg_namespace n WHERE n.nspname = 'blip');
    allowed text[] := CASE callers
        WHEN 'readers' THEN ARRAY['blip_reader', 'blip_writer', 'blip_worker', 'blip_owner']
        WHEN 'writers' THEN ARRAY['blip_writer', 'blip_worker', 'blip_owner']
        WHEN 'workers' THEN ARRAY['blip_worker', 'blip_owner']
        WHEN 'owner' THEN ARRAY['blip_owner']
        WHEN 'superusers' THEN '{}'
    END;
    owner name;
    role name;
BEGIN
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
        WHERE r.rolname = ANY (roles) OR r.rolname = tables_owner AND NOT r.rolsuper
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %I', function, role);
        IF role = ANY (allowed) THEN
            EXECUTE format(
                'GRANT EXECUTE ON FUNCTION %s TO %I', function, role);
        END IF;
    END LOOP;
END
$$;
COMMENT ON FUNCTION blip._allow(regprocedure, text, text) IS
    'Give a function its callers, and a SECURITY DEFINER function its owner. callers: readers, '
    'writers, workers or owner, each with those after it and the owner of the tables; or superusers. '
    'definer: blip_owner (the owner of the tables), blip_engine or blip_nobody';
SELECT blip._allow('blip._allow(regprocedure, text, text)', 'superusers');
