"""`python -m tests.benchmarks [SECTION …]`: measure all but the chaos, or what is named."""

from __future__ import annotations

import sys

from tests.benchmarks import (
    attach,
    base,
    chaos,
    load,
    memory,
    orm,
    price,
    quality,
    scores,
    speed,
    training,
    workers,
)
from tests.benchmarks.report import Report
from tests.benchmarks.world import deployed

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
    "workers": workers.measure,
    "orm": orm.measure,
    "attach": attach.measure,
    "scores": scores.measure,
}


CHAOS = {
    "kills": chaos.kills,
    "faults": chaos.faults,
    "bad": chaos.bad,
    "soak": chaos.soak,
}


def main(names: list[str]) -> None:
    known = SECTIONS | CHAOS
    if unknown := sorted(set(names) - set(known)):
        sys.exit(f"unknown: {', '.join(unknown)}; there is {', '.join(known)}")
    report = Report()
    for name in names or SECTIONS:
        with deployed() as settings:
            known[name](settings, report)
        report.write()


main(sys.argv[1:])
