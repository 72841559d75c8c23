"""`python -m tests.benchmarks [SECTION …]`: measure all, or the sections that are named."""

from __future__ import annotations

import sys

from . import base, load, memory, price, quality, speed, training
from .report import Report
from .world import deployed

SECTIONS = {
    "quality": quality.measure,
    "search": speed.search,
    "ingest": speed.ingest,
    "memory": memory.measure,
    "base": base.measure,
    "load": load.measure,
    "endurance": load.endure,
    "price": price.measure,
    "training": training.measure,
}


def main(names: list[str]) -> None:
    if unknown := sorted(set(names) - set(SECTIONS)):
        sys.exit(f"unknown: {', '.join(unknown)}; there is {', '.join(SECTIONS)}")
    report = Report()
    for name in names or SECTIONS:
        with deployed() as settings:
            SECTIONS[name](settings, report)
        report.write()


main(sys.argv[1:])
