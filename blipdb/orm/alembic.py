"""Operations for an app's own Alembic migrations.

    from alembic import op
    import blipdb.orm.alembic

    def upgrade():
        op.require_blipdb()
        op.add_image_column("products")

    def downgrade():
        op.drop_image_column("products")

blipdb's tables have migrations and a version table of their own (``blip.alembic_version``), so that
neither has to know the other's revisions.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Literal

import psycopg
from alembic import context, op
from alembic.operations import MigrateOperation, Operations
from sqlalchemy import Column, Uuid
from sqlalchemy.exc import DBAPIError

from ..database import extension, requirements
from ..database import schema as db_schema
from ..database.steps import run
from ..errors import BlipdbError, DatabaseError, UsageError
from .tables import SCHEMA

__all__ = ["include_name"]

NameType = Literal[
    "schema",
    "table",
    "column",
    "index",
    "unique_constraint",
    "foreign_key_constraint",
]
INIT = "Whoever may do that brings them up to date with: blipdb init --db URL"


def include_name(
    name: str | None, type_: NameType, parent_names: MutableMapping[Any, str | None]
) -> bool:
    """Exclude blipdb's own schema from autogenerate, as ``context.configure(include_schemas=True,
    include_name=include_name)``."""
    return not (type_ == "schema" and name == SCHEMA)


@Operations.register_operation("require_blipdb")
class RequireBlipdb(MigrateOperation):
    """The operation ``op.require_blipdb``."""

    @classmethod
    def require_blipdb(cls, operations: Operations) -> None:
        """Migrate blipdb's tables to the installed version, in the migration's own transaction.
        `blipdb init` installs the functions, and `blipdb up` starts the engine.

        In a script (``alembic upgrade --sql``) it becomes a check of the version.

        Raises:
            SetupError: pgvector is missing, or too old.
            DatabaseError: the tables are of a newer version, or this user may not change them; the
                hint is the command to run.
        """
        operations.invoke(cls())


@Operations.implementation_for(RequireBlipdb)
def _require_blipdb(operations: Operations, operation: RequireBlipdb) -> None:
    if operations.migration_context.as_sql:
        operations.execute(_CHECK.format(head=requirements.head()))
        return
    connection = operations.get_bind()
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise UsageError(
            "blipdb's tables are migrated over psycopg; this migration's connection is of"
            f" {type(driver).__module__}.{type(driver).__qualname__}.",
            "Bring them up to date before, with: blipdb init --db URL",
        )
    parts = run(driver, requirements.look())
    is_complete = parts.extension is not None or parts.build == extension.build()
    if parts.revision == requirements.head() and is_complete:
        return
    with _refused(INIT), _proxies_kept():
        requirements.require_parts(driver, functions=False)
        db_schema.migrate(connection)


# A DO block, as a script knows nothing of the database that it will run in.
_CHECK = """
DO $$
DECLARE
    found text := 'none';
BEGIN
    IF to_regclass('blip.alembic_version') IS NOT NULL THEN
        SELECT version_num INTO found FROM blip.alembic_version;
    END IF;
    IF found IS DISTINCT FROM '{head}' THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'blipdb''s tables are of revision ' || found || '; {head} is needed',
            HINT = 'Bring them up to date with: blipdb init --db URL';
    END IF;
END
$$
"""


@contextmanager
def _proxies_kept() -> Iterator[None]:
    """Restore Alembic's global `op` and `context`: a migration within a migration would leave the
    outer one without them."""
    outer = [module._proxy for module in (context, op)]
    try:
        yield
    finally:
        for proxy in outer:
            if proxy is not None:
                proxy._install_proxy()


@Operations.register_operation("add_image_column")
class AddImageColumn(MigrateOperation):
    """The operation ``op.add_image_column``."""

    def __init__(
        self, table: str, name: str, nullable: bool, ondelete: str | None, schema: str | None
    ) -> None:
        self.table, self.name, self.nullable = table, name, nullable
        self.ondelete, self.schema = ondelete, schema

    @classmethod
    def add_image_column(
        cls,
        operations: Operations,
        table: str,
        name: str = "image_id",
        *,
        nullable: bool = True,
        ondelete: str | None = "SET NULL",
        schema: str | None = None,
    ) -> None:
        """Add what `blipdb.orm.image_column` declares: a column, its foreign key to
        ``blip.images``, and an index. Names are by the app's naming convention.

        Raises:
            UsageError: the column is NOT NULL, and an image's deletion would set it to NULL.
            DatabaseError: this user has no REFERENCES on blipdb's table.
        """
        operations.invoke(cls(table, name, nullable, ondelete, schema))

    def reverse(self) -> DropImageColumn:
        return DropImageColumn(self.table, self.name, self.schema)


@Operations.implementation_for(AddImageColumn)
def _add_image_column(operations: Operations, operation: AddImageColumn) -> None:
    if (
        not operation.nullable
        and operation.ondelete is not None
        and operation.ondelete.upper() == "SET NULL"
    ):
        raise UsageError(
            f"{operation.table}.{operation.name} may not be NULL, which ondelete='SET NULL' would"
            " set it to.",
            "Say what becomes of the row instead: ondelete='CASCADE' or ondelete='RESTRICT'",
        )
    column: Column[Any] = Column(operation.name, Uuid(), nullable=operation.nullable)
    operations.add_column(operation.table, column, schema=operation.schema)
    with _refused("Let its owner run: GRANT REFERENCES ON blip.images TO <user>"):
        operations.create_foreign_key(
            None,
            operation.table,
            "images",
            [operation.name],
            ["image_id"],
            source_schema=operation.schema,
            referent_schema=SCHEMA,
            ondelete=operation.ondelete,
        )
    operations.create_index(None, operation.table, [operation.name], schema=operation.schema)


@Operations.register_operation("drop_image_column")
class DropImageColumn(MigrateOperation):
    """The operation ``op.drop_image_column``."""

    def __init__(self, table: str, name: str, schema: str | None) -> None:
        self.table, self.name, self.schema = table, name, schema

    @classmethod
    def drop_image_column(
        cls,
        operations: Operations,
        table: str,
        name: str = "image_id",
        *,
        schema: str | None = None,
    ) -> None:
        """Drop the column that `op.add_image_column` added, with its foreign key and index. The
        images stay."""
        operations.invoke(cls(table, name, schema))


@Operations.implementation_for(DropImageColumn)
def _drop_image_column(operations: Operations, operation: DropImageColumn) -> None:
    operations.drop_column(operation.table, operation.name, schema=operation.schema)


@contextmanager
def _refused(hint: str) -> Iterator[None]:
    """Translate the database's refusals, with its message, and ``hint`` if it has none."""
    try:
        yield
    except BlipdbError:
        raise
    except (psycopg.Error, DBAPIError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if not isinstance(cause, psycopg.Error):
            raise
        words = cause.diag.message_primary or str(cause).strip()
        raise DatabaseError(
            f"The database refuses: {words}", cause.diag.message_hint or hint
        ) from error
