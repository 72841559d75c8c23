"""The application, in a hurry: its caretaker looks each second and its shifts last one.

For tests of what a caretaker or a shift does in the end, or never does: the sooner, the shorter the
test waits. Anything else is as in `blipdb.workers`.
"""

from __future__ import annotations

from blipdb.workers import config

# Before the modules that import them by name: Celery imports those when it starts.
config.LOOK_SECONDS = 1.0
config.SHIFT_SECONDS = 1.0
