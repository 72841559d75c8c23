"""Alembic migrations: the only way a table of blipdb changes."""

OLDEST_WORKER = "0008"
"""The oldest revision whose workers may go on with the tables of the newest. Raise it with a
migration that takes something away from them, or asks something new: then they end, and say why."""
