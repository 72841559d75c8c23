"""Batches of images and texts, and those of freshly drawn scenes.

A batch of scenes is a pure function of (seed, step), so a resumed run sees exactly the batches that
an undisturbed one would have seen. Those of datasets are made by `datasets.pairs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import Tensor

from blipdb.scenes import sampling
from blipdb.scenes.grammar import holds, read, truths_of_words
from blipdb.scenes.plain import plain_caption
from blipdb.scenes.sampling import Scene

from ..objectives.naming import PatchLabels, label_patches
from ..run.config import CLIP_MEAN, CLIP_STD, Config, Stage
from .processes import Prefetcher
from .sample import Broken

LENGTH_STEP = 2  # texts are padded to a multiple of it: few shapes, little padding


@dataclass(frozen=True)
class Batch:
    """Images with texts. Fields that a stage doesn't need are empty."""

    images: npt.NDArray[np.uint8]  # [B, S, S, 3]
    texts: npt.NDArray[np.int64]  # [B, L], padded: for ITC and ITM
    captions: npt.NDArray[np.int64]  # [B, L], padded: for LM
    keys: npt.NDArray[np.int64]  # [B, 2], of image and text, at least 0: equal for equal ones
    also_true: npt.NDArray[np.bool_] | None  # [B, B]: text j is true of image i; None: by the keys
    # [B, B, L]: 1 where a token of text j is true of image i, 0 where it is false, else -1.
    facts: npt.NDArray[np.int8]
    patches: PatchLabels | None  # content of each patch
    skipped: tuple[Broken, ...] = ()  # broken samples, replaced by others


def normalise(images: npt.NDArray[np.uint8], device: torch.device) -> Tensor:
    """uint8 [B, S, S, 3] -> float32 [B, 3, S, S] with CLIP's mean and deviation."""
    pixels = torch.from_numpy(images).to(device).permute(0, 3, 1, 2).to(torch.float32)
    mean = torch.tensor(CLIP_MEAN, device=device)[:, None, None]
    std = torch.tensor(CLIP_STD, device=device)[:, None, None]
    return (pixels / 255 - mean) / std


def pad_texts(tokenizer: Tokenizer, texts: Sequence[str], pad: int = 0) -> npt.NDArray[np.int64]:
    """Token ids int64 [B, L], L the longest text rounded up to `LENGTH_STEP`."""
    encoded = [tokenizer.encode(text).ids for text in texts]
    length = -(-max(map(len, encoded), default=0) // LENGTH_STEP) * LENGTH_STEP
    ids = np.full((len(encoded), length), pad, dtype=np.int64)
    for row, tokens in zip(ids, encoded, strict=True):
        row[: len(tokens)] = tokens
    return ids


def draw_batch(config: Config, tokenizer: Tokenizer, step: int) -> Batch:
    """Draw the batch of `step`."""
    rng = np.random.default_rng([config.seed, step])
    stage = config.stage(step)
    batch = _scenes(config.batch, stage, rng)
    texts, captions = _texts(batch, stage, rng) if stage.speaks else ([], [])
    ids, arch = pad_texts(tokenizer, texts), config.model
    return Batch(
        images=np.stack([sampling.draw(scene, arch.image_size) for scene in batch]),
        texts=ids,
        captions=pad_texts(tokenizer, captions),
        keys=np.arange(2 * config.batch).reshape(2, -1).T + 2 * config.batch * step,
        also_true=truths(batch, texts),
        facts=truths_of_tokens(batch, texts if stage.facts else [], ids.shape[1]),
        patches=label_patches(batch, arch.image_size // arch.patch_size),
    )


def _texts(
    batch: Sequence[Scene], stage: Stage, rng: np.random.Generator
) -> tuple[list[str], list[str]]:
    """A text for ITC and ITM and a caption for LM, of each scene."""
    texts = [
        sampling.full_caption(scene, rng)
        if rng.random() < stage.full
        else sampling.caption(scene, rng)
        for scene in batch
    ]
    return texts, [plain_caption(scene) for scene in batch]


def truths(batch: Sequence[Scene], texts: Sequence[str]) -> npt.NDArray[np.bool_]:
    """bool [len(batch), len(texts)]: whether each text is true of each scene.

    Raises CaptionError for a text outside the grammar."""
    readings = [read(text) for text in texts]
    true = [[holds(reading, scene) for reading in readings] for scene in batch]
    return np.array(true, dtype=np.bool_)


def truths_of_tokens(
    batch: Sequence[Scene], texts: Sequence[str], length: int
) -> npt.NDArray[np.int8]:
    """Truth of each token: int8 [len(batch), len(texts), length], 1 where it is true of the scene,
    0 where it is false, -1 where it states nothing. A word is a token, behind [CLS].

    Raises CaptionError for a text outside the grammar.
    """
    truths = np.full((len(batch), len(texts), length), -1, dtype=np.int8)
    for j, reading in enumerate(map(read, texts)):
        for i, scene in enumerate(batch):
            for (first, behind), is_true in truths_of_words(reading, scene).items():
                truths[i, j, 1 + first : 1 + behind] = is_true
    return truths


def _scenes(count: int, stage: Stage, rng: np.random.Generator) -> list[Scene]:
    """Draw scenes; a share of them, `stage.variants`, are variants of others."""
    varied = round(count * stage.variants)
    base = [sampling.sample_scene(rng, things=stage.things) for _ in range(count - varied)]
    batch = list(base)
    for i, scene in enumerate(base):
        number = varied // len(base) + (i < varied % len(base))
        if number:
            variants = sampling.variants(scene, rng, number, often=stage.often)
            batch += [variant for variant, _ in variants]
    return batch


def batches(config: Config, tokenizer: Tokenizer, start: int) -> Iterator[Batch]:
    """The batches of the steps from `start` to the end, drawn ahead by worker processes."""

    def worker(steps: range) -> Iterator[Batch]:
        return (draw_batch(config, tokenizer, step) for step in steps)

    return Prefetcher(worker, range(start, config.steps), config.workers)
