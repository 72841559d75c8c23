"""``blipdb ingest``: files into the database, with a progress bar."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..escapes import visible
from . import options
from .broker import Broker, NoWait, notifier
from .group import INTERRUPTED
from .options import Db, Home, Json, Space
from .output import note, print_json
from .progress import progress_bar

if TYPE_CHECKING:
    from ..ingest.run import Report

SHOWN_FAILURES = 20


PathsOrUrls = Annotated[
    list[str],
    typer.Argument(
        metavar="PATH...", help="Folders, files, globs or URLs; - reads a list from stdin."
    ),
]
CaptionTables = Annotated[
    list[Path] | None,
    typer.Option(
        envvar="BLIPDB_CAPTIONS",
        metavar="FILE",
        help="A table of captions: CSV, JSON or JSONL. May be repeated.",
    ),
]
WriteCaptions = Annotated[
    bool,
    typer.Option(
        "--write-captions",
        envvar="BLIPDB_WRITE_CAPTIONS",
        help="Have the model write a caption for each image, too.",
    ),
]
StoreContent = Annotated[
    bool,
    typer.Option(
        "--store-content",
        envvar="BLIPDB_STORE_CONTENT",
        help="Keep the files' bytes in the database, too.",
    ),
]
Retry = Annotated[
    bool,
    typer.Option("--retry", envvar="BLIPDB_RETRY", help="Try what failed before once more."),
]
Scores = Annotated[
    bool,
    typer.Option(
        "--scores/--no-scores",
        envvar="BLIPDB_SCORES",
        help="Have the match head judge captions; --no-scores leaves that for later.",
    ),
]


def ingest(
    paths: PathsOrUrls,
    captions: CaptionTables = None,
    write_captions: WriteCaptions = False,
    store_content: StoreContent = False,
    retry: Retry = False,
    scores: Scores = True,
    broker: Broker = None,
    no_wait: NoWait = False,
    space: Space = "",
    as_json: Json = False,
    db: Db = None,
    home: Home = None,
) -> None:
    """Bring images into the database.

    Only what is new or changed is read. Interrupted or failed, the same command goes on where it
    stopped. Captions in photo.txt beside photo.jpg, and in the photos themselves, come along.
    """
    from ..ingest import run
    from ..sources import files
    from .opening import bring_up

    settings = options.settings(db, home)
    found = files.find(paths)  # before anything is started, as a folder may be missing
    notify = notifier(broker)
    bring_up(settings)
    try:
        with progress_bar() as show:
            report = run.ingest(
                settings,
                found,
                space=space,
                captions=captions or (),
                caption=write_captions,
                store_content=store_content,
                retry=retry,
                scores=scores,
                notify=notify,
                wait=not no_wait,
                progress=lambda state: show(*state),
            )
    except KeyboardInterrupt:
        note(
            "interrupted; the same command goes on from here"
            if notify is None
            else "interrupted; workers go on with what is stored, the same command with the rest"
        )
        raise typer.Exit(INTERRUPTED) from None
    print_report(report, as_json=as_json)
    raise typer.Exit(report.exit_code)


def print_report(report: Report, *, as_json: bool) -> None:
    """Print failures and notes of an ingest on stderr, its numbers on stdout."""
    for warning in report.warnings:
        note(f"warning: {warning}")
    for failure in report.failed[:SHOWN_FAILURES]:
        note(f"failed: {failure.uri}: {failure.reason}")
    if (more := len(report.failed) - SHOWN_FAILURES) > 0:
        note(f"and {more} more; all of them: blipdb failures")
    if report.parked:
        note(f"given up after their last attempt: {report.parked} jobs; why: blipdb failures")
    if as_json:
        print_json(asdict(report))
    else:
        print(visible(summary(report)))
    if report.added:
        note(
            f"The model {report.model} knows {report.knows}. For other pictures, add one that "
            "knows them: blipdb models add PATH"
        )


def summary(report: Report) -> str:
    """Put a report in one line, without numbers that are 0."""
    parts = [
        (report.added, "added"),
        (report.unchanged, "unchanged"),
        (report.duplicates, "with known content"),
        (len(report.failed), "failed"),
    ]
    numbers = ", ".join(f"{number} {word}" for number, word in parts if number)
    extras = [
        (report.captions, "new captions"),
        (report.captioned, "written captions"),
        (report.encoded - report.added, "encoded that were waiting"),
        (report.waiting, "still waiting"),
    ]
    rest = "".join(f"; {word}: {number}" for number, word in extras if number > 0)
    if report.judged:
        of = "" if report.judged == report.captioned else f" of {report.judged} that it judged"
        rest += f"; {report.judge} would keep {report.kept}{of}"
    files = "1 file" if report.found == 1 else f"{report.found} files"
    return f"{files}: {numbers}{rest} ({report.seconds:.1f} s)"
