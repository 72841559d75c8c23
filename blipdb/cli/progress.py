"""Progress bars: on stderr, and only where a person sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

LABELS = {
    "draw": "drawing",
    "ingest": "reading",
    "attach": "reading attached tables",
}

Show = Callable[[str, int, int, int], None]
"""Called with a stage, how much of it is done, of how much, and how much of that failed."""


@contextmanager
def progress_bar() -> Iterator[Show]:
    """Show a bar for each stage, from its first step to its last."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Remaining(elapsed_when_finished=True),
        TextColumn("{task.fields[failed]}"),
    )
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console, disable=not console.is_interactive) as bars:

        def show(stage: str, done: int, total: int, failed: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(_label(stage), failed="")
            words = f"{failed} failed" if failed else ""
            bars.update(tasks[stage], completed=done, total=total, failed=words)

        yield show


def _label(stage: str) -> str:
    """Return the words beside a stage's bar."""
    if stage in LABELS:
        return LABELS[stage]
    from ..work import stages

    return stages.get(stage).label
