"""Image-text and video-text retrieval by BLIP's own protocol (arXiv 2201.12086, section 5.1).

Every query's nearest by cosine, `k` each way, are scored by the match head: its logit for "they
match", no softmax, plus the cosine. Work goes image by image: an image's tokens are read once, its
keys and values computed once, and all of its texts scored, those that it has as candidates and
those whose candidate it is. So memory holds one image's pairs, however many images there are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from blipdb.errors import UsageError

from ...datasets.transforms import Pixels
from ...models.med import Memory
from ..metrics.retrieval import DEPTHS, Candidates, figures, ranks
from .models import TorchModel
from .progress import Show, silent
from .reading import Pairs, Texts, read_ahead
from .store import TokenStore

T = TypeVar("T")

MAX_TOKENS = 35  # of a text, as in BLIP's evaluation
PARTS = ("vision_model", "text_encoder", "vision_proj", "text_proj", "itm_head")

Ints = npt.NDArray[np.int64]
FrameReader = Callable[[T, int], Pixels]
"""An image or a video, and the model's size -> its frames uint8 [F, S, S, 3]; an image has one."""


@dataclass(frozen=True)
class EncodedImages:
    """Encoded images or videos: vectors float32 [I, E] of length 1, and the tokens of images or of
    all of a video's frames, one after the other."""

    vectors: Tensor
    tokens: TokenStore


@dataclass(frozen=True)
class RetrievalScores:
    """Scores of each image's candidates among the texts, and of each text's among the images."""

    texts: Candidates
    images: Candidates

    def figures(self, pairs: Pairs, kind: str) -> dict[str, float]:
        """R@1, R@5, R@10, their mean and the median rank, each way; and the mean of both means.
        kind: the word for an image."""
        texts = figures(ranks(self.texts, len(pairs.texts), pairs.texts_of))
        images = figures(ranks(self.images, len(pairs.images), [[i] for i in pairs.image_of]))
        values = {f"{kind} to text {name}": value for name, value in texts.items()}
        values |= {f"text to {kind} {name}": value for name, value in images.items()}
        return values | {"mean of both means": (texts["mean"] + images["mean"]) / 2}


@torch.inference_mode()
def retrieve(
    model: TorchModel,
    pairs: Pairs,
    see: FrameReader[T],
    items: Sequence[T],
    *,
    k: int,
    batch: int,
    show: Show = silent,
) -> RetrievalScores:
    """Score every query's `k` nearest. items: inputs of `see`, an image or a video of `pairs` each.

    Raises:
        UsageError: `k` is too small to tell the figures.
        ModelError: the model has no retrieval.
        DataError: an image can't be read.
    """
    require_depth(k, pairs)
    model.require("retrieval", *PARTS)
    texts = model.texts.limited(MAX_TOKENS)
    encoded = encode(model, see, items, batch, show)
    vectors = text_vectors(model, texts, pairs.texts, batch, show)
    texts_near = nearest(encoded.vectors, vectors, k)
    images_near = nearest(vectors, encoded.vectors, k)
    both = RetrievalScores(Candidates(*texts_near), Candidates(*images_near))
    add_logits(model, texts, pairs.texts, encoded.tokens, both, batch, show)
    return both


def require_depth(k: int, pairs: Pairs) -> None:
    """Check that there are enough candidates for R@10.

    Raises:
        UsageError: less than R@10 needs.
    """
    if k < min(DEPTHS[-1], len(pairs.images)):
        raise UsageError(f"k is {k}; R@{DEPTHS[-1]} needs {DEPTHS[-1]} candidates or more.")


