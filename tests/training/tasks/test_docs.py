"""docs/evaluation.md: its commands can be given, and its figures are those that reports show."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from blipdb.training.evaluate import options_of
from blipdb.training.evaluation.tasks.measures import MEASURES
from blipdb.training.evaluation.tasks.paper import BENCHMARKS

TEXT = (Path(__file__).parents[3] / "docs" / "evaluation.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```\n(.*?)```", TEXT, re.DOTALL)
    for line in block.replace("\\\n", "").splitlines()
    if " TASK " not in line
]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda line: line.split()[3])
def test_commands_can_be_given(command: str) -> None:
    *module, task, _ = command.split(maxsplit=4)
    assert module == ["python", "-m", "blipdb.training.evaluate"]
    options, out = options_of(shlex.split(command)[3:])
    assert options.task == task
    assert out.suffix == ".json"


def test_each_task_has_a_command() -> None:
    assert {line.split()[3] for line in COMMANDS} == MEASURES.keys()


@pytest.mark.parametrize("name", BENCHMARKS)
def test_the_papers_figures(name: str) -> None:
    benchmark = BENCHMARKS[name]
    _, _, section = TEXT.partition(f"\n`{name}`: {benchmark.title}\n")
    rows = re.findall(r"^\|(.*)\|$", section.partition("\n`")[0], re.MULTILINE)
    heading, _, *figures = [[cell.strip() for cell in row.split("|")] for row in rows]
    found = {
        row[0]: {model: float(cell) for model, cell in zip(heading[1:], row[1:], strict=True)}
        for row in figures
    }
    assert found == benchmark.figures
