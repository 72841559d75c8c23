"""Batches of images with a text each, for pretraining and for finetuning with its objectives."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from tokenizers import Tokenizer

from ..run.config import Config
from ..run.world import ALONE, World
from .loader import config_batches
from .sample import Broken, Sample, SampleError
from .scenes import Batch, pad_texts
from .transforms import Pixels, make_transform, pre_caption

NO_FACTS = np.empty((0, 0, 0), dtype=np.int8)


class Pair(NamedTuple):
    """A row of a batch: pixels uint8 [S, S, 3], a cleaned text, and the image's key."""

    pixels: Pixels
    text: str
    image: str


def pair_batches(
    config: Config, tokenizer: Tokenizer, start: int, world: World = ALONE
) -> Iterator[Batch]:
    """A process's batches of `config.data`, from the step `start` to the end, read ahead by worker
    processes. Captions are the texts behind the prompt.

    Raises:
        ConfigError, DataError: see `config_batches`.
    """
    see = make_transform(config.augment, config.model.image_size)

    def ready(sample: Sample, rng: np.random.Generator) -> Pair:
        if not (text := pre_caption(sample.text)):
            raise SampleError("its text is empty")
        return Pair(see(sample.images[0], rng), text, sample.key)

    def make(rows: Sequence[Pair], skipped: tuple[Broken, ...]) -> Batch:
        texts = [row.text for row in rows]
        return Batch(
            images=np.stack([row.pixels for row in rows]),
            texts=pad_texts(tokenizer, texts),
            captions=pad_texts(tokenizer, [prompted(config.prompt, text) for text in texts]),
            keys=np.array([[key_of(row.image), key_of(row.text)] for row in rows]),
            also_true=None,
            facts=NO_FACTS,
            patches=None,
            skipped=skipped,
        )

    return config_batches(config, world, start, ready, make)


def prompted(prompt: str, text: str) -> str:
    """Prepend the prompt, if there is one, to a caption."""
    return f"{prompt.strip()} {text}".lstrip()


def key_of(name: str) -> int:
    """63 bits of a name's hash, so that different names practically never share a key."""
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
