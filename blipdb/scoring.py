"""What a filter says of captions: ITC and ITM of a text and the image that it is beside
(arXiv 2201.12086, section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .errors import TextError
from .runtime import Encoded, Runtime
from .tokenizer import CAPTION_WORDS


class Score(NamedTuple):
    """itc: a cosine; itm: the probability that they match; or unread: why there are none."""

    itc: float | None = None
    itm: float | None = None
    unread: str | None = None


def score(runtime: Runtime, texts: Sequence[str], images: Encoded) -> list[Score]:
    """Scores of B texts, each with its image; `images` has B rows.

    A text is cleaned and cut as in BLIP. One of which the model can't read a word has no score.
    """
    scores: dict[int, Score] = {}
    fitted: dict[int, str] = {}
    for row, text in enumerate(texts):
        cut = runtime.tokenizer.fitted(text, CAPTION_WORDS)
        try:
            runtime.tokenizer.encode(cut, runtime.tokenizer.special.cls)
        except TextError as error:
            scores[row] = Score(unread=error.message)
        else:
            fitted[row] = cut
    vectors = runtime.embed_texts(list(fitted.values()))
    for (row, text), vector in zip(fitted.items(), vectors, strict=True):
        one = slice(row, row + 1)
        no, yes = runtime.rerank(text, images.tokens[one], images.scales[one])[0].astype(float)
        itm = 1 / (1 + np.exp(no - yes))
        scores[row] = Score(float(vector @ images.itc[row]), float(itm))
    return [scores[row] for row in range(len(texts))]
