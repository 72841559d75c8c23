"""Speed of a step of pretraining at true size, beside the objective written plainly."""

from __future__ import annotations

import time
from collections.abc import Callable
from os import cpu_count

import numpy as np
import torch
from torch import Tensor, nn

from blipdb.model.architecture import Architecture, SpecialTokens
from blipdb.settings import Settings
from blipdb.training.datasets.scenes import Batch, normalise
from blipdb.training.learners.pretraining import Learner
from blipdb.training.run.config import Config, Momentum, Optimiser, Reports, Scale, Stage
from blipdb.training.run.optimiser import make_optimiser
from tests.benchmarks.report import Report
from tests.training.plain import PlainBLIP, negatives_of

SECTION = "Speed of training"
VIT_B = Architecture(
    image_size=224, patch_size=16, vision_width=768, vision_layers=12, vision_heads=12,
    vision_mlp=3072, vocab_size=30524, text_width=768, text_layers=12, text_heads=12, text_mlp=3072,
    max_positions=512, embed_dim=256,
)  # fmt: skip
SPECIAL = SpecialTokens(pad=0, unk=100, cls=101, sep=102, dec=30522, enc=30523)
BATCH, WARM_UPS, ROUNDS = 8, 3, 5
PADDED = 30  # tokens: what BLIP's own code pads each text to
WORDS = (8, 14)  # of a caption; COCO's have ten and a half on average


def measure(settings: Settings, report: Report) -> None:
    """Both take turns on the same batch, with the same weights and the same negatives."""
    torch.set_num_threads(cpu_count() or 1)
    torch.manual_seed(1)
    learner = Learner(configuration(), SPECIAL)
    learner.begin(None)
    batch = made_batch()
    plain = PlainBLIP(learner)
    negatives = negatives_of(learner, batch, 0)
    pixels = normalise(batch.images, torch.device("cpu"))
    padded = torch.zeros(BATCH, PADDED, dtype=torch.long)
    padded[:, : batch.texts.shape[1]] = torch.from_numpy(batch.texts)
    ours = Stepper(learner, lambda: learner(batch, 0))
    theirs = Stepper(plain, lambda: plain.losses(pixels, padded, negatives, 0.0))
    with torch.no_grad():
        first = ours.losses(), theirs.losses()
    difference = max(abs(float(first[0][name] - first[1][name])) for name in first[1])
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(WARM_UPS + ROUNDS):  # memory is slow where it was never used
        for stepper, taken in zip((ours, theirs), times, strict=True):
            taken.append(stepper.seconds())
    mine, plainly = (min(taken[WARM_UPS:]) for taken in times)
    name = (
        f"a step of ITC, ITM and LM, ViT-B/16 at 224 pixels, batch {BATCH}, float32, CPU, the best"
        f" of {ROUNDS}"
    )
    plain_name = "the same with transformers' modules, a pass for each text, images repeated"
    report.add(SECTION, name, mine, "s")
    report.add(SECTION, plain_name, plainly, "s")
    report.add(SECTION, f"{name}, speed", plainly / mine, "times", "at least 1.5", plain_name)
    report.add(SECTION, "largest difference of a loss between both", difference, "",
               "at most 0.001")  # fmt: skip


class Stepper:
    """Steps of one model, with its optimiser."""

    def __init__(self, model: nn.Module, losses: Callable[[], dict[str, Tensor]]) -> None:
        self.losses = losses
        settings = Optimiser(learning_rate=0.0, warmup=0)  # so that every step is the first
        self._optimiser = make_optimiser(model, settings)

    def seconds(self) -> float:
        begin = time.perf_counter()
        torch.autograd.backward(torch.stack(list(self.losses().values())).sum())
        self._optimiser.step()
        self._optimiser.zero_grad()
        return time.perf_counter() - begin


def configuration() -> Config:
    return Config(
        seed=1,
        batch=BATCH,
        smoothing=0.1,
        max_text=PADDED,
        threads=cpu_count() or 1,
        workers=1,
        model=VIT_B,
        optimiser=Optimiser(learning_rate=0.0, warmup=0),
        reports=Reports(evaluate=1000, checkpoint=1000),
        stages=(Stage(samples=1000, itc=1.0, itm=1.0, lm=1.0),),
        momentum=Momentum(ramp=1000, queue=57_600),
        scale=Scale(),
    )


def made_batch() -> Batch:
    """Noise for images, and words as many as captions have, padded to the longest."""
    rng = np.random.default_rng(1)
    lengths = rng.integers(*WORDS, BATCH, endpoint=True) + 2
    texts = np.zeros((BATCH, lengths.max()), dtype=np.int64)
    for row, length in zip(texts, lengths, strict=True):
        row[:length] = rng.integers(1000, 30000, length)
        row[0], row[length - 1] = SPECIAL.cls, SPECIAL.sep
    keys = np.arange(2 * BATCH).reshape(BATCH, 2)
    images = rng.integers(0, 256, (BATCH, 224, 224, 3), dtype=np.uint8)
    none = np.zeros((0, 0, 0), dtype=np.int8)
    return Batch(images, texts, texts, keys, None, none, None)
