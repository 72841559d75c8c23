"""Drawn scenes whose structure is known exactly.

Private: it may change in any release.
"""
