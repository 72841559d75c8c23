"""Alembic migrations: the only way a table of blipdb changes."""
