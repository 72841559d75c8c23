"""Progress bars on stderr, with the time that is left; only where a person sees them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

Show = Callable[[str, int, int], None]
"""Called with a stage, how much of it is done, and of how much."""


def silent(stage: str, done: int, total: int) -> None:
    """Show nothing."""


@contextmanager
def progress() -> Iterator[Show]:
    """Show a bar for each stage, from its first step to its last."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    stages: dict[str, TaskID] = {}
    with Progress(*columns, console=console, disable=not console.is_interactive) as bars:

        def show(stage: str, done: int, total: int) -> None:
            if stage not in stages:
                stages[stage] = bars.add_task(stage)
            bars.update(stages[stage], completed=done, total=total)

        yield show
