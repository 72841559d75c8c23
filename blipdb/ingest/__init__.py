"""Files into the database.

Private: it may change in any release.
"""
