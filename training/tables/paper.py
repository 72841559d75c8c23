"""What the paper reports (arXiv 2201.12086), by the arms that stand for its rows.

Columns: COCO finetuned TR@1 and IR@1; COCO captions CIDEr, finetuned; NoCaps CIDEr, zero-shot.
"""

from __future__ import annotations

from .arms import TABLE_1, TABLE_2, TABLE_3, TABLE_4, TABLE_12, TABLE_13, Arm

COLUMNS = ("TR", "IR", "CIDEr", "NoCaps")
Row = tuple[float, float, float, float]

_NONE: Row = (78.4, 60.7, 127.8, 102.2)
_BOTH: Row = (80.6, 63.1, 129.7, 105.1)

TABLES: dict[str, tuple[str, dict[Arm, tuple[str, Row, str]]]] = {
    "Table 1": (
        "captioner (C) and filter (F), by corpus and vision model",
        dict(
            zip(
                TABLE_1,
                (
                    ("14M, none", _NONE, ""),
                    ("14M, F by B", (79.1, 61.5, 128.2, 102.7), ""),
                    ("14M, C by B", (79.7, 62.0, 128.9, 103.4), ""),
                    ("14M, C and F by B", _BOTH, ""),
                    ("129M, none", (79.6, 62.0, 130.1, 105.4), ""),
                    ("129M, C and F by B", (81.9, 64.3, 131.4, 106.3), ""),
                    ("129M, C and F by L", (81.2, 64.1, 133.3, 109.6), ""),
                    ("129M, none, ViT-L", (80.6, 64.1, 135.5, 112.5), ""),
                    ("129M, C and F by L, ViT-L", (82.4, 65.1, 136.7, 113.2), ""),
                ),
                strict=True,
            )
        ),
    ),
    "Table 2": (
        "how synthetic captions are written",
        dict(
            zip(
                TABLE_2,
                (
                    ("none", _NONE, ""),
                    ("beam", (79.6, 61.9, 128.9, 103.5), "19%"),
                    ("nucleus", _BOTH, "25%"),
                ),
                strict=True,
            )
        ),
    ),
    "Table 3": (
        "what text encoder and decoder share, without CapFilt",
        dict(
            zip(
                TABLE_3,
                (
                    ("all", (77.3, 59.5, 125.9, 100.9), ""),
                    ("all but cross-attention", (77.5, 59.9, 126.1, 101.2), ""),
                    ("all but self-attention", _NONE, ""),
                    ("nothing", (78.3, 60.5, 127.4, 101.8), ""),
                ),
                strict=True,
            )
        ),
    ),
    "Table 4": (
        "captioner and filter as one model, or two",
        dict(
            zip(
                TABLE_4,
                (
                    ("one, shared", (79.8, 62.2, 129.0, 103.5), "8%"),
                    ("two, decoupled", _BOTH, "25%"),
                ),
                strict=True,
            )
        ),
    ),
    "Table 12": (
        "longer training without CapFilt",
        dict(
            zip(
                TABLE_12,
                (
                    ("none", _NONE, ""),
                    ("none, 1.6 times as long", (78.3, 60.5, 127.7, 102.1), ""),
                    ("CapFilt", _BOTH, ""),
                ),
                strict=True,
            )
        ),
    ),
    "Table 13": (
        "a new model, or the old one trained on",
        dict(
            zip(
                TABLE_13,
                (
                    ("continued", (80.6, 63.0, 129.9, 104.5), ""),
                    ("new", _BOTH, ""),
                ),
                strict=True,
            )
        ),
    ),
}
"""By table: what it is about, and its rows: the row's name, the figures, and the share of synthetic
texts that the filter dropped, where the paper tells it."""
