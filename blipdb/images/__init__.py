"""Decoding of untrusted images to pixels.

``decode.Decoder`` is the entry for the rest of blipdb: a pool of disposable child processes. The
children come from a zygote (``zygote.py``), limit and confine themselves (``child.py``,
``confine.py``), and only they run the code that parses untrusted bytes (``picture.py``).

Private: it may change in any release.
"""
