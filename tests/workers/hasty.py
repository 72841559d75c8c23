"""The application with short intervals: its caretaker looks each second, and runs last one second.

For tests of the final effect of a caretaker or a run, or of its absence: they wait less. Anything
else is as in `blipdb.workers`.
"""

from __future__ import annotations

from blipdb.workers import config

# Before the modules that import them by name: Celery imports those when it starts.
config.POLL_SECONDS = 1.0
config.RUN_SECONDS = 1.0

from blipdb.workers import app as app  # noqa: E402
