"""Results, with mean and deviation over the seeds."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .arms import Arm
from .run import Workspace, has_result, read_result


@dataclass(frozen=True)
class Spread:
    """Mean and (sample) deviation over the seeds."""

    mean: float
    deviation: float
    count: int

    def __str__(self) -> str:
        if math.isnan(self.mean):
            return "–"
        return f"{self.mean:.1f} ± {self.deviation:.1f}" if self.count > 1 else f"{self.mean:.1f}"


def spread(values: Sequence[float]) -> Spread:
    if not values:
        return Spread(math.nan, math.nan, 0)
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return Spread(statistics.fmean(values), deviation, len(values))


@dataclass(frozen=True)
class Results:
    """All results, by arm."""

    by_arm: dict[Arm, list[dict[str, Any]]]

    def quality(self, arm: Arm, stage: str, figure: str) -> Spread:
        """stage: "pretrained" or "finetuned"."""
        return spread([one["quality"][stage][figure] for one in self.by_arm.get(arm, [])])

    def verdict(self, arm: Arm, part: str, origin: str) -> Spread:
        """Return a share of `Verdicts`, in percent."""
        parts = [one["verdicts"][part] for one in self.by_arm.get(arm, []) if "verdicts" in one]
        return spread([100 * one[origin] for one in parts if origin in one])

    def curve(self, arm: Arm, origin: str) -> list[tuple[Spread, Spread, Spread]]:
        """For each threshold: share kept, precision, recall, in percent."""
        curves = [
            one["verdicts"]["curve"][origin]
            for one in self.by_arm.get(arm, [])
            if origin in one.get("verdicts", {}).get("curve", {})
        ]
        points = zip(*curves, strict=True)
        return [
            tuple(spread([100 * point[n] for point in at]) for n in range(3))  # type: ignore[misc]
            for at in points
        ]

    def gain(self, arm: Arm, over: Arm, stage: str, figure: str) -> tuple[float, float]:
        """Difference between two arms, and the same in deviations (root mean square of both arms'
        over the seeds)."""
        one, other = (self.quality(which, stage, figure) for which in (arm, over))
        difference = one.mean - other.mean
        deviation = math.sqrt((one.deviation**2 + other.deviation**2) / 2)
        return difference, difference / deviation if deviation else math.inf


def read_results(place: Workspace, arms: Sequence[Arm], seeds: Sequence[int]) -> Results:
    """Read the results of these arms; an arm without any has no rows."""
    by_arm: dict[Arm, list[dict[str, Any]]] = {}
    for arm in arms:
        folders = [place.folder(seed, arm.name) for seed in seeds]
        by_arm[arm] = [read_result(folder) for folder in folders if has_result(folder)]
    return Results(by_arm)
