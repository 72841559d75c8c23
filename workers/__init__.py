"""Celery workers: ``celery -A blipdb.workers worker``, on as many machines as one likes.

The queue is in the database, and the broker only notifies: a message says that a stage has work,
and the worker that gets it looks into the queue. So a broker that is killed or wiped delays work
and loses none. Jobs are run by `blipdb.work.runner`; this package decides who is notified, and
when.
"""

from __future__ import annotations

from .app import app
from .notifier import notify

__all__ = ["app", "notify"]
