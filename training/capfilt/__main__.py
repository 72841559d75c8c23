"""CapFilt: `python -m blipdb.training.capfilt PLAN --out RUN [STEP ...]`; see docs/capfilt.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from blipdb import settings
from blipdb.errors import BlipdbError

from ..datasets.sample import DataError
from ..datasets.vocabulary import VocabularyError
from ..evaluation.tasks.progress import progress
from ..run.checkpoint import CheckpointError
from ..run.config import ConfigError
from . import loop
from .plan import read_plan
from .shards import export_shards


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m blipdb.training.capfilt",
        description=loop.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("plan", type=Path, help="a TOML file; training/capfilt/plan.py says what is in it")
    add("steps", nargs="*", default=list(loop.STEPS), metavar="STEP", help="these alone; all")
    add("--out", type=Path, required=True, help="the run's folder; gone on with if begun")
    add("--db", help="the database's URL (BLIPDB_URL, or the private cluster)")
    add("--home", help="the home folder (BLIPDB_HOME)")
    add("--captioner", metavar="NAME", help="a registered model, in the place of a finetuned one")
    add("--filter", metavar="NAME", help="likewise")
    add("--shards", type=Path, help="write blip.capfilt there as WebDataset shards, and stop")
    return parser


def main(arguments: Sequence[str] | None = None) -> None:
    options = _parser().parse_args(arguments)
    try:
        loop.check_steps(options.steps)
        plan = read_plan(options.plan)
        where = settings.load(home=options.home, url=options.db)
        with progress() as show:
            if options.shards is not None:
                result = export_shards(where, options.shards, space=plan.space, show=show)
                print(f"{result.samples:,} texts in {result.shards} shards in {options.shards}")
                return
            run = loop.Loop(plan, options.out, where, options.captioner, options.filter, show)
            done = run.run(options.steps)
    except (BlipdbError, ConfigError, CheckpointError, DataError, VocabularyError) as error:
        sys.exit(f"capfilt: {error}")
    except FloatingPointError as error:
        sys.exit(f"capfilt: {error}")
    for step in loop.STEPS:
        if step in done:
            print(f"{step}: {', '.join(f'{name} {value}' for name, value in done[step].items())}")


if __name__ == "__main__":
    main()
