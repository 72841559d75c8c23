"""The machine: home folder, users, the private PostgreSQL server, logs.

Private: it may change in any release.
"""
