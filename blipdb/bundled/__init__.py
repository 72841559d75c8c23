"""Models that the wheel carries.

Private: it may change in any release.
"""
