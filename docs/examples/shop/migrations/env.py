"""Alembic's entry."""

from __future__ import annotations

from alembic import context
from shop import database
from shop.models import Base
from sqlalchemy import create_engine, pool

from blipdb.orm.alembic import include_name

OPTIONS = {
    "target_metadata": Base.metadata,
    "include_schemas": True,
    "include_name": include_name,  # blipdb's own schema is none of ours
}

if context.is_offline_mode():
    context.configure(dialect_name="postgresql", literal_binds=True, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()
else:
    with create_engine(database.url(), poolclass=pool.NullPool).connect() as connection:
        context.configure(connection=connection, **OPTIONS)
        with context.begin_transaction():
            context.run_migrations()
