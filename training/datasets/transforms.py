"""Transforms of a sample's files and texts to pixels and cleaned texts, as in BLIP."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from blipdb.errors import ImageError
from blipdb.images.limits import Limits
from blipdb.images.picture import decode, whole
from blipdb.model.tokenizer import MAX_CAPTION_WORDS
from blipdb.sources import files

from .augment import rand_augment, random_crop, random_flip
from .sample import ImageSource

Pixels = npt.NDArray[np.uint8]
"""uint8 [S, S, 3], RGB."""

Transform = Callable[[ImageSource, np.random.Generator], Pixels]
"""Makes pixels of an image, at random; raises ImageError with the reason where it is broken."""

LIMITS = Limits()
MIN_CROP_SHARE = {"pretrain": 0.2, "finetune": 0.5}  # of the image's area
STATEMENT_WORDS, QUESTION_WORDS = 40, 50
PUNCTUATION = re.compile(r"[.!\"()*#:;~]")


@dataclass(frozen=True)
class Augment:
    """Crop, flip and RandAugment, in BLIP's order. smallest: the least share of area of a crop."""

    size: int
    smallest: float

    def __call__(self, source: ImageSource, rng: np.random.Generator) -> Pixels:
        image = whole(read_bytes(source), LIMITS)
        image = random_flip(random_crop(image, self.size, self.smallest, rng), rng)
        return np.asarray(rand_augment(image, rng))


def make_transform(augment: str, size: int) -> Transform:
    """Return the transform for `augment`: "pretrain", "finetune", or "none" for `square`."""
    if augment == "none":
        return lambda source, rng: square(source, size)
    return Augment(size, MIN_CROP_SHARE[augment])


def square(source: ImageSource, size: int) -> Pixels:
    """Resize the whole image to a square, bicubic: for evaluation.

    Raises:
        ImageError: it is missing or broken; its `reason` says how.
    """
    picture = decode(read_bytes(source), size, preview=False, limits=LIMITS)
    return np.frombuffer(picture.pixels, np.uint8).reshape(size, size, 3)


def read_bytes(source: ImageSource) -> bytes:
    """Read an image's file.

    Raises:
        ImageError: it is missing, unreadable, or too large.
    """
    if not isinstance(source, bytes):
        return files.read(str(source), LIMITS.bytes).data
    if len(source) > LIMITS.bytes:
        raise ImageError(f"{len(source):,} bytes; at most {LIMITS.bytes:,} are read")
    return source


def plain(text: str) -> str:
    """Make a text encodable: JSON may contain lone surrogates."""
    return text.encode("utf-8", "replace").decode()


def pre_caption(text: str, max_words: int = MAX_CAPTION_WORDS) -> str:
    """Clean a caption: lower case, without most punctuation, single spaces, a maximum of words."""
    words = PUNCTUATION.sub(" ", plain(text).lower()).split()
    return " ".join(words[:max_words])


def pre_question(text: str, max_words: int = QUESTION_WORDS) -> str:
    """Clean a question: as `pre_caption`, but punctuation leaves no space."""
    words = PUNCTUATION.sub("", plain(text).lower()).split()
    return " ".join(words[:max_words])
