"""Roles and their rights, granted again by every ``blipdb init``.

Roles belong to the server and not to the database, so a dump does not carry them, and a server's
owner may create them later than the tables. Hence no numbered migration, but statements that can
be repeated; what concerns a role that does not exist is left out.

    blip_owner    owns the tables
    blip_reader   searches
    blip_writer   searches and adds
    blip_worker   runs jobs: sees and writes every row, whatever the policies say
    blip_engine   owns blip._engine, and reads blip.settings: nothing else
    blip_nobody   owns the function that calls readers of attached tables; has no right at all
    blip_guest    reads attached tables of superusers: the columns that blip_attach lets it see
"""

from __future__ import annotations

from collections.abc import Collection

ROLES = (
    "blip_owner", "blip_reader", "blip_writer", "blip_worker", "blip_engine", "blip_nobody",
    "blip_guest",
)  # fmt: skip

# Tables that policies guard, images among them: these do nothing until its owner enables them.
GUARDED = (
    "images", "files", "failed_files", "image_vectors", "image_tokens", "captions", "jobs",
    "attachments", "attached_rows",
)  # fmt: skip
INTERNAL = ("attachment_readers", "orphans")  # for workers and the owner alone
VIEWS = ("capfilt", "verdicts", "ranked_captions", "attached")  # under the policies of their tables
READABLE = ("alembic_version", "models", "active_models", *GUARDED, *VIEWS)

CREATE_ROLE = """
DO $$ BEGIN
    CREATE ROLE {role} NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; -- another init was quicker
END $$
"""

# Policies and triggers of the tables call these, with the rights of whoever reads or adds.
CALLED = "blip._goes_by_space(), blip._sees(uuid)"

# Partitions are never granted; what holds where one is nevertheless, see PARTITIONS.
GRANTS = {
    "blip_reader": [
        "GRANT USAGE ON SCHEMA blip TO blip_reader",
        f"GRANT EXECUTE ON FUNCTION {CALLED} TO blip_reader",
        *(f"GRANT SELECT ON blip.{table} TO blip_reader" for table in READABLE),
    ],
    "blip_writer": [
        "GRANT USAGE ON SCHEMA blip TO blip_writer",
        f"GRANT EXECUTE ON FUNCTION {CALLED} TO blip_writer",
        *(f"GRANT SELECT ON blip.{table} TO blip_writer" for table in READABLE),
        # By columns: what is left out is for workers to say. Older versions granted more.
        "REVOKE INSERT, UPDATE ON blip.images, blip.files, blip.captions, blip.jobs"
        " FROM blip_writer",
        "GRANT INSERT (image_id, space, sha256, mime, bytes, content, metadata) ON blip.images"
        " TO blip_writer",
        "GRANT INSERT (uri, space, image_id, size) ON blip.files TO blip_writer",
        # A uri that was added, and is of no ingested file, moves to the image added last.
        "GRANT UPDATE (image_id, size, seen_at) ON blip.files TO blip_writer",
        "GRANT INSERT (image_id, caption_id, text, origin) ON blip.captions TO blip_writer",
        "GRANT INSERT (image_id, stage, model_id) ON blip.jobs TO blip_writer",
        # Of tables that they own; what may be attached at all is a setting. All else of the row is
        # written by blip._register, which checks it.
        "REVOKE INSERT, UPDATE ON blip.attachments FROM blip_writer",
        "GRANT INSERT (source, kind, space) ON blip.attachments TO blip_writer",
        "GRANT SELECT ON blip.settings TO blip_writer",
    ],
    "blip_worker": [
        "GRANT USAGE ON SCHEMA blip TO blip_worker",
        f"GRANT EXECUTE ON FUNCTION {CALLED} TO blip_worker",
        "GRANT SELECT ON blip.alembic_version, blip.models, blip.active_models, blip.settings,"
        f" {', '.join(f'blip.{view}' for view in VIEWS)} TO blip_worker",
        *(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON blip.{table} TO blip_worker"
            for table in (*GUARDED, *INTERNAL)
        ),
    ],
    "blip_engine": [
        "GRANT USAGE ON SCHEMA blip TO blip_engine",
        "GRANT SELECT ON blip.settings TO blip_engine",
    ],
    "blip_nobody": ["GRANT USAGE ON SCHEMA blip TO blip_nobody"],
}

