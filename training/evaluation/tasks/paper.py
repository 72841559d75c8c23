"""The figures that BLIP's paper reports (arXiv 2201.12086), in percent, by benchmark and by model.
A figure that a model has none of is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

MODELS = ("ViT-B, 14M", "ViT-B, 129M", "ViT-B, 129M, CapFilt-L", "ViT-L, 129M")

BLIP = "BLIP"  # where one model is reported

Row = Mapping[str, float]
"""A figure by model."""


class Benchmark(NamedTuple):
    """title: the data, and what the paper's models were finetuned on. figures: by their names."""

    title: str
    figures: Mapping[str, Row]


def _row(*values: float) -> Row:
    """A figure of the models, in their order; the last may be missing."""
    return dict(zip(MODELS, values, strict=False))


def _retrieval(*columns: str) -> dict[str, Row]:
    """R@1/5/10 of image to text, then of text to image; a column for each model."""
    names = [
        f"{way} R@{depth}" for way in ("image to text", "text to image") for depth in (1, 5, 10)
    ]
    values = [column.replace("/", " ").split() for column in columns]
    return {name: _row(*(float(of[n]) for of in values)) for n, name in enumerate(names)}


BENCHMARKS: Mapping[str, Benchmark] = {
    "coco": Benchmark(
        "COCO, Karpathy's test, finetuned on COCO",
        _retrieval(
            "80.6/95.2/97.6 63.1/85.3/91.1",
            "81.9/95.4/97.8 64.3/85.7/91.5",
            "81.2/95.7/97.9 64.1/85.8/91.6",
            "82.4/95.4/97.9 65.1/86.3/91.8",
        ),
    ),
    "flickr30k": Benchmark(
        "Flickr30K, test, finetuned on Flickr30K",
        _retrieval(
            "96.6/99.8/100 87.2/97.5/98.8",
            "97.3/99.9/100 87.3/97.6/98.9",
            "97.2/99.9/100 87.5/97.7/98.9",
            "97.4/99.8/99.9 87.6/97.7/99.0",
        ),
    ),
    "flickr30k-zero-shot": Benchmark(
        "Flickr30K, test, finetuned on COCO",
        _retrieval(
            "94.8/99.7/100 84.9/96.7/98.3",
            "96.0/99.9/100 85.0/96.8/98.6",
            "96.0/99.9/100 85.5/96.8/98.7",
            "96.7/100/100 86.7/97.3/98.7",
        ),
    ),
    "coco-captions": Benchmark(
        "COCO, Karpathy's test, finetuned on COCO",
        {
            "BLEU-4": _row(38.6, 39.4, 39.7, 40.4),
            "CIDEr": _row(129.7, 131.4, 133.3, 136.7),
        },
    ),
    "vqa-test-dev": Benchmark("VQA v2, test-dev", {"accuracy": _row(77.54, 78.24, 78.25)}),
    "vqa-test-std": Benchmark("VQA v2, test-std", {"accuracy": _row(77.62, 78.17, 78.32)}),
    "nlvr2-dev": Benchmark("NLVR2, dev", {"accuracy": _row(82.67, 82.48, 82.15)}),
    "nlvr2-test-p": Benchmark("NLVR2, test-P", {"accuracy": _row(82.30, 83.08, 82.24)}),
    "msrvtt": Benchmark(
        "MSRVTT, 1k test, zero-shot: finetuned on COCO",
        {
            "text to video R@1": {BLIP: 43.3},
            "text to video R@5": {BLIP: 65.6},
            "text to video R@10": {BLIP: 74.7},
            "text to video MdR": {BLIP: 2.0},
        },
    ),
    "msrvtt-qa": Benchmark(
        "MSRVTT-QA, test, zero-shot: finetuned on VQA", {"accuracy": {BLIP: 19.2}}
    ),
    "msvd-qa": Benchmark("MSVD-QA, test, zero-shot: finetuned on VQA", {"accuracy": {BLIP: 35.2}}),
}
