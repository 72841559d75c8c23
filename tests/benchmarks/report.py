"""Measured lines, and the two files in docs/ that hold them."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"


@dataclass(frozen=True)
class Line:
    """One measurement: `target` as in "at least 0.8" or None; `ratio_to` names what it is a ratio
    to, None for a figure that stands alone."""

    section: str
    name: str
    value: float
    unit: str
    target: str | None = None
    ratio_to: str | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without one.

        Raises:
            ValueError: the target is not "at least N" or "at most N".
        """
        if self.target is None:
            return None
        words, _, bound = self.target.rpartition(" ")
        if words not in ("at least", "at most"):
            raise ValueError(f"a target is 'at least N' or 'at most N', not {self.target!r}")
        return self.value >= float(bound) if words == "at least" else self.value <= float(bound)


class Report:
    """Lines in the order they were measured, said as they come."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def add(
        self,
        section: str,
        name: str,
        value: float,
        unit: str,
        target: str | None = None,
        ratio_to: str | None = None,
    ) -> None:
        line = Line(section, name, round(float(value), 6), unit, target, ratio_to)
        self.lines.append(line)
        print("  ".join(_cells(line)), flush=True)

    def write(self, docs: Path = DOCS) -> None:
        """Replace the sections that were measured now; sections of earlier runs stay."""
        path = docs / "benchmarks.json"
        kept = json.loads(path.read_text())["sections"] if path.exists() else {}
        for section in dict.fromkeys(line.section for line in self.lines):
            lines = [line for line in self.lines if line.section == section]
            kept[section] = {
                "machine": machine(),
                "date": date.today().isoformat(),
                "lines": [asdict(line) | {"met": line.met} for line in lines],
            }
        docs.mkdir(exist_ok=True)
        path.write_text(json.dumps({"sections": kept}, indent=1) + "\n")
        (docs / "benchmarks.md").write_text("\n".join(_page(kept)) + "\n")


def machine() -> str:
    """Describe the machine."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{os.cpu_count()} cores of {model}, {platform.system()} {platform.release()}"


def _cells(line: Line) -> tuple[str, ...]:
    met = {None: "", True: "yes", False: "NO"}[line.met]
    value = f"{line.value:.4g} {line.unit}".strip()
    return line.name, value, line.target or "", met, line.ratio_to or ""


def _page(sections: dict[str, dict[str, object]]) -> Iterator[str]:
    yield "# Benchmarks"
    yield ""
    yield "Written by `make bench`, never by hand; the same is in `benchmarks.json`."
    for name, section in sections.items():
        yield f"\n## {name}\n"
        yield f"{section['date']}, {section['machine']}\n"
        yield "| what | value | target | met | ratio to |"
        yield "| --- | --- | --- | --- | --- |"
        for values in section["lines"]:  # type: ignore[attr-defined]
            line = Line(**{key: value for key, value in values.items() if key != "met"})
            yield "| " + " | ".join(_cells(line)) + " |"
