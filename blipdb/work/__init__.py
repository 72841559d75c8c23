"""Stages of work on images, and where they run: this process or workers elsewhere.

Private: it may change in any release.
"""
