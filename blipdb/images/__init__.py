"""Hostile images in, pixels out.

``decode.Decoder`` is what the rest of blipdb uses: a pool of disposable child processes. The
children come from a zygote (``zygote.py``), limit and confine themselves (``child.py``,
``confine.py``), and only they run the code that reads a stranger's bytes (``picture.py``).

Private: it may change in any release.
"""
