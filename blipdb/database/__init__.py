"""Connections, schema, and the SQL that Python sends.

Private: it may change in any release.
"""
