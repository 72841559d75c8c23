"""Sources of images and captions: files, URLs, stored content, attached tables, sidecars.

Private: it may change in any release.
"""
