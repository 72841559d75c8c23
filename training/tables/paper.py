"""Figures of the paper (arXiv 2201.12086), by the arms that stand for its rows.

Columns: COCO finetuned TR@1 and IR@1; COCO captions CIDEr, finetuned; NoCaps CIDEr, zero-shot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .arms import TABLE_1, TABLE_2, TABLE_3, TABLE_4, TABLE_12, TABLE_13, Arm

PAPER_FIGURES = ("TR", "IR", "CIDEr", "NoCaps")
Row = tuple[float, float, float, float]

_NONE: Row = (78.4, 60.7, 127.8, 102.2)
_BOTH: Row = (80.6, 63.1, 129.7, 105.1)


class Table(NamedTuple):
    """about: what it is about. rows: by arm the row's name, the paper's figures, and the share of
    synthetic texts that its filter dropped, where it tells."""

    about: str
    rows: Mapping[Arm, tuple[str, Row, str]]


def _rows(
    arms: Sequence[Arm], *rows: tuple[str, Row] | tuple[str, Row, str]
) -> dict[Arm, tuple[str, Row, str]]:
    return {arm: (row[0], row[1], "".join(row[2:])) for arm, row in zip(arms, rows, strict=True)}


TABLES = {
    "Table 1": Table(
        "captioner (C) and filter (F), by corpus and vision model",
        _rows(
            TABLE_1,
            ("small, none", _NONE),
            ("small, F by B", (79.1, 61.5, 128.2, 102.7)),
            ("small, C by B", (79.7, 62.0, 128.9, 103.4)),
            ("small, C and F by B", _BOTH),
            ("large, none", (79.6, 62.0, 130.1, 105.4)),
            ("large, C and F by B", (81.9, 64.3, 131.4, 106.3)),
            ("large, C and F by L", (81.2, 64.1, 133.3, 109.6)),
            ("large, none, ViT-L", (80.6, 64.1, 135.5, 112.5)),
            ("large, C and F by L, ViT-L", (82.4, 65.1, 136.7, 113.2)),
        ),
    ),
    "Table 2": Table(
        "how synthetic captions are written",
        _rows(
            TABLE_2,
            ("none", _NONE),
            ("beam", (79.6, 61.9, 128.9, 103.5), "19%"),
            ("nucleus", _BOTH, "25%"),
        ),
    ),
    "Table 3": Table(
        "what text encoder and decoder share, without CapFilt",
        _rows(
            TABLE_3,
            ("all", (77.3, 59.5, 125.9, 100.9)),
            ("all but cross-attention", (77.5, 59.9, 126.1, 101.2)),
            ("all but self-attention", _NONE),
            ("nothing", (78.3, 60.5, 127.4, 101.8)),
        ),
    ),
    "Table 4": Table(
        "captioner and filter as one model, or two",
        _rows(
            TABLE_4,
            ("one, shared", (79.8, 62.2, 129.0, 103.5), "8%"),
            ("two, decoupled", _BOTH, "25%"),
        ),
    ),
    "Table 12": Table(
        "longer training without CapFilt",
        _rows(
            TABLE_12,
            ("none", _NONE),
            ("none, 1.6 times as long", (78.3, 60.5, 127.7, 102.1)),
            ("CapFilt", _BOTH),
        ),
    ),
    "Table 13": Table(
        "a new model, or the old one trained on",
        _rows(
            TABLE_13,
            ("continued", (80.6, 63.0, 129.9, 104.5)),
            ("new", _BOTH),
        ),
    ),
}
