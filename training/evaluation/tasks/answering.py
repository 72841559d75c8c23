"""Question answering on images (VQA v2) and, zero-shot, on videos (MSRVTT-QA, MSVD-QA), by BLIP's
protocols (arXiv 2201.12086, sections 5.3 and 5.6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from blipdb.errors import UsageError

from ...datasets.sample import DataError, ImageSource, Sample
from ...datasets.transforms import Pixels, pre_question
from ..metrics import vqa
from .models import ModelSource, normalised
from .progress import Show, silent
from .protocols import Answers
from .reading import read_ahead

See = Callable[[ImageSource, int], Pixels]
"""An image or a video, and the model's size -> its frames uint8 [F, S, S, 3]; an image has one."""


def answer(
    answerer: Answers,
    source: ModelSource,
    samples: Sequence[Sample],
    see: See,
    candidates: Sequence[str],
    *,
    batch: int,
    device: torch.device,
    show: Show = silent,
) -> list[str]:
    """Answer each question: by the best of the candidates, or, without any, in the model's own
    words. An image or video is encoded once for those of its questions that are in a batch.

    Raises:
        DataError: an image or a video can't be read.
    """
    order = sorted(range(len(samples)), key=lambda n: samples[n].key)
    answers = [""] * len(samples)
    answered = 0
    for group in _groups([samples[n].key for n in order], batch):
        numbers = [order[place] for place in group]
        part = [samples[n] for n in numbers]
        tokens = _tokens(answerer, source, part, see, device)
        questions = [pre_question(sample.text) for sample in part]
        texts = (
            answerer.rank(tokens, questions, candidates)
            if candidates
            else answerer.generate(tokens, questions)
        )
        for number, text in zip(numbers, texts, strict=True):
            answers[number] = text
        answered += len(group)
        show("answers", answered, len(samples))
    return answers


@torch.inference_mode()
def _tokens(
    answerer: Answers,
    source: ModelSource,
    samples: Sequence[Sample],
    see: See,
    device: torch.device,
) -> Tensor:
    """The tokens [B, F * N, D] of each sample's image or video, whose frames follow each other."""
    keys = list(dict.fromkeys(sample.key for sample in samples))
    images = {sample.key: sample.images[0] for sample in samples}
    size = source.arch.image_size
    (pixels,) = read_ahead(lambda key: see(images[key], size), keys, len(keys))
    frames = np.concatenate(pixels)
    parts = (frames[start : start + len(keys)] for start in range(0, len(frames), len(keys)))
    parts_tokens = [answerer.image_tokens(normalised(part, source, device)) for part in parts]
    tokens = torch.cat(parts_tokens).view(len(keys), -1, parts_tokens[0].shape[-1])
    return tokens[[keys.index(sample.key) for sample in samples]]


def _groups(keys: Sequence[str], size: int) -> list[range]:
    return [range(start, min(start + size, len(keys))) for start in range(0, len(keys), size)]


def vqa_accuracy(samples: Sequence[Sample], answers: Sequence[str]) -> float:
    """Percentage by the official rule.

    Raises:
        DataError: a sample has not the answers of ten annotators.
    """
    total = 0.0
    for sample, text in zip(samples, answers, strict=True):
        try:
            people = vqa.count_annotators(sample.answers, sample.weights)
        except ValueError as error:
            raise DataError(f"question {sample.id or sample.text}: {error}") from None
        total += vqa.accuracy(text, people)
    return 100 * total / len(samples)


def exact_accuracy(samples: Sequence[Sample], answers: Sequence[str]) -> float:
    """Percentage of answers that equal the true one.

    Raises:
        DataError: a sample has not one true answer.
    """
    right = 0
    for sample, text in zip(samples, answers, strict=True):
        if len(sample.answers) != 1:
            raise DataError(
                f"{sample.text!r} has {len(sample.answers)} answers; one is the true one"
            )
        right += vqa.is_exact(text, sample.answers[0])
    return 100 * right / len(samples)


def require_candidates(mode: str, candidates: Sequence[str]) -> None:
    """Check that candidates are given to rank, and none to generate.

    Raises:
        UsageError: what the mode needs isn't there.
    """
    if mode == "rank" and not candidates:
        raise UsageError(
            "To rank, the model needs answers to choose from.",
            "Give --answers FILE, a JSON list (BLIP's answer_list.json), or --mode generate.",
        )
    if mode == "generate" and candidates:
        raise UsageError("A model that generates chooses from no --answers; leave one out.")
