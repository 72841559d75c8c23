"""Report of an evaluation: a table for people, JSON for programs, beside the paper's figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ...run.checkpoint import write_json
from .paper import BENCHMARKS, MODELS

HERE, THROUGH_SQL = "here", "here, through SQL"


@dataclass(frozen=True)
class Report:
    """An evaluation's result."""

    task: str
    model: str
    data: Mapping[str, Any]
    # By column (`here`, `here, through SQL`), by name; in percent, except ranks.
    figures: Mapping[str, Mapping[str, float]]
    protocol: Mapping[str, Any]  # settings that influence the figures
    benchmark: str | None = None  # whose published figures to show
    missing: Mapping[str, str] = field(default_factory=dict)  # reasons of absent figures, by name

    def published(self) -> Mapping[str, Mapping[str, float]]:
        """Return the paper's figures by name, by model."""
        return {} if self.benchmark is None else BENCHMARKS[self.benchmark].figures

    def to_dict(self) -> dict[str, Any]:
        paper = None
        if self.benchmark is not None:
            title = BENCHMARKS[self.benchmark].title
            paper = {"benchmark": self.benchmark, "title": title, "figures": self.published()}
        return {
            "task": self.task,
            "model": self.model,
            "data": dict(self.data),
            "protocol": dict(self.protocol),
            "figures": {column: dict(values) for column, values in self.figures.items()},
            "missing": dict(self.missing),
            "paper": paper,
        }

    def write(self, path: Path) -> None:
        """Write as JSON; the folder is created."""
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, self.to_dict())

    def show(self, console: Console) -> None:
        """Print as a table, followed by absent figures."""
        console.print(self.table())
        if self.benchmark is not None:
            console.print(
                f"BLIP's own figures: {BENCHMARKS[self.benchmark].title}", highlight=False
            )
        for name, reason in self.missing.items():
            console.print(f"no {name}: {reason}", highlight=False, markup=False)

    def table(self) -> Table:
        """Make a table: a row for each figure; columns for ours and those of the paper's models."""
        published = self.published()
        reported = {model for row in published.values() for model in row}
        models = [*(m for m in MODELS if m in reported), *sorted(reported - set(MODELS))]
        table = Table(self.task, box=None, pad_edge=False)
        for column in (*self.figures, *models):
            table.add_column(column, justify="right")
        for name in next(iter(self.figures.values())):
            results = [_number(name, values.get(name)) for values in self.figures.values()]
            paper = [_number(name, published.get(name, {}).get(model)) for model in models]
            table.add_row(name, *results, *paper)
        return table


def _number(name: str, value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.1f}" if name.endswith("MdR") else f"{value:.2f}"
