"""Tables and plots of docs/capfilt.md, written between its marks."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..run.checkpoint import write_atomically
from .arms import BOTH, NONE, Arm, all_arms, sweep_arms
from .paper import PAPER_FIGURES, TABLES
from .results import Results, read_results
from .run import Workspace
from .verdicts import THRESHOLDS

DOCUMENT = "capfilt.md"
SWEEP_PLOT, FILTER_PLOT = "capfilt-sweep.png", "capfilt-filter.png"
BEGIN, END = "<!-- tables: written by blipdb.training.tables -->", "<!-- tables: end -->"
FIGURES = ("TR", "IR", "captions", "CIDEr")
PARTS = ("kinds", "colours", "counts", "all said is true")
STAGES = ("pretrained", "finetuned")


def write_document(place: Workspace, docs: Path) -> None:
    """Write all results so far between the document's marks, and the plots beside it."""
    setup = place.setup
    tables = read_results(place, all_arms(), setup.seeds)
    sweep = read_results(place, [NONE, BOTH, *sweep_arms(setup.sweep)], setup.seeds[:1])
    parts = [
        _intro(place),
        _sweep_table(place, sweep),
        f"![R@1 and captions over the share of noise]({SWEEP_PLOT})",
        *(_table(tables, name) for name in TABLES),
        _parts_table(tables),
        _gains(tables),
        _filter_tables(tables),
        f"![precision and recall of the filter]({FILTER_PLOT})",
        _examples(tables),
    ]
    docs.mkdir(parents=True, exist_ok=True)
    _plot_sweep(place, sweep, docs / SWEEP_PLOT)
    _plot_filter(tables, docs / FILTER_PLOT)
    path = docs / DOCUMENT
    text = path.read_text() if path.exists() else f"# CapFilt\n\n{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    whole = "\n\n".join(part for part in parts if part)
    write_atomically(
        path, lambda beside: beside.write_text(f"{before}{BEGIN}\n\n{whole}\n\n{END}{after}")
    )


def _intro(place: Workspace) -> str:
    setup = place.setup
    mix, corpus, training = setup.mix, setup.corpus, setup.training
    return (
        f"Written {datetime.now(UTC):%Y-%m-%d} on {platform.machine()}, {len(setup.seeds)} seeds: "
        f"{corpus['small']:,} or {corpus['large']:,} web images, {corpus['human']:,} with people's "
        f"captions; {mix.noise:.0%} of the web's texts are noise ({mix.other:.0%} of other images, "
        f"{mix.half:.0%} half right, {mix.vague:.0%} vague, {mix.boilerplate:.0%} boilerplate). "
        f"Pretraining sees {training['small']:,} or {training['large']:,} samples, finetuning "
        f"{training['captioner']:,}."
    )


