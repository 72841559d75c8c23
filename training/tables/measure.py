"""Measures of a model: exact, from the structure of the scenes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import Tensor

from blipdb.model.generate import Rules
from blipdb.scenes.grammar import is_true, named_things
from blipdb.scenes.plain import plain_caption
from blipdb.scenes.sampling import draw
from blipdb.scenes.world import Scene

from ..evaluation.metrics.captioning import cider
from ..evaluation.scenes import (
    CHUNK_ROWS,
    encode_images,
    names_everything,
    text_vectors,
    texts_tensor,
)
from ..evaluation.tasks.decoder import captioner, search
from ..models.med import MED
from .setup import Setup

CANDIDATES = 16
BEAMS, MAX_TOKENS = 3, 24


class Test(NamedTuple):
    """Scenes to search among, whose captions differ, and scenes to describe; images uint8
    [N, S, S, 3]."""

    searched: Sequence[Scene]
    searched_images: npt.NDArray[np.uint8]
    described: Sequence[Scene]
    described_images: npt.NDArray[np.uint8]


def make_test(setup: Setup) -> Test:
    size = setup.model["image_size"]
    searched, described = setup.test(pairs=True), setup.test(pairs=False)
    return Test(
        searched,
        np.stack([draw(scene, size) for scene in searched]),
        described,
        np.stack([draw(scene, size) for scene in described]),
    )


@torch.inference_mode()
def search_quality(med: MED, tokenizer: Tokenizer, test: Test) -> dict[str, float]:
    """Measure R@1 both ways, in percent: TR, an image's text; IR, a text's image. The 16 nearest by
    ITC, ordered by ITM + ITC."""
    texts = [plain_caption(scene) for scene in test.searched]
    tokens, ids = encode_images(med, test.searched_images), texts_tensor(med, tokenizer, texts)
    cosines = text_vectors(med, ids) @ med.image_vector(tokens).T
    own = torch.arange(len(ids))
    figures = {}
    for name, similar in (("TR", cosines.T), ("IR", cosines)):
        best = similar.topk(CANDIDATES, dim=1)
        asking = own[:, None].expand_as(best.indices).flatten()
        nearest = best.indices.flatten()
        pairs = (nearest, asking) if name == "TR" else (asking, nearest)
        scores = _logits(med, ids, tokens, *pairs).view_as(best.values) + best.values
        first = best.indices.gather(1, scores.argmax(dim=1, keepdim=True))[:, 0]
        figures[name] = 100 * float((first == own).float().mean())
        figures[f"{name} by ITC"] = 100 * float((best.indices[:, 0] == own).float().mean())
    return figures


def _logits(med: MED, ids: Tensor, tokens: Tensor, texts: Tensor, images: Tensor) -> Tensor:
    memory = med.image_memory(tokens)
    return torch.cat(
        [
            med.match(ids[text], [layer.rows(image) for layer in memory])[:, 1]
            for text, image in zip(
                torch.split(texts, CHUNK_ROWS), torch.split(images, CHUNK_ROWS), strict=True
            )
        ]
    )


@torch.inference_mode()
def caption_quality(med: MED, tokenizer: Tokenizer, test: Test) -> dict[str, float]:
    """Measure captions by a beam of three: shares in percent that are right, and CIDEr times
    100."""
    special = med.special
    never = [token for token in special.to_dict().values() if token != special.sep]
    rules = Rules(special.dec, special.sep, never, 1, MAX_TOKENS)
    captions: list[str] = []
    for start in range(0, len(test.described_images), CHUNK_ROWS):
        tokens = encode_images(med, test.described_images[start : start + CHUNK_ROWS])
        ids = search(captioner(med, tokens, [special.dec]), len(tokens), rules, BEAMS)
        captions += [tokenizer.decode(one) for one in ids]
    return captions_right(captions, test.described)


def captions_right(captions: Sequence[str], of: Sequence[Scene]) -> dict[str, float]:
    """ "captions": all of kinds, colours, counts and relations are right; each of them; CIDEr."""
    rows = [_right(text, scene) for text, scene in zip(captions, of, strict=True)]
    shares = {name: 100 * sum(row[name] for row in rows) / len(rows) for name in rows[0]}
    people = {str(n): [plain_caption(scene)] for n, scene in enumerate(of)}
    candidates = {str(n): [text or "nothing"] for n, text in enumerate(captions)}
    return {**shares, **cider(candidates, people)}


def _right(text: str, scene: Scene) -> dict[str, bool]:
    named, true = named_things(text), named_things(plain_caption(scene))
    kinds, colours = (
        [sorted(key[part] for key in things.elements()) for things in (named, true)]
        for part in (1, 0)
    )
    return {
        "captions": names_everything(text, scene) and is_true(text, scene),
        "kinds": kinds[0] == kinds[1],
        "colours": colours[0] == colours[1],
        "counts": named.total() == true.total(),
        "all said is true": is_true(text, scene),
    }
