"""Write captions in the way that a CapFilt run has chosen."""

from __future__ import annotations

from ...database import jobs
from .caption import Caption


class Write(Caption):
    """A synthetic caption of each image of a CapFilt run, which enqueues and runs the jobs itself,
    and has a filter judge them afterwards."""

    name = jobs.WRITE
    feeds = ()
    shared = False
    reopens = False