def _markdown(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _table(results: Results, name: str) -> str:
    about, rows = TABLES[name]
    with_noise = any(noise for _, _, noise in rows.values())
    head = ["", *FIGURES, *(f"{figure} FT" for figure in FIGURES)]
    head += ["synthetic: wrong", "dropped"] if with_noise else []
    head += [f"paper {column}" for column in PAPER_FIGURES]
    head += ["paper dropped"] if with_noise else []
    lines = []
    for arm, (row, paper, noise) in rows.items():
        line: list[object] = [row]
        line += [results.quality(arm, stage, one) for stage in STAGES for one in FIGURES]
        if with_noise:
            right = results.verdict(arm, "right", "synthetic")
            kept_share = results.verdict(arm, "kept", "synthetic")
            line += [_rest(right), _rest(kept_share)]
        lines.append([*line, *paper, *([noise or "–"] if with_noise else [])])
    return f"### {name}: {about}\n\n{_markdown(head, lines)}"


def _rest(share: Any) -> str:
    return "–" if share.count == 0 else f"{100 - share.mean:.1f}% ± {share.deviation:.1f}"


def _parts_table(results: Results) -> str:
    rows = [
        [row, *(results.quality(arm, "pretrained", part) for part in PARTS)]
        for arm, (row, _, _) in TABLES["Table 1"].rows.items()
    ]
    return "### What is right in the captions (Table 1's pretrained models)\n\n" + _markdown(
        ["", *PARTS], rows
    )


def _gains(results: Results) -> str:
    rows = []
    for stage in STAGES:
        for figure in FIGURES:
            gain, deviations = results.gain(BOTH, NONE, stage, figure)
            rows.append([f"{figure}, {stage}", f"{gain:+.1f}", f"{deviations:.1f}"])
    return "### Captioner and filter against no bootstrapping\n\n" + _markdown(
        ["small corpus, ViT-B", "gain", "in deviations"], rows
    )


def _filter_tables(results: Results) -> str:
    if not results.by_arm.get(BOTH):
        return ""
    rows = []
    curves = [results.curve(BOTH, origin) for origin in ("web", "synthetic")]
    for n, threshold in enumerate(THRESHOLDS):
        name = f"**{threshold}**" if threshold == 0.5 else threshold
        rows.append([name, *(value for curve in curves for value in curve[n])])
    head = ["drop below"] + [
        f"{origin}: {measure}"
        for origin in ("web", "synthetic")
        for measure in ("kept", "precision", "recall")
    ]
    kinds = results.by_arm[BOTH][0]["verdicts"]["kinds"]
    shares = [[kind, results.verdict(BOTH, "kinds", kind)] for kind in kinds]
    return (
        "### The filter's precision and recall by threshold\n\n"
        "Of the small corpus' captioner and filter; 0.5 is the paper's. Right is a text that is "
        "true of its image and says more than a thing's name.\n\n"
        + _markdown(head, rows)
        + "\n\nWhat it keeps of the web's sorts of text:\n\n"
        + _markdown(["sort", "kept, %"], shares)
    )


def _sweep_rows(place: Workspace, results: Results) -> list[tuple[float, Arm, Arm]]:
    setup = place.setup
    rows = [(setup.mix.noise, NONE, BOTH)]
    for noise in setup.sweep:
        none, both = sweep_arms((noise,))
        rows.append((noise, none, both))
    return sorted((row for row in rows if results.by_arm.get(row[1])), key=lambda row: row[0])


def _sweep_table(place: Workspace, results: Results) -> str:
    rows: list[list[object]] = []
    for noise, none, both in _sweep_rows(place, results):
        row: list[object] = [f"{noise:.0%}"]
        for arm in (none, both):
            row += [results.quality(arm, "pretrained", figure) for figure in FIGURES]
        rows.append([*row, results.verdict(both, "right", "synthetic")])
    head = ["noise", *FIGURES, *(f"{figure}, CapFilt" for figure in FIGURES), "synthetic right, %"]
    return "### How much noise: the sweep (one seed, pretrained)\n\n" + _markdown(head, rows)


def _examples(results: Results) -> str:
    if not results.by_arm.get(BOTH):
        return ""
    examples = results.by_arm[BOTH][0]["verdicts"]["examples"]
    lines = [f"- {verdict}: {'; '.join(texts)}" for verdict, texts in examples.items()]
    return "### Some of the texts (first seed)\n\n" + "\n".join(lines)


def _axes() -> Any:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    return pyplot.subplots(1, 2, figsize=(9, 3.4), layout="constrained")


def _plot_sweep(place: Workspace, results: Results, path: Path) -> None:
    figure, axes = _axes()
    rows = _sweep_rows(place, results)
    noises = [100 * noise for noise, _, _ in rows]
    for axis, measure in zip(axes, ("IR", "captions"), strict=True):
        for place_, words in ((1, "no bootstrapping"), (2, "captioner and filter")):
            values = [results.quality(row[place_], "pretrained", measure).mean for row in rows]  # type: ignore[arg-type]
            axis.plot(noises, values, marker="o", label=words)
        axis.set(xlabel="noise, %", ylabel=f"{measure}, %", ylim=(0, None))
    axes[0].legend()
    figure.savefig(path, dpi=110)


def _plot_filter(results: Results, path: Path) -> None:
    figure, axes = _axes()
    for axis, origin in zip(axes, ("web", "synthetic"), strict=True):
        curve = results.curve(BOTH, origin)
        recall, precision = ([point[n].mean for point in curve] for n in (2, 1))
        axis.plot(recall, precision, marker=".")
        for n, threshold in enumerate(THRESHOLDS):
            if curve and threshold in (0.05, 0.5, 0.95):
                axis.annotate(f" {threshold}", (recall[n], precision[n]))
        axis.set(xlabel="recall, %", ylabel="precision, %", title=f"{origin} texts")
    figure.savefig(path, dpi=110)
