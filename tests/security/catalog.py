"""Rules of access that PostgreSQL's catalog can be asked about, as queries for violations."""

from __future__ import annotations

from typing import Any

import psycopg

Connection = psycopg.Connection[Any]

# SECURITY DEFINER functions that a reader may call, each with the reason.
READERS_DEFINERS = {
    "blip._engine(text,jsonb,bytea)": (
        "The only way to the engine. Its owner blip_engine reads blip.settings and nothing else,"
        " and the operations that it forwards are a list."
    ),
}

# Those of other extensions may share the schema public.
FUNCTIONS = """
    SELECT p.*, p.oid::regprocedure::text AS signature FROM pg_proc p
    WHERE p.pronamespace IN (
        'blip'::regnamespace, 'public'::regnamespace, 'blip_attached'::regnamespace)
      AND NOT EXISTS (
        SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname <> 'blipdb'
        WHERE (d.classid, d.objid) = ('pg_proc'::regclass, p.oid) AND d.deptype = 'e')
"""

RULES = {
    "is SECURITY DEFINER and owned by a superuser": f"""
        SELECT f.signature FROM ({FUNCTIONS}) f JOIN pg_roles r ON r.oid = f.proowner
        WHERE f.prosecdef AND r.rolsuper
    """,
    "is SECURITY DEFINER and owned by a role that has, or can take on, too many rights": f"""
        SELECT DISTINCT f.signature FROM ({FUNCTIONS}) f
        JOIN pg_roles r ON pg_has_role(f.proowner, r.oid, 'MEMBER')
        WHERE f.prosecdef AND (
            r.rolsuper OR r.rolcreaterole OR r.rolbypassrls OR r.rolreplication
            OR r.rolname LIKE 'pg\\_%' AND r.rolname <> 'pg_database_owner')
    """,
    "is SECURITY DEFINER, and a reader may call it": f"""
        SELECT f.signature FROM ({FUNCTIONS}) f
        WHERE f.prosecdef AND has_function_privilege('blip_reader', f.oid, 'EXECUTE')
    """,
    "is a trigger function, and a reader may call it": f"""
        SELECT f.signature FROM ({FUNCTIONS}) f
        WHERE f.prorettype = 'trigger'::regtype
          AND has_function_privilege('blip_reader', f.oid, 'EXECUTE')
    """,
    "may be called by PUBLIC": f"""
        SELECT f.signature FROM ({FUNCTIONS}) f
        WHERE EXISTS (
            SELECT FROM aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) a
            WHERE a.grantee = 0)
    """,
    "does not pin its search_path to pg_catalog, pg_temp": f"""
        SELECT f.signature FROM ({FUNCTIONS}) f
        WHERE NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (f.proconfig), false)
    """,
    "is granted to PUBLIC": """
        SELECT c.oid::regclass::text FROM pg_class c
        WHERE c.relnamespace = 'blip'::regnamespace
          AND EXISTS (SELECT FROM aclexplode(c.relacl) a WHERE a.grantee = 0)
        UNION
        SELECT format('%s.%I', a.attrelid::regclass, a.attname) FROM pg_attribute a
        JOIN pg_class c ON c.oid = a.attrelid AND c.relnamespace = 'blip'::regnamespace
        WHERE EXISTS (SELECT FROM aclexplode(a.attacl) x WHERE x.grantee = 0)
        UNION -- but for the types of tables' rows and of arrays, which have no rights of their own
        SELECT t.oid::regtype::text FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
        WHERE t.typnamespace = 'blip'::regnamespace AND t.typcategory <> 'A'
          AND coalesce(c.relkind, 'c') = 'c' AND EXISTS (
              SELECT FROM aclexplode(coalesce(t.typacl, acldefault('T', t.typowner))) a
              WHERE a.grantee = 0)
        UNION
        SELECT 'schema ' || n.nspname FROM pg_namespace n
        WHERE n.nspname = 'blip'
          AND EXISTS (SELECT FROM aclexplode(n.nspacl) a WHERE a.grantee = 0)
    """,
    "is a view that passes its readers' policies by": """
        SELECT c.oid::regclass::text FROM pg_class c
        WHERE c.relnamespace = 'blip'::regnamespace AND c.relkind IN ('v', 'm')
          AND NOT coalesce('security_invoker=true' = ANY (c.reloptions), false)
    """,
    "is a relation that a superuser owns": """
        SELECT c.oid::regclass::text FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
        WHERE c.relnamespace = 'blip'::regnamespace AND r.rolsuper AND c.relkind <> 'c'
    """,
}


def violations(conn: Connection) -> list[str]:
    """List in sentences all that breaks a rule in this database."""
    return [
        f"{name} {rule}"
        for rule, query in RULES.items()
        for (name,) in sorted(conn.execute(query.encode()).fetchall())
        if not (rule.endswith("DEFINER, and a reader may call it") and name in READERS_DEFINERS)
    ]
