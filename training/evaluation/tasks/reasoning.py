"""NLVR2 (arXiv 2201.12086, section 5.4): is a statement true of two images?

BLIP's release swaps left and right at random here too, images and words; this does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ...datasets.sample import DataError, Sample
from ...datasets.transforms import STATEMENT_WORDS, Pixels, pre_caption
from .models import ModelSource, normalised
from .progress import Show, silent
from .protocols import Reasons
from .reading import read_ahead, see_image


@torch.inference_mode()
def judge(
    reasoner: Reasons,
    source: ModelSource,
    samples: Sequence[Sample],
    *,
    batch: int,
    device: torch.device,
    show: Show = silent,
) -> list[bool]:
    """Whether the model finds each statement true.

    Raises:
        DataError: an image can't be read, or a sample has not two.
    """
    if strange := [sample for sample in samples if len(sample.images) != 2]:
        raise DataError(f"{strange[0].key} has {len(strange[0].images)} images; NLVR2 has 2")
    size, judged = source.arch.image_size, list[bool]()

    def see(sample: Sample) -> tuple[Sample, Pixels]:
        return sample, np.concatenate([see_image(image, size) for image in sample.images])

    for rows in read_ahead(see, samples, batch):
        both = normalised(np.concatenate([pixels for _, pixels in rows]), source, device)
        statements = [pre_caption(sample.text, STATEMENT_WORDS) for sample, _ in rows]
        logits = reasoner.logits(both[0::2], both[1::2], statements)
        judged += logits.argmax(dim=1).bool().tolist()
        show("statements", len(judged), len(samples))
    return judged


def rightly(samples: Sequence[Sample], judged: Sequence[bool]) -> list[bool]:
    """Compare each judgement with the truth.

    Raises:
        DataError: a statement has no label.
    """
    if open := [sample for sample in samples if sample.label is None]:
        raise DataError(f"{open[0].id or open[0].key} has no label")
    return [is_true == bool(sample.label) for is_true, sample in zip(judged, samples, strict=True)]
