"""What a filter says of captions: ITC and ITM of a text and the image that it is beside
(arXiv 2201.12086, section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .errors import TextError
from .runtime import Encoded, Runtime
from .tokenizer import CAPTION_WORDS

Vectors = npt.NDArray[np.float32]


class Score(NamedTuple):
    """itc: a cosine; itm: the probability that they match; or unread: why there are none."""

    itc: float | None = None
    itm: float | None = None
    unread: str | None = None


def embed(runtime: Runtime, texts: Sequence[str]) -> tuple[Vectors, dict[str, str]]:
    """ITC vectors float32 [B, E] of B captions, each cleaned and cut as in BLIP; and why those
    texts have none (their rows are zero) of which the model can't read a word."""
    unread: dict[str, str] = {}
    fitted: dict[int, str] = {}
    for row, text in enumerate(texts):
        cut = runtime.tokenizer.fitted(text, CAPTION_WORDS)
        try:
            runtime.tokenizer.encode(cut, runtime.tokenizer.special.cls)
        except TextError as error:
            unread[text] = error.message
        else:
            fitted[row] = cut
    vectors = np.zeros((len(texts), runtime.artifact.architecture.embed_dim), np.float32)
    vectors[list(fitted)] = runtime.embed_texts(list(fitted.values()))
    return vectors, unread


def score(runtime: Runtime, texts: Sequence[str], images: Encoded) -> list[Score]:
    """Scores of B texts, each with its image; `images` has B rows. One of which the model can't
    read a word has no score."""
    vectors, unread = embed(runtime, texts)
    return [
        Score(unread=unread[text])
        if text in unread
        else Score(float(vectors[row] @ images.itc[row]), _itm(runtime, text, images, row))
        for row, text in enumerate(texts)
    ]


def _itm(runtime: Runtime, text: str, images: Encoded, row: int) -> float:
    one = slice(row, row + 1)
    cut = runtime.tokenizer.fitted(text, CAPTION_WORDS)
    no, yes = runtime.rerank(cut, images.tokens[one], images.scales[one])[0].astype(float)
    return float(1 / (1 + np.exp(no - yes)))
