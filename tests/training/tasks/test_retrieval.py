"""Retrieval image by image against the official way: whole matrices, query by query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from blipdb.errors import ModelError, UsageError
from blipdb.training.datasets.sample import Sample
from blipdb.training.datasets.transforms import Pixels
from blipdb.training.evaluation.metrics.retrieval import NO_CANDIDATE
from blipdb.training.evaluation.tasks.models import TorchModel
from blipdb.training.evaluation.tasks.reading import Pairs, read_pairs, see_image
from blipdb.training.evaluation.tasks.retrieval import by_image, encode, nearest, retrieve
from tests.training.metrics.test_retrieval import official
from tests.training.tasks.tinies import CPU, pictures, save_pictures, sentences

IMAGES, TEXTS = 14, 35


def some_pairs(folder: Path) -> Pairs:
    paths = save_pictures(folder, IMAGES)
    owners = np.random.default_rng(1).integers(0, IMAGES, TEXTS - IMAGES).tolist()
    owners += range(IMAGES)  # each has one at least
    return read_pairs(
        Sample((paths[image],), str(image), text)
        for image, text in zip(owners, sentences(TEXTS), strict=True)
    )


@torch.inference_mode()
def by_matrices(model: TorchModel, pairs: Pairs, k: int) -> tuple[Any, Any]:
    """As evaluation() of BLIP's release: each query with its k candidates, the others at -100."""
    images = [int(Path(str(path)).stem) for path in pairs.images]
    tokens = model.med.image_tokens(model.pixels(pictures(IMAGES)[images]))
    ids = torch.from_numpy(model.texts.ids(pairs.texts))
    cosines = model.med.image_vector(tokens) @ model.med.text_vector(ids).T
    memory = model.med.image_memory(tokens)
    logits = torch.stack(
        [
            model.med.match(ids, [one.rows(torch.tensor([image] * len(ids))) for one in memory])
            for image in range(len(tokens))
        ]
    )[:, :, 1]

    def scores(cosines: torch.Tensor, logits: torch.Tensor) -> Any:
        found = torch.full_like(cosines, NO_CANDIDATE)
        for row, (cosine, logit) in enumerate(zip(cosines, logits, strict=True)):
            values, places = cosine.topk(min(k, len(cosine)))
            found[row, places] = logit[places] + values
        return found.numpy()

    return scores(cosines, logits), scores(cosines.T, logits.T)


@pytest.mark.parametrize(("k", "batch"), [(10, 64), (10, 3), (200, 5)])
def test_scores_are_those_of_whole_matrices(
    model: TorchModel, tmp_path: Path, k: int, batch: int
) -> None:
    pairs = some_pairs(tmp_path)
    both = retrieve(model, pairs, see_image, pairs.images, k=k, batch=batch)
    to_texts, to_images = by_matrices(model, pairs, k)
    for found, expected in ((both.texts, to_texts), (both.images, to_images)):
        rows = [found.row(n, expected.shape[1]) for n in range(len(expected))]
        np.testing.assert_allclose(np.stack(rows), expected, atol=1e-5)

    figures = both.figures(pairs, "image")
    text_ranks = np.array(official(to_texts, pairs.texts_of))
    image_ranks = np.array(official(to_images, [[image] for image in pairs.image_of]))
    for way, ranks in (("image to text", text_ranks), ("text to image", image_ranks)):
        for depth in (1, 5, 10):
            assert figures[f"{way} R@{depth}"] == 100 * (ranks < depth).mean()
        assert figures[f"{way} MdR"] == np.median(ranks + 1)
    means = [figures[f"{way} mean"] for way in ("image to text", "text to image")]
    assert figures["mean of both means"] == pytest.approx(sum(means) / 2)


@torch.inference_mode()
def test_a_videos_frames_are_one_image(model: TorchModel) -> None:
    """Its vector is the mean of the frames' projections, of length 1 then; its tokens are those of
    all frames."""
    videos, told = [5, 6, 7], []

    def see(video: int, size: int) -> Pixels:
        return pictures(4, seed=video)

    encoded = encode(model, see, videos, 2, lambda *step: told.append(step))
    for place, video in enumerate(videos):
        tokens = model.med.image_tokens(model.pixels(pictures(4, seed=video)))
        mean = model.med.vision_proj(tokens[:, 0]).mean(dim=0)
        torch.testing.assert_close(encoded.vectors[place], mean / mean.norm())
        found = encoded.tokens.get(place, CPU)
        torch.testing.assert_close(found, tokens.view(1, -1, tokens.shape[2]))
    assert told == [("images", 2, 3), ("images", 3, 3)]


def test_too_few_candidates_tell_no_recall(model: TorchModel, tmp_path: Path) -> None:
    pairs = some_pairs(tmp_path)
    with pytest.raises(UsageError, match="k is 9; R@10 needs 10"):
        retrieve(model, pairs, see_image, pairs.images, k=9, batch=8)


def test_progress_is_told(model: TorchModel, tmp_path: Path) -> None:
    pairs, told = some_pairs(tmp_path), []
    retrieve(
        *(model, pairs, see_image, pairs.images),
        k=10,
        batch=16,
        show=lambda *step: told.append(step),
    )
    assert told[0] == ("images", IMAGES, IMAGES)
    assert ("texts", 16, TEXTS) in told
    assert told[-1] == ("pairs of images", IMAGES, IMAGES)


def test_no_more_than_a_batch_is_in_memory(model: TorchModel, tmp_path: Path) -> None:
    """Of images, of texts and of pairs."""
    pairs, sizes = some_pairs(tmp_path), []
    heads = (model.med.vision_proj, model.med.text_proj, model.med.itm_head)
    hooks = [
        head.register_forward_hook(lambda head, inputs, out: sizes.append(len(out)))
        for head in heads
    ]
    try:
        retrieve(model, pairs, see_image, pairs.images, k=100, batch=6)
    finally:
        for hook in hooks:
            hook.remove()
    assert max(sizes) == 6
    assert sum(sizes) == IMAGES + TEXTS + IMAGES * TEXTS  # and each pair is read once


def test_a_model_without_a_match_head_is_refused(model: TorchModel, tmp_path: Path) -> None:
    pairs = some_pairs(tmp_path)
    lacking = TorchModel(model.med, model.source, model.texts, frozenset({"itm_head.bias"}))
    with pytest.raises(
        ModelError, match=r"evaluated for retrieval: it has no weight itm_head\.bias"
    ):
        retrieve(lacking, pairs, see_image, pairs.images, k=10, batch=8)


def test_nearest_in_parts() -> None:
    vectors = torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
    places, cosines = nearest(vectors[:7], vectors, 3, rows=2)
    expected = (vectors[:7] @ vectors.T).topk(3)
    assert places.tolist() == expected.indices.tolist()
    np.testing.assert_allclose(cosines, expected.values.numpy(), atol=1e-6)
    assert nearest(vectors, vectors, 100)[0].shape == (9, 9)


def test_candidates_by_image() -> None:
    found = by_image(np.array([[3, 1], [1, 0], [3, 2]]))
    assert {image: pairs.tolist() for image, pairs in found.items()} == {
        0: [[1, 1]],
        1: [[0, 1], [1, 0]],
        2: [[2, 1]],
        3: [[0, 0], [2, 0]],
    }
