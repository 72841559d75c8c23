"""Reading of datasets, images and texts: every sample or an error; an evaluation leaves nothing
out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import tokenizers

from blipdb.errors import ImageError
from blipdb.model.architecture import SpecialTokens

from ...datasets.sample import Broken, DataError, Dataset, ImageSource, Sample
from ...datasets.transforms import Pixels, pre_caption, square

T = TypeVar("T")
R = TypeVar("R")

THREADS = 4  # that decode; most of it is done without Python's lock


class Texts:
    """A tokenizer as BLIP calls it: [CLS] words [SEP], cut to `limit` tokens, padded."""

    def __init__(self, tokenizer: tokenizers.Tokenizer, special: SpecialTokens, limit: int) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        tokenizer.encode_special_tokens = True  # "[SEP]" in a text is a text
        self.tokenizer, self.special, self.limit = tokenizer, special, limit

    def limited(self, limit: int) -> Texts:
        """Return the same tokenizer with another limit, if that is lower."""
        return Texts(self.tokenizer, self.special, min(limit, self.limit))

    def words(self, text: str) -> list[int]:
        """Encode a text without first and last token, not cut."""
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def ids(self, texts: Sequence[str]) -> npt.NDArray[np.int64]:
        """Texts -> int64 [B, L], L the longest."""
        room = self.limit - 2
        rows = [[self.special.cls, *self.words(text)[:room], self.special.sep] for text in texts]
        ids = np.full((len(rows), max(map(len, rows), default=0)), self.special.pad, np.int64)
        for row, tokens in zip(ids, rows, strict=True):
            row[: len(tokens)] = tokens
        return ids

    def cut(self, text: str) -> str:
        """Cut a text to the part that `ids` reads.

        Raises:
            DataError: no prefix of it has those tokens.
        """
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        room = self.limit - 2
        if len(encoding.ids) <= room:
            return text
        shorter = text[: encoding.offsets[room - 1][1]]
        if self.words(shorter) != list(encoding.ids[:room]):
            raise DataError(f"{text!r} has more than {self.limit} tokens and can't be cut to them")
        return shorter

    def decode(self, ids: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))


class Pairs(NamedTuple):
    """Images with their texts. texts_of: the texts of each image; image_of: each text's image."""

    images: list[ImageSource]
    texts: list[str]
    texts_of: list[list[int]]
    image_of: list[int]


def all_samples(dataset: Dataset) -> list[Sample]:
    """List every sample; images are not read yet.

    Raises:
        DataError: one is broken, or there are none.
    """
    samples = []
    for one in dataset.once():
        if isinstance(one, Broken):
            raise DataError(f"{one}; an evaluation leaves no sample out")
        samples.append(one)
    if not samples:
        raise DataError("the dataset has no samples")
    return samples


def read_pairs(samples: Iterable[Sample], clean: Callable[[str], str] = pre_caption) -> Pairs:
    """Group captions by image; images and texts stay in order of appearance."""
    pairs, places = Pairs([], [], [], []), dict[str, int]()
    for sample in samples:
        if sample.key not in places:
            places[sample.key] = len(pairs.images)
            pairs.images.append(sample.images[0])
            pairs.texts_of.append([])
        image = places[sample.key]
        pairs.texts_of[image].append(len(pairs.texts))
        pairs.texts.append(clean(sample.text))
        pairs.image_of.append(image)
    return pairs


def see_image(source: ImageSource, size: int) -> Pixels:
    """Read the whole image as a square, as one frame: uint8 [1, S, S, 3].

    Raises:
        DataError: it is missing or broken.
    """
    try:
        return square(source, size)[None]
    except ImageError as error:
        name = source if isinstance(source, Path) else "an image"
        raise DataError(f"{name}: {error.reason}; an evaluation leaves no image out") from None


def read_ahead(read: Callable[[T], R], items: Sequence[T], size: int) -> Iterator[list[R]]:
    """Read the items, `size` at a time; threads read the next ones meanwhile."""
    with ThreadPoolExecutor(THREADS) as pool:
        ahead: list[Future[R]] = []
        for start in range(0, len(items), size):
            coming = [pool.submit(read, item) for item in items[start : start + size]]
            if ahead:
                yield [future.result() for future in ahead]
            ahead = coming
        if ahead:
            yield [future.result() for future in ahead]
