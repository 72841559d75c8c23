"""Connections, schema, and the SQL that Python sends."""
