"""``blipdb demo``: an album drawn, ingested and searched, and a contact sheet of the hits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..escapes import visible
from . import options
from .ingest import summary
from .options import Db, Home
from .output import Column, note, print_rows, short_path
from .progress import progress_bar

if TYPE_CHECKING:
    from ..scenes.demo import Judged, Picture

COLUMNS = (
    Column("score", "number"),
    Column("itm", "number"),
    Column("itc", "number"),
    Column("path", "path"),
    Column("the scene holds", "text"),
    Column("right"),
)


def demo(
    album: Annotated[
        Path,
        typer.Option(
            envvar="BLIPDB_ALBUM", metavar="FOLDER", help="Where the scenes are drawn; kept."
        ),
    ] = Path("album"),
    db: Db = None,
    home: Home = None,
) -> None:
    """Draw an album of 500 scenes, ingest it, search it.

    A second run draws nothing, stores nothing, and shows the same.
    """
    from ..client.sheet import strip_of, write_sheet
    from ..ingest import run
    from ..scenes import demo as parts
    from .opening import bring_up, client_on, opened

    settings = options.settings(db, home)
    scenes = parts.plan_album(album / "scenes")
    _draw(scenes)
    bring_up(settings)
    with progress_bar() as show:
        report = run.ingest(settings, [album / "scenes"], progress=lambda state: show(*state))
    print(visible(f"ingest    {summary(report)}"))
    strips = []
    with opened(settings) as database:
        client = client_on(database, settings)
        for query in parts.SEARCHES:
            hits = client.search(query, parts.HITS)
            _show(query, parts.judge(query, hits, scenes), parts.count_true(query, scenes))
            strips.append(strip_of(query, hits, client.pictures(hits.image_ids)))
    sheet = album / "contact-sheet.png"
    write_sheet(sheet, strips)
    _say_what_next(sheet)
    raise typer.Exit(report.exit_code)


def _draw(scenes: list[Picture]) -> None:
    from ..scenes.demo import draw_missing

    missing = sum(not picture.path.exists() for picture in scenes)
    with progress_bar() as show:
        for number, _ in enumerate(draw_missing(scenes), 1):
            show("draw", number, missing, 0)
    folder = short_path(str(scenes[0].path.parent))
    print(visible(f"album     {folder}: {missing or 'nothing'} drawn of {len(scenes)} scenes"))


def _show(query: str, judged: list[Judged], expected: int) -> None:
    right = sum(one.is_right for one in judged)
    print(f"\nblipdb search '{query}'  (true of {expected} in the album, of {right} here)")
    print_rows(
        COLUMNS,
        [
            (
                f"{one.hit.score:.3f}",
                f"{one.hit.itm:.3f}",
                f"{one.hit.itc:.3f}",
                short_path(one.hit.uri or ""),
                one.truth or "",
                "yes" if one.is_right else "no",
            )
            for one in judged
        ],
    )


def _say_what_next(sheet: Path) -> None:
    print(f"\ncontact sheet: {visible(str(sheet))}")
    note(
        "\nNow yours: blipdb search 'a cat on a table'\n"
        '           psql "$(blipdb url)" -c "SELECT * FROM blip_search(\'red bicycle\')"\n'
        "           blipdb ingest FOLDER; blipdb down stops everything, blipdb up starts it again"
    )
