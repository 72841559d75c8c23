"""A model's figures as the literature measures them, with the paper's beside (docs/evaluation.md).

    python -m blipdb.training.evaluate retrieval --model runs/retrieval_coco \\
        --data kind=coco path=annotations/coco_karpathy_test.json images=coco --out results.json

The model is a run's folder, an artifact's, or a published checkpoint. Data is a TOML file with a
table as in a run's [[data]], or the table's keys on the command line.

This measures on published datasets; how well a model knows drawn scenes is in `evaluation.py`.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from blipdb.errors import BlipdbError

from .datasets.sample import DataError
from .evaluation.tasks.measures import MEASURES, EvaluationOptions
from .evaluation.tasks.paper import BENCHMARKS
from .evaluation.tasks.progress import progress


def read_data(arguments: Sequence[str]) -> dict[str, Any]:
    """A TOML file with a table (as it stands, as [data], or as the only [[data]]), or key=value
    pairs.

    Raises:
        DataError: it is neither.
    """
    if len(arguments) == 1 and arguments[0].endswith(".toml"):
        return _table(Path(arguments[0]))
    pairs = [argument.partition("=") for argument in arguments]
    if wrong := [key for key, equals, _ in pairs if not equals]:
        raise DataError(f"--data {wrong[0]}: a TOML file, or key=value pairs as kind=coco")
    return {key: value for key, _, value in pairs}


def _table(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise DataError(f"{path} can't be read: {error}") from None
    data = values.get("data", values)
    if isinstance(data, list):
        if len(data) != 1:
            raise DataError(f"{path} has {len(data)} [[data]]; an evaluation reads one")
        (data,) = data
    return dict(data)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m blipdb.training.evaluate",
        description="A model's figures as the literature measures them.",
    )
    tasks = parser.add_subparsers(dest="task", required=True, metavar="TASK")
    for name, measure in MEASURES.items():
        task = tasks.add_parser(
            name,
            help=measure.__doc__,
            description=measure.__doc__,
            argument_default=argparse.SUPPRESS,  # the defaults are those of Options
        )
        _add_common(task)
        _add_own(name, task)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def _add_common(task: argparse.ArgumentParser) -> None:
    add = task.add_argument
    add("--model", type=Path, required=True, help="a run's folder, an artifact's, a checkpoint")
    add("--data", nargs="+", required=True, metavar="KEY=VALUE", help="or one TOML file")
    add("--out", type=Path, required=True, help="the JSON file with what was found")
    add("--batch", type=_count, help="images, texts or pairs at once (64)")
    add(
        "--benchmark",
        choices=[*BENCHMARKS, "none"],
        help="whose figures in the paper stand beside, where the data's kind doesn't tell",
    )


def _add_own(name: str, task: argparse.ArgumentParser) -> None:
    add = task.add_argument
    if name.endswith("retrieval"):
        add("--k", type=_count, help="candidates (256 for COCO, 128 for others)")
    else:
        add("--predictions", type=Path, help="write what the model said: .json, or .csv for NLVR2")
    if name == "retrieval":
        add("--sql", metavar="URL", help="measure in this database, too")
        add("--space", help="whose images there ('')")
    if name == "captioning":
        add("--prompt", help="what opens each caption (the model's own)")
        add("--beams", type=int, help="(3)")
        add("--shortest", type=int, help="tokens, with the prompt's (5)")
        add("--longest", type=int, help="tokens, with the prompt's (20)")
    if name in ("vqa", "video-qa"):
        add("--mode", choices=["rank", "generate"], help="(rank)")
        add("--answers", type=Path, help="a JSON list of answers, to rank")
    if name.startswith("video"):
        add("--frames", type=_count, help="of each video (8 for retrieval, 16 for questions)")


def options_of(arguments: Sequence[str] | None) -> tuple[EvaluationOptions, Path]:
    """Parse the command line. Return the options, and the path of the report.

    Raises:
        DataError: the data's description is none.
    """
    values = vars(_parser().parse_args(arguments))
    out: Path = values.pop("out")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    return EvaluationOptions(**{**values, "device": device, "data": read_data(values["data"])}), out


def main(arguments: Sequence[str] | None = None) -> None:
    try:
        options, out = options_of(arguments)
        with progress() as show:
            report = MEASURES[options.task](options, show)
    except (BlipdbError, DataError) as error:
        sys.exit(f"evaluate: {error}")
    report.write(out)
    report.show(Console())


if __name__ == "__main__":
    main()
