"""The only task, a thin one around `blipdb.work.runner`."""

from __future__ import annotations

import logging
import threading

from blipdb import settings
from blipdb.database import jobs
from blipdb.errors import BrokerError, DatabaseError
from blipdb.work import stages
from blipdb.work.runner import StageRunner

from . import metrics, notifier
from .app import app
from .config import RUN_SECONDS
from .ending import is_ending
from .notifier import TASK

log = logging.getLogger(__name__)
_own = threading.local()


@app.task(name=TASK, Request="blipdb.workers.requests:LateRequest")
def work(*, stage: str) -> None:
    """Work on a stage for some seconds, and notify workers again if there is more.

    If the queue is long, others are notified first, so that one message sets a whole fleet to work.
    A database that is gone ends the run; the caretaker notifies once it is back.
    """
    if is_ending():
        return
    try:
        if runner().is_long(stage):
            _notify(stage)
        with metrics.timed(stage):
            run = runner().run(stage, RUN_SECONDS, is_ending)
    except DatabaseError as error:
        log.warning("%s", error)
        return
    metrics.count(stage, run)
    if run.rows and not is_ending():
        _notify(jobs.ENCODE)  # the images that rows were linked to may be new
    if run.more and not is_ending():
        _notify(stage)
    if run.outcomes and not is_ending():
        for fed in stages.get(stage).feeds:
            _notify(fed)


def runner() -> StageRunner:
    """Return the runner of this process, or in a pool of threads of this thread."""
    if not hasattr(_own, "runner"):
        _own.runner = StageRunner(settings.load())
    found: StageRunner = _own.runner
    return found


def _notify(stage: str) -> None:
    try:
        notifier.notify(stage)
    except BrokerError as error:
        log.warning("%s", error)
