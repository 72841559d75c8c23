"""The app of all commands."""

from __future__ import annotations

from .commands import make_app

app = make_app()