# Of the schema of functions that other roles own, where there is one.
READERS = {
    "blip_writer": "GRANT CREATE, USAGE ON SCHEMA blip_attached TO blip_writer",
    "blip_nobody": "GRANT USAGE ON SCHEMA blip_attached TO blip_nobody",
}

# Only where it is missing, as it locks the table.
POLICY = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_policies
                   WHERE (schemaname, tablename, policyname) = ('blip', '{table}', '{role}')) THEN
        CREATE POLICY {role} ON blip.{table} TO {role} USING (true);
    END IF;
END $$
"""

# The parent's policies do not hold for a partition that is read by its own name, as after GRANT ON
# ALL TABLES. Queries of the parent don't look at these. Only where one is missing, for the lock.
PARTITIONS = """
DO $$
DECLARE
    child regclass;
    has_worker constant boolean := to_regrole('blip_worker') IS NOT NULL;
    found name[];
BEGIN
    FOR child IN
        SELECT i.inhrelid::regclass FROM pg_inherits i
        WHERE i.inhparent IN ('blip.image_vectors'::regclass, 'blip.image_tokens'::regclass)
    LOOP
        found := ARRAY(SELECT p.polname FROM pg_policy p WHERE p.polrelid = child);
        IF NOT (SELECT c.relrowsecurity FROM pg_class c WHERE c.oid = child) THEN
            EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', child);
        END IF;
        IF 'visible' <> ALL (found) THEN
            EXECUTE format(
                'CREATE POLICY visible ON %1$s FOR SELECT USING (EXISTS ('
                'SELECT FROM blip.images i WHERE i.image_id = %2$I.image_id OFFSET 0))',
                child, (SELECT c.relname FROM pg_class c WHERE c.oid = child));
        END IF;
        IF has_worker AND 'blip_worker' <> ALL (found) THEN
            EXECUTE format('CREATE POLICY blip_worker ON %s TO blip_worker USING (true)', child);
        END IF;
    END LOOP;
END $$
"""


# The settings that concern a role: so a worker of an older version can tell whether it may go on
# (see `requirements`), and what may be attached is known to who attaches and who reads.
SETTINGS = """
DO $$ BEGIN
    IF (SELECT qual FROM pg_policies
        WHERE (schemaname, tablename, policyname) = ('blip', 'settings', '{role}'))
       IS DISTINCT FROM '(name = ANY (''{names}''::text[]))'
    THEN
        DROP POLICY IF EXISTS {role} ON blip.settings;
        CREATE POLICY {role} ON blip.settings FOR SELECT TO {role} USING (name = ANY ('{names}'));
    END IF;
END $$
"""
ATTACHABLE = ("attach_paths", "attach_urls")


def statements(roles: Collection[str]) -> list[str]:
    """Make the statements that grant ``roles`` their rights on the tables; safe to repeat."""
    found = [statement for role, grants in GRANTS.items() if role in roles for statement in grants]
    if "blip_worker" in roles:
        found += [POLICY.format(role="blip_worker", table=table) for table in (*GUARDED, *INTERNAL)]
        found.append(_settings("blip_worker", "oldest_worker", "scores", *ATTACHABLE))
    if "blip_writer" in roles:
        found.append(_settings("blip_writer", *ATTACHABLE))
    if "blip_engine" in roles:
        found.append(POLICY.format(role="blip_engine", table="settings"))
    return found


def _settings(role: str, *names: str) -> str:
    return SETTINGS.format(role=role, names="{" + ",".join(names) + "}")
