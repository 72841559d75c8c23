"""Report of a CapFilt run, as a page with pictures (report.html) and as numbers (report.json)."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import torch

from blipdb.errors import ImageError
from blipdb.images.decode import Decoder
from blipdb.sources.stored import content
from blipdb.types import Connection

from ..datasets.transforms import LIMITS
from ..evaluation.tasks.measures import EvaluationOptions, measure_captioning, measure_retrieval
from ..evaluation.tasks.progress import Show
from ..evaluation.tasks.report import HERE
from ..run.checkpoint import write_atomically, write_json
from .plan import Plan

EXAMPLES = 8  # of each origin and verdict
CORPUS_WORDS = {"pretrain": "the noisy corpus", "retrain": "what CapFilt kept"}

COUNT_VERDICTS = """
SELECT v.origin, v.verdict, v.writer, v.judge, count(*), avg(v.itm)
FROM blip.verdicts v JOIN blip.images i USING (image_id) WHERE i.space = %s
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
# A hash puts them in an order that has nothing to do with what they are.
SELECT_EXAMPLES = """
SELECT v.image_id, v.text, v.itm, v.reason
FROM blip.verdicts v JOIN blip.images i USING (image_id)
WHERE i.space = %s AND v.origin = %s AND v.verdict = %s
ORDER BY md5(v.caption_id::text) LIMIT %s
"""
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse } td, th { padding: .2rem .8rem; text-align: left }
tr { border-bottom: 1px solid #ddd } td.n { text-align: right }
.examples { display: flex; flex-wrap: wrap; gap: 1rem } figure { width: 11rem; margin: 0 }
img { width: 11rem; height: 8rem; object-fit: contain; background: #f4f4f4 }
figcaption { font-size: .85rem } small { color: #666 }
"""


SELECT_TEXTS = """
SELECT v.image_id, v.origin, v.text, v.verdict
FROM blip.verdicts v JOIN blip.images i USING (image_id) WHERE i.space = %s
"""

Truth = Callable[[UUID, str], bool]
"""Whether a text is true of the image of that id."""


class Example(NamedTuple):
    image_id: UUID
    text: str
    itm: float | None
    reason: str


def write_report(
    conn: Connection,
    plan: Plan,
    folder: Path,
    done: Mapping[str, Any],
    show: Show,
    truth: Truth | None = None,
) -> dict[str, Any]:
    """Write both files: counts, examples, the gain of the new model where the plan has a dataset
    for it, and the noise where the truth is known.

    Raises:
        DataError: the dataset of the plan's evaluation can't be used.
    """
    rows = conn.execute(COUNT_VERDICTS, [plan.space]).fetchall()
    counts = [
        {
            "origin": origin,
            "verdict": verdict,
            "written by": writer,
            "judged by": judge,
            "texts": texts,
            "mean ITM": None if itm is None else round(float(itm), 3),
        }
        for origin, verdict, writer, judge, texts, itm in rows
    ]
    content = {
        "counts": counts,
        "notes": _notes(counts),
        "noise": [] if truth is None else _noise(conn, plan, truth),
        "gains": _gains(plan, folder, show),
    }
    write_json(folder / "report.json", {**content, "steps": dict(done)})
    page = _page(conn, plan, content)
    write_atomically(folder / "report.html", lambda beside: beside.write_text(page))
    return {"file": str(folder / "report.html")}


def _notes(counts: Sequence[Mapping[str, Any]]) -> list[str]:
    """Remarks on suspicious counts."""
    notes = []
    for origin in ("web", "synthetic"):
        own = {row["verdict"]: row["texts"] for row in counts if row["origin"] == origin}
        judged = own.get("kept", 0) + own.get("dropped", 0)
        if judged and not own.get("dropped"):
            notes.append(
                f"The filter dropped none of the {judged:,} {origin} texts: they are all right, or"
                " it has learned to say yes. Look at their ITM in blip.verdicts."
            )
        if judged and not own.get("kept"):
            notes.append(f"The filter kept none of the {judged:,} {origin} texts.")
        if own.get("unjudged"):
            notes.append(f"{own['unjudged']:,} {origin} texts are not judged, and so not kept.")
    return notes


def _noise(conn: Connection, plan: Plan, truth: Truth) -> list[dict[str, Any]]:
    """Compute the share of texts that are not true of their image: of all, and of those kept."""
    texts: dict[str, list[tuple[bool, bool]]] = {}
    with conn.transaction(), conn.cursor("texts") as cursor:  # the server sends a few at a time
        for image_id, origin, text, verdict in cursor.execute(SELECT_TEXTS, [plan.space]):
            texts.setdefault(origin, []).append((truth(image_id, text), verdict == "kept"))
    rows = []
    for origin, verdicts in sorted(texts.items()):
        kept_truths = [is_true for is_true, is_kept in verdicts if is_kept]
        rows.append(
            {
                "origin": origin,
                "noise": 1 - sum(is_true for is_true, _ in verdicts) / len(verdicts),
                "noise of what was kept": 1 - sum(kept_truths) / len(kept_truths)
                if kept_truths
                else None,
                "true texts kept": _share([one for true, one in verdicts if true]),
            }
        )
    return rows


def _share(yes: Sequence[bool]) -> float | None:
    return sum(yes) / len(yes) if yes else None


def _gains(plan: Plan, folder: Path, show: Show) -> dict[str, dict[str, float]]:
    """Figures of retrieval and captions, of the models before and after, on the plan's dataset."""
    if plan.evaluation is None:
        return {}
    device, gains = torch.device("cpu"), {}
    for run, words in CORPUS_WORDS.items():
        if not (folder / run).exists():  # with a captioner and a filter of others
            continue
        figures: dict[str, float] = {}
        for task, measure in (
            ("retrieval", measure_retrieval),
            ("captioning", measure_captioning),
        ):
            options = EvaluationOptions(task, folder / run, plan.evaluation, device, shortest=1)
            figures |= measure(options, show).figures[HERE]
        gains[words] = figures
    return gains


def _page(conn: Connection, plan: Plan, content: Mapping[str, Any]) -> str:
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>CapFilt: {_escape(plan.name)}"
        f"</title><style>{STYLE}</style><h1>CapFilt: {_escape(plan.name)}</h1>",
        _table(content["counts"]),
        *(f"<p>{_escape(note)}</p>" for note in content["notes"]),
    ]
    if content["noise"]:
        parts += ["<h2>Noise, where the truth is known</h2>", _table(content["noise"])]
    if content["gains"]:
        parts += ["<h2>What the new model gained</h2>", _table(_gained(content["gains"]))]
    with Decoder(children=1) as decoder:
        for origin, verdict in (
            ("web", "kept"), ("web", "dropped"), ("synthetic", "kept"), ("synthetic", "dropped"),
        ):  # fmt: skip
            records = conn.execute(
                SELECT_EXAMPLES, [plan.space, origin, verdict, EXAMPLES]
            ).fetchall()
            examples = [Example(*row) for row in records]
            if examples:
                figures = "".join(_figure(conn, decoder, example) for example in examples)
                parts.append(
                    f"<h2>{origin.capitalize()} texts, {verdict}</h2>"
                    f"<div class=examples>{figures}</div>"
                )
    return "\n".join(parts) + "\n"


def _gained(gains: Mapping[str, Mapping[str, float]]) -> list[dict[str, Any]]:
    """Arrange a row for each figure, with a value for each model and the difference of two."""
    *before, after = gains.values()
    rows: list[dict[str, Any]] = []
    for name in after:
        row = {f"trained on {words}": figures[name] for words, figures in gains.items()}
        if before:
            row["gained"] = after[name] - before[0][name]
        rows.append({"figure": name, **row})
    return rows


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "<p>The database holds no captions.</p>"
    head = "".join(f"<th>{_escape(name)}</th>" for name in rows[0])
    body = "".join(
        "<tr>" + "".join(_cell(value) for value in row.values()) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"<td class=n>{value:,.2f}</td>"
    if isinstance(value, int):
        return f"<td class=n>{value:,}</td>"
    return f"<td>{'–' if value is None else _escape(value)}</td>"


def _figure(conn: Connection, decoder: Decoder, example: Example) -> str:
    itm = "" if example.itm is None else f" · ITM {example.itm:.2f}"
    return (
        f"<figure>{_image(conn, decoder, example.image_id)}<figcaption>{_escape(example.text)}<br>"
        f"<small>{_escape(example.reason)}{itm}</small></figcaption></figure>"
    )


def _image(conn: Connection, decoder: Decoder, image_id: UUID) -> str:
    """Embed a small image in the page, or the reason why it can't be shown."""
    try:
        data = content(conn, image_id, LIMITS.bytes)
        if data is None:
            return "<p>deleted</p>"
        preview = decoder.decode(data, 32, preview=True).preview
    except ImageError as error:
        return f"<p>{_escape(error.reason)}</p>"
    return f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(preview).decode()}">'


def _escape(text: Any) -> str:
    return html.escape(str(text))
