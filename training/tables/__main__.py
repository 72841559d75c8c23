"""The paper's tables of CapFilt at desk scale: `python -m blipdb.training.tables --out RUN`.

Some hours on two cores; killed anywhere, the same command goes on. It ends by writing
docs/capfilt.md and its plots; that page says what is measured. The wheel leaves this package out:
run it from a checkout.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from blipdb.errors import BlipdbError
from blipdb.host import cluster

from ..evaluation.tasks.progress import progress
from ..run.config import ConfigError
from .document import write_document
from .run import open_place
from .schedule import run_all
from .setup import CONFIG


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m blipdb.training.tables", description=__doc__)
    parser.add_argument("config", type=Path, nargs="?", default=CONFIG, help="(tables.toml)")
    parser.add_argument(
        "--out", type=Path, required=True, help="a folder that PostgreSQL's user may enter"
    )
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--docs", type=Path, default=Path("docs"), help="where the tables go (docs)"
    )
    parser.add_argument(
        "--write-only", action="store_true", help="write what there is, and run nothing"
    )
    options = parser.parse_args(arguments)
    try:
        place = open_place(options.config, options.out)
        try:
            if not options.write_only:
                with progress() as show:
                    run_all(options.config, options.out, place.setup, options.processes, show)
            write_document(place, options.docs)
        finally:
            cluster.down(place.settings)
    except (BlipdbError, ConfigError) as error:
        sys.exit(f"tables: {error}")


if __name__ == "__main__":
    main()
