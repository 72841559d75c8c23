"""The one task. It is thin: what it does is in `blipdb.work.shifts`."""

from __future__ import annotations

import logging
import threading

from blipdb import settings
from blipdb.database import captions, jobs
from blipdb.errors import BrokerError, DatabaseError
from blipdb.work.shifts import Shifts

from . import metrics
from .app import app
from .bell import WORK, ring
from .config import SHIFT_SECONDS
from .ending import is_ending

log = logging.getLogger(__name__)
_own = threading.local()


@app.task(name=WORK, Request="blipdb.workers.requests:LateRequest")
def work(*, stage: str) -> None:
    """Work on a stage for some seconds, and have somebody go on if there is more.

    Where there is much, others are told first: so one message sets a whole fleet to work. A
    database that is gone ends the shift; the caretaker rings once it is back.
    """
    if is_ending():
        return
    try:
        if shifts().is_long(stage):
            _ring(stage)
        with metrics.timed(stage):
            turn = shifts().work(stage, SHIFT_SECONDS, is_ending)
    except DatabaseError as error:
        log.warning("%s", error)
        return
    metrics.count(stage, turn)
    if turn.rows and not is_ending():
        _ring(jobs.ENCODE)  # what the rows were linked to may be new
    if turn.more and not is_ending():
        _ring(stage)
    if stage in (jobs.ENCODE, jobs.CAPTION) and turn.outcomes and not is_ending():
        for following in captions.COLUMNS:
            _ring(following)  # what has come in with the images, or was written about them


def shifts() -> Shifts:
    """This process's, or in a pool of threads this thread's."""
    if not hasattr(_own, "shifts"):
        _own.shifts = Shifts(settings.load())
    found: Shifts = _own.shifts
    return found


def _ring(stage: str) -> None:
    try:
        ring(stage)
    except BrokerError as error:
        log.warning("%s", error)
