"""Alembic's entry: migrates over the connection that `blipdb.database` passes in.

By hand (``alembic revision --autogenerate``) it connects to where ``BLIPDB_URL`` or the private
cluster is.
"""

from __future__ import annotations

import re

from alembic import context
from sqlalchemy import Connection

from blipdb import settings
from blipdb.database import connection as db_connection
from blipdb.orm import tables

PARTITION = re.compile(r"image_(vectors|tokens)_\d+")


def _include_name(name: str | None, kind: str, parents: object) -> bool:
    if kind == "schema":
        return name == tables.SCHEMA
    return not (kind == "table" and name is not None and PARTITION.fullmatch(name))


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=tables.Base.metadata,
        version_table_schema=tables.SCHEMA,
        include_schemas=True,
        include_name=_include_name,
        compare_type=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


if (given := context.config.attributes.get("connection")) is not None:
    _migrate(given)
else:
    with db_connection.sqlalchemy_engine(settings.load().database_url()).begin() as connection:
        _migrate(connection)
