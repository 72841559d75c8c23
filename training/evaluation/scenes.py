"""Evaluation on held-out scenes: search and captions, exact, from the scenes' structure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import Tensor

from blipdb.scenes import sampling as scenes
from blipdb.scenes.sampling import Scene

from ..datasets.scenes import normalise, pad_texts
from ..models.med import MED

EVALUATION_SEED = 20_220_128  # never a training seed's [seed, step] pair
CHUNK_ROWS = 128  # images or pairs at once


@dataclass(frozen=True)
class HeldOut:
    """Scenes held out from training: images uint8 [N, S, S, 3], one full caption each, distinct;
    `harder` holds queries with a true scene (first) and its distractors."""

    scenes: list[Scene]
    texts: list[str]
    images: npt.NDArray[np.uint8]
    harder: list[tuple[str, npt.NDArray[np.uint8]]]


def held_out(
    size: int, count: int, harder: int, distractors: int = 31, split: str = "train"
) -> HeldOut:
    """Draw `count` scenes with 1 to 4 things at `size` pixels, and `harder` queries whose
    `distractors` differ from the true scene in one attribute or relation."""
    rng = np.random.default_rng([EVALUATION_SEED, len(split)])
    drawn: dict[str, Scene] = {}
    while len(drawn) < count:
        scene = scenes.sample_scene(rng, split=split)
        drawn.setdefault(scenes.full_caption(scene, rng), scene)
    queries: list[tuple[str, npt.NDArray[np.uint8]]] = []
    for text, scene in drawn.items():
        if len(queries) == harder:
            break
        negatives = [s for s, _ in scenes.variants(scene, rng, distractors)]
        negatives = [s for s in negatives if not scenes.is_true(text, s)]
        if len(negatives) == distractors:
            queries.append((text, np.stack([scenes.draw(s, size) for s in [scene, *negatives]])))
    images = np.stack([scenes.draw(scene, size) for scene in drawn.values()])
    return HeldOut(list(drawn.values()), list(drawn), images, queries)


@torch.inference_mode()
def evaluate(model: MED, tokenizer: Tokenizer, data: HeldOut, candidates: int) -> dict[str, float]:
    """Measure text-to-image recall by ITC and by rerank of `candidates`, the harder set, and the
    share of greedy captions (of a third of the scenes) that name every thing's kind and colour."""
    tokens = encode_images(model, data.images)
    ids = texts_tensor(model, tokenizer, data.texts)
    cosines = text_vectors(model, ids) @ model.image_vector(tokens).T
    best = cosines.topk(candidates, dim=1).indices
    reranked = rerank(model, ids, tokens, best)
    scores = reranked + cosines.gather(1, best)
    own = torch.arange(len(ids), device=ids.device)
    first = best.gather(1, scores.argmax(dim=1, keepdim=True)).squeeze(1)
    captions = [describe(model, tokenizer, tokens[i : i + 1]) for i in range(len(data.scenes) // 3)]
    return {
        "itc_r1": _share(best[:, 0] == own),
        "itc_r10": _share((best[:, :10] == own[:, None]).any(dim=1)),
        "itm_r1": _share(first == own),
        "harder_r1": harder_recall(model, tokenizer, data),
        "captions_right": captions_right(captions, data.scenes),
    }


def harder_recall(model: MED, tokenizer: Tokenizer, data: HeldOut) -> float:
    """R@1 by ITM + ITC among each query's true scene and its distractors."""
    right = 0
    for text, images in data.harder:
        tokens = encode_images(model, images)
        ids = texts_tensor(model, tokenizer, [text])
        cosines = text_vectors(model, ids) @ model.image_vector(tokens).T
        everything = torch.arange(len(images), device=ids.device)[None]
        scores = rerank(model, ids, tokens, everything) + cosines
        right += int(scores.argmax()) == 0
    return right / max(len(data.harder), 1)


def encode_images(model: MED, images: npt.NDArray[np.uint8]) -> Tensor:
    """uint8 [N, S, S, 3] -> image tokens [N, T, D]."""
    parts = (images[i : i + CHUNK_ROWS] for i in range(0, len(images), CHUNK_ROWS))
    return torch.cat([model.image_tokens(normalise(part, model.temp.device)) for part in parts])


def text_vectors(model: MED, ids: Tensor) -> Tensor:
    return torch.cat([model.text_vector(part) for part in torch.split(ids, CHUNK_ROWS)])


def rerank(model: MED, ids: Tensor, tokens: Tensor, candidates: Tensor) -> Tensor:
    """ITM logit of each text [Q, L] with its candidates [Q, K], rows of `tokens` -> [Q, K]."""
    memory = model.image_memory(tokens)
    texts = torch.arange(len(ids), device=ids.device).repeat_interleave(candidates.shape[1])
    images = candidates.flatten()
    logits = [
        model.match(ids[text], [layer.rows(image) for layer in memory])[:, 1]
        for text, image in zip(
            torch.split(texts, CHUNK_ROWS), torch.split(images, CHUNK_ROWS), strict=True
        )
    ]
    return torch.cat(logits).view(candidates.shape)


def describe(model: MED, tokenizer: Tokenizer, tokens: Tensor) -> str:
    """Write a greedy caption of one image's tokens [1, T, D]."""
    memory = model.writing_memory(tokens)
    ids = torch.full((1, 1), model.special.dec, device=tokens.device)
    while ids.shape[1] < model.arch.max_positions:
        following = model.next_words(ids, memory)[:, -1:].argmax(dim=-1)
        if following.item() == model.special.sep:
            break
        ids = torch.cat([ids, following], dim=1)
    return tokenizer.decode(ids[0, 1:].tolist())


def captions_right(captions: Sequence[str], of: Sequence[Scene]) -> float:
    """Share of captions that name exactly the scene's things, each by kind and colour."""
    return sum(map(names_everything, captions, of)) / max(len(captions), 1)


def names_everything(caption: str, scene: Scene) -> bool:
    true = scenes.full_caption(scene, np.random.default_rng(0))
    return sorted(scenes.named_things(caption)) == sorted(scenes.named_things(true))


def texts_tensor(model: MED, tokenizer: Tokenizer, texts: Sequence[str]) -> Tensor:
    return torch.from_numpy(pad_texts(tokenizer, texts)).to(model.temp.device)


def _share(hits: Tensor) -> float:
    return float(hits.to(torch.float32).mean())
