"""Celery workers: ``celery -A blipdb.workers worker``, on as many machines as one likes.

The database is the truth and the broker a doorbell: a message says that a stage has work, and who
gets it looks into the queue in the database. So a broker that is killed or wiped delays work and
loses none. What runs jobs is `blipdb.work.shifts`; here is who is told when, and by whom.
"""

from __future__ import annotations

from .app import app
from .bell import ring

__all__ = ["app", "ring"]
