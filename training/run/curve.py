"""Training curve of a run, as an image."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

METRICS = "metrics.jsonl"
CURVE = "curve.png"
LOSSES = {"naming": "patches", "itc": "ITC", "itm": "ITM", "lm": "LM", "facts": "words"}
QUALITY = {
    "patch_kinds": "kinds of patches",
    "itc_r1": "R@1 by ITC",
    "itm_r1": "R@1 by rerank",
    "harder_r1": "R@1, one attribute differs",
    "captions_right": "captions all right",
}


def draw_curve(folder: Path) -> None:
    """Draw `metrics.jsonl` in `folder` as `curve.png`: losses, and quality on held-out scenes where
    it was measured, over samples."""
    lines = [json.loads(line) for line in (folder / METRICS).read_text().splitlines()]
    is_measured = any(QUALITY.keys() & line.keys() for line in lines)
    figure = Figure(figsize=(10 if is_measured else 5, 4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    losses, *quality = figure.subplots(1, 2 if is_measured else 1, squeeze=False)[0]
    _plot(losses, lines, LOSSES, marker="")
    losses.set(ylabel="loss", yscale="log")
    for axes in quality:
        _plot(axes, lines, QUALITY, marker=".")
        axes.set(ylabel="share of held-out scenes", ylim=(0, 1))
    figure.savefig(folder / CURVE)


def _plot(axes: Axes, lines: Sequence[dict[str, Any]], names: dict[str, str], marker: str) -> None:
    for name, label in names.items():
        points = [(line["samples"] / 1000, line[name]) for line in lines if name in line]
        if points:
            axes.plot(*zip(*points, strict=True), label=label, marker=marker, linewidth=1)
    axes.set_xlabel("thousands of samples")
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend()