def encode(
    model: TorchModel, see: FrameReader[T], items: Sequence[T], batch: int, show: Show
) -> EncodedImages:
    """Encode images or videos; a video's vector is the mean of its frames' projections."""
    med, size = model.med, model.source.arch.image_size
    vectors, tokens, done = [], None, 0
    for pixels in read_ahead(lambda item: see(item, size), items, batch):
        frames = len(pixels[0])
        part_tokens = torch.cat(
            [med.image_tokens(model.pixels(part)) for part in _parts(np.concatenate(pixels), batch)]
        )
        projected = med.vision_proj(part_tokens[:, 0]).view(len(pixels), frames, -1)
        vectors.append(F.normalize(projected.mean(dim=1), dim=-1))
        length, width = frames * part_tokens.shape[1], part_tokens.shape[2]
        tokens = tokens or TokenStore(len(items), length, width)
        tokens.put(done, part_tokens.view(len(pixels), length, width))
        done += len(pixels)
        show("images", done, len(items))
    assert tokens is not None  # there is no dataset without a sample
    return EncodedImages(torch.cat(vectors), tokens)


def text_vectors(
    model: TorchModel, texts: Texts, contents: Sequence[str], batch: int, show: Show
) -> Tensor:
    """Texts -> float32 [T, E] of length 1."""
    vectors = []
    for start in range(0, len(contents), batch):
        ids = torch.from_numpy(texts.ids(contents[start : start + batch])).to(model.device)
        vectors.append(model.med.text_vector(ids))
        show("texts", min(start + batch, len(contents)), len(contents))
    return torch.cat(vectors)


def nearest(
    queries: Tensor, candidates: Tensor, k: int, rows: int = 1024
) -> tuple[Ints, npt.NDArray[np.float32]]:
    """Find the `k` nearest candidates, or all, to each query: indices [Q, k] and cosines."""
    places, cosines = [], []
    for part in torch.split(queries, rows):
        best = (part @ candidates.T).topk(min(k, len(candidates)), dim=1)
        places.append(best.indices.cpu().numpy())
        cosines.append(best.values.cpu().numpy())
    return np.concatenate(places), np.concatenate(cosines)


def add_logits(
    model: TorchModel,
    texts: Texts,
    contents: Sequence[str],
    tokens: TokenStore,
    both: RetrievalScores,
    batch: int,
    show: Show,
) -> None:
    """Add the match head's logit to each candidate's cosine."""
    asking = by_image(both.images.places)
    count = len(both.texts.places)
    for image in range(count):
        own, queries = both.texts.places[image], asking.get(image, np.empty((0, 2), np.int64))
        text_numbers, place = np.unique(np.concatenate([own, queries[:, 0]]), return_inverse=True)
        ids = texts.ids([contents[text] for text in text_numbers])
        logits = match(model, ids, tokens.get(image, model.device), batch)[place]
        both.texts.scores[image] += logits[: len(own)]
        both.images.scores[queries[:, 0], queries[:, 1]] += logits[len(own) :]
        show("pairs of images", image + 1, count)


def by_image(candidates: Ints) -> dict[int, Ints]:
    """Group by image the places (text, candidate) [M, 2] at which it is a candidate [T, K]."""
    order = np.argsort(candidates, axis=None, kind="stable")
    texts_and_places = np.stack(np.unravel_index(order, candidates.shape), axis=1)
    images, starts = np.unique(candidates.ravel()[order], return_index=True)
    return dict(zip(images.tolist(), np.split(texts_and_places, starts[1:]), strict=True))


def match(model: TorchModel, ids: Ints, tokens: Tensor, batch: int) -> npt.NDArray[np.float32]:
    """Logit [T] of "they match" of texts [T, L] with one image's tokens [1, N, D]."""
    memory = model.med.image_memory(tokens)
    logits = []
    for part in torch.split(torch.from_numpy(ids).to(model.device), batch):
        # One image's keys and values serve all its texts, and are not repeated for them.
        shared = [Memory(*(x.expand(len(part), -1, -1, -1) for x in one)) for one in memory]
        logits.append(model.med.match(part, shared)[:, 1].float().cpu())
    return torch.cat(logits).numpy()


def _parts(frames: Pixels, batch: int) -> list[Pixels]:
    return [frames[start : start + batch] for start in range(0, len(frames), batch)]
