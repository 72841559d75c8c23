"""A world of drawn scenes, whose structure is known.

Private: it may change in any release.
"""
