"""Accuracy of filter and captioner, measured where the truth is known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import numpy as np
import psycopg

from blipdb.scenes.web import says_something

from .setup import Written

THRESHOLDS = [0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98]
ORIGINS = ("web", "synthetic")


@dataclass(frozen=True)
class Verdicts:
    """By origin. texts: how many there were. right: the share that is true of its image and says
    something. kept: the share that the filter kept. curve: for each threshold of `THRESHOLDS`
    (share kept, precision, recall). kinds: of the web's sorts of text, the share that was kept.
    examples: a few of each verdict."""

    texts: dict[str, int]
    right: dict[str, float]
    kept: dict[str, float]
    curve: dict[str, list[tuple[float, float, float]]]
    kinds: dict[str, float]
    examples: dict[str, list[str]]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def read_verdicts(conn: psycopg.Connection[Any], truth: Mapping[UUID, Written]) -> Verdicts:
    """Compare `blip.captions` with the truth; a text that no filter has seen counts as kept."""
    rows = conn.execute(
        "SELECT image_id, origin, text, itm FROM blip.captions WHERE origin <> 'human'"
        " ORDER BY image_id, caption_id"
    ).fetchall()
    verdicts = Verdicts({}, {}, {}, {}, {}, {})
    for origin in ORIGINS:
        own = [(truth[id], text, itm) for id, from_, text, itm in rows if from_ == origin]
        if not own:
            continue
        right = np.array([says_something(text, sample.scene) for sample, text, _ in own])
        itm = np.array([1.0 if itm is None else itm for _, _, itm in own])
        verdicts.texts[origin] = len(own)
        verdicts.right[origin] = float(right.mean())
        verdicts.kept[origin] = float((itm >= 0.5).mean())
        verdicts.curve[origin] = [_point(right, itm >= threshold) for threshold in THRESHOLDS]
        for verdict, mask in (("kept", itm >= 0.5), ("dropped", itm < 0.5)):
            verdicts.examples[f"{origin} {verdict}"] = [
                f"{text} [{'right' if right[n] else 'wrong'}]"
                for n, (_, text, _) in enumerate(own)
                if mask[n]
            ][:5]
        if origin == "web":
            kinds = np.array([sample.kind for sample, _, _ in own])
            for kind in sorted(set(kinds.tolist())):
                verdicts.kinds[kind] = float((itm[kinds == kind] >= 0.5).mean())
    return verdicts


def _point(right: np.ndarray, kept_mask: np.ndarray) -> tuple[float, float, float]:
    """Share kept, precision, recall; 1 where nothing is kept, or nothing right."""
    both = float((right & kept_mask).sum())
    return (
        float(kept_mask.mean()),
        both / float(kept_mask.sum()) if kept_mask.any() else 1.0,
        both / float(right.sum()) if right.any() else 1.0,
    )
