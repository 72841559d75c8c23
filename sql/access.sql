-- Who may call what. Runs when the extension is created, and again by `blipdb init`, as the roles
-- may come later. Nothing is for PUBLIC; roles that do not exist are left out.

DO $$
DECLARE
    function regprocedure;
    role text;
BEGIN
    FOR function IN
        SELECT d.objid FROM pg_catalog.pg_depend d
        JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid AND e.extname = 'blipdb'
        WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.deptype = 'e'
          AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
    LOOP
        EXECUTE pg_catalog.format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
        FOR role IN
            SELECT r.rolname FROM pg_catalog.pg_roles r
            WHERE r.rolname IN ('blip_writer', 'blip_worker', 'blip_owner')
               OR r.rolname = 'blip_reader' AND function NOT IN (
                  'public.blip_add(bytea, text, text, jsonb, text)'::pg_catalog.regprocedure,
                  'public.blip_attach(regclass, name, name, text, text, text)'::pg_catalog.regprocedure,
                  'public.blip_detach(regclass, name)'::pg_catalog.regprocedure,
                  'blip._attached_added()'::pg_catalog.regprocedure,
                  'blip._attached_changed()'::pg_catalog.regprocedure,
                  'blip._attached_removed()'::pg_catalog.regprocedure,
                  'blip._attached_emptied()'::pg_catalog.regprocedure,
                  'blip._enqueue(uuid[])'::pg_catalog.regprocedure)
        LOOP
            EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO %I', function, role);
        END LOOP;
    END LOOP;
    -- It runs with its owner's rights: those of a role that can read blip.settings and no more.
    IF pg_catalog.to_regrole('blip_engine') IS NOT NULL THEN
        ALTER FUNCTION blip._engine(text, jsonb, bytea) OWNER TO blip_engine;
    END IF;
    -- And these with the rights of the tables' owner, whoever changes an attached table.
    IF pg_catalog.to_regrole('blip_owner') IS NOT NULL THEN
        ALTER FUNCTION blip._attached_added() OWNER TO blip_owner;
        ALTER FUNCTION blip._attached_changed() OWNER TO blip_owner;
        ALTER FUNCTION blip._attached_removed() OWNER TO blip_owner;
        ALTER FUNCTION blip._attached_emptied() OWNER TO blip_owner;
        ALTER FUNCTION blip._purge() OWNER TO blip_owner;
    END IF;
END
$$;
