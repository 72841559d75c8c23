"""``blipdb status`` and ``blipdb failures``: the state of services, stored images, failures."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from . import options, watch
from .options import Db, Home, Json, Null, Paths
from .output import Column, note, print_json, print_paths, print_rows, short_path

if TYPE_CHECKING:
    from .. import services
    from ..client.results import Count
    from ..settings import Settings

COUNTS = (Column("what"), Column("model"), Column("state"), Column("count", "number"))
FAILURES = (
    Column("path", "path"),
    Column("stage"),
    Column("attempts", "number"),
    Column("reason", "text"),
)


def status(
    watching: Annotated[
        bool,
        typer.Option(
            "--watch",
            "-w",
            envvar="BLIPDB_WATCH",
            help="Show the queues, how fast they move and how long they take yet, until Ctrl-C.",
        ),
    ] = False,
    seconds: Annotated[
        float,
        typer.Option(min=0.1, envvar="BLIPDB_WATCH_SECONDS", help="Between two looks of --watch."),
    ] = 1.0,
    as_json: Json = False,
    db: Db = None,
    home: Home = None,
) -> None:
    """Say what runs and what is stored.

    Starts nothing; the exit code is 1 if something is down.
    """
    from .. import services
    from ..database import connection, requirements
    from .opening import client_on

    settings = options.settings(db, home)
    if watching:
        watch.watch(settings, seconds, as_json=as_json)
    running = services.status(settings)
    url = connection.without_password(settings.database_url())
    counts: list[Count] = []
    inference: str | None = None
    if running.cluster is None or running.cluster.is_running:
        with connection.connect_pinned(settings.database_url()) as conn:
            found = requirements.check(conn)
            client = client_on(services.Ready(conn, found), settings)
            counts = client.status()
            inference = client.inference
    if as_json:
        print_json(
            {
                "url": url,
                "home": str(settings.home),
                **asdict(running),
                "inference": inference,
                "counts": [asdict(count) for count in counts],
            }
        )
    else:
        _print(url, settings, running, counts, inference)
    is_up = bool(counts) and (running.engine_answers or inference == "client")
    raise typer.Exit(0 if is_up else 1)


def _print(
    url: str,
    settings: Settings,
    running: services.Status,
    counts: list[Count],
    inference: str | None,
) -> None:
    lines = [("database", url)]
    if (cluster := running.cluster) is not None:
        state = f"runs, process {cluster.pid}" if cluster.is_running else "does not run"
        version = f" {cluster.version}" if cluster.version else ""
        lines += [("home", str(settings.home)), (f"PostgreSQL{version}", state)]
    engine = "none: clients compute for themselves" if inference == "client" else _engine(running)
    lines.append(("engine", engine))
    print_rows((Column(""), Column("", "text")), lines)
    if counts:
        print()
        print_rows(
            COUNTS, [(line.what, line.model or "", line.state, str(line.count)) for line in counts]
        )
    if not counts or (inference != "client" and not running.engine_answers):
        note("start what is down with: blipdb up")


def _engine(running: services.Status) -> str:
    if running.engine_answers:
        return f"runs, process {running.engine_pid}" if running.engine_pid else "runs"
    return "hangs" if running.engine_pid else "does not run"


def failures(
    paths: Paths = False,
    null: Null = False,
    as_json: Json = False,
    db: Db = None,
    home: Home = None,
) -> None:
    """List what could not go in, or not be encoded, and why.

    Once it was mended it is tried again by: blipdb ingest --retry PATH
    """
    from ..sources import files
    from .opening import client_on, opened

    settings = options.settings(db, home)
    with opened(settings) as database:
        failed = client_on(database, settings).failures()
    if paths or null:
        uris = [line.uri for line in failed if line.uri is not None]
        print_paths([uri for uri in uris if files.is_readable(uri)], null=null)
    elif as_json:
        print_json([asdict(line) for line in failed])
    elif failed:
        print_rows(
            FAILURES,
            [
                (
                    short_path(line.uri or str(line.image_id)),
                    line.stage,
                    str(line.attempts),
                    line.reason,
                )
                for line in failed
            ],
        )
    else:
        note("no failures")
