"""``blipdb status --watch``: the queues, as they are now and as fast as they move."""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from ..errors import DatabaseError
from ..escapes import visible
from ..settings import Settings

if TYPE_CHECKING:
    from rich.table import Table

    from ..database.jobs import Counts
    from ..types import Connection

WINDOW_SECONDS = 20.0  # of counts that a rate is computed from
TITLES = ("stage", "model", "done", "pending", "running", "parked", "images/s", "time left")


@dataclass(frozen=True)
class Line:
    """A queue at a moment; ``rate`` in jobs a second, ``left`` in seconds, None if unknown."""

    stage: str
    model: str
    done: int
    pending: int
    running: int
    parked: int
    rate: float | None
    left: float | None


class Speeds:
    """The rate of each queue, from its counts in the last seconds."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], deque[tuple[float, int]]] = {}

    def line(self, stage: str, model: str, counts: Counts, now: float) -> Line:
        """The queue's line; the counts are added to what is known."""
        seen = self._seen.setdefault((stage, model), deque())
        ended = counts.done + counts.parked
        seen.append((now, ended))
        while len(seen) > 2 and now - seen[1][0] >= WINDOW_SECONDS:
            seen.popleft()
        seconds = now - seen[0][0]
        rate = max(0, ended - seen[0][1]) / seconds if seconds else None
        left = counts.left / rate if rate else 0.0 if not counts.left else None
        numbers = counts.done, counts.pending, counts.running, counts.parked
        return Line(stage, model, *numbers, rate, left)


def watch(settings: Settings, seconds: float, *, as_json: bool) -> None:
    """Show the queues every so many seconds, until Ctrl-C.

    On a terminal as a table that is updated in place, with ``as_json`` as a JSON document a line,
    else as lines.
    """
    if as_json:
        for lines in _looks(settings, seconds):
            print(json.dumps([asdict(line) for line in lines]), flush=True)
    elif not sys.stdout.isatty():
        for lines in _looks(settings, seconds):
            for line in lines:
                print("\t".join(_cells(line)), flush=True)
    else:
        from rich.live import Live

        with Live(auto_refresh=False) as live:
            for lines in _looks(settings, seconds):
                live.update(_table(lines), refresh=True)


def _looks(settings: Settings, seconds: float) -> Iterator[list[Line]]:
    """Yield the lines of all queues repeatedly, and reconnect to a database that went away."""
    from ..database import connection, requirements

    speeds = Speeds()
    while True:
        try:
            with connection.connect_pinned(settings.database_url(), autocommit=True) as conn:
                requirements.check(conn)
                yield from _connected(conn, speeds, lambda: time.sleep(seconds))
        except DatabaseError as error:
            print(f"{error}\nTrying again.", file=sys.stderr, flush=True)
            time.sleep(max(seconds, 1.0))


def _connected(conn: Connection, speeds: Speeds, pause: Callable[[], None]) -> Iterator[list[Line]]:
    from .. import registry
    from ..database import jobs
    from ..database.failures import translate
    from ..work import attachments

    while True:
        with translate():
            names = {model.model_id: model.name for model in registry.models(conn)}
            counts = jobs.all_counts(conn)
            attached = attachments.counts(conn)
        now = time.monotonic()
        rows = [speeds.line(jobs.ATTACH, "", attached, now)] if attached != jobs.Counts() else []
        yield rows + [
            speeds.line(queue.stage, names[queue.model_id], found, now)
            for queue, found in counts.items()
        ]
        pause()


def _cells(line: Line) -> tuple[str, ...]:
    numbers = (line.done, line.pending, line.running, line.parked)
    rate = "" if line.rate is None else f"{line.rate:,.1f}"
    return (
        visible(line.stage),
        visible(line.model),
        *(f"{number:,}" for number in numbers),
        rate,
        _duration(line.left),
    )


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _table(lines: list[Line]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD)
    for place, title in enumerate(TITLES):
        table.add_column(title, justify="left" if place < 2 else "right")
    for line in lines:
        table.add_row(*map(Text, _cells(line)))
    return table
