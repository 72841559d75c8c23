"""Merged image tokens: what they are, and that a rerank sees nearly what it saw."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from blipdb.model.architecture import ArchitectureError
from blipdb.model.compute import EXACT, MERGED_TOKENS, Compute, usual
from blipdb.model.graphs.builder import Builder
from blipdb.model.graphs.merge import ROUNDS, merge
from blipdb.model.runtime import Runtime
from tests.tiny import ARCHITECTURE, tiny_artifact

Floats = npt.NDArray[np.float32]
MANY = replace(ARCHITECTURE, patch_size=4)  # 65 tokens


def merged(tokens: Floats, count: int) -> tuple[Floats, Floats]:
    """By the graph's own operators."""
    import onnxruntime

    g = Builder("merge", {})
    x = g.input("x", np.float32, ["images", tokens.shape[1], tokens.shape[2]])
    values, sizes = merge(g, x, count)
    g.output(values, "values", np.float32, ["images", count, tokens.shape[2]])
    g.output(sizes, "sizes", np.float32, ["images", count])
    found, numbers = onnxruntime.InferenceSession(g.serialize()).run(None, {"x": tokens})
    return found, numbers


def expected(tokens: Floats, count: int) -> tuple[Floats, Floats]:
    """The same of one image, as k-means is usually written."""
    first, x = tokens[:1], tokens[1:]
    distances = ((x[:, None] - x[None]) ** 2).sum(-1)
    places = [int(distances.sum(1).argmin())]
    while len(places) < count - 1:
        places.append(int(distances[places].min(0).argmax()))
    centres = x[places]
    for _ in range(ROUNDS):
        nearest = ((x[:, None] - centres[None]) ** 2).sum(-1).argmin(1)
        clusters = [x[nearest == n] for n in range(count - 1)]
        pairs = zip(clusters, centres, strict=True)
        centres = np.stack([c.mean(0) if len(c) else before for c, before in pairs])
    sizes = np.array([1, *map(len, clusters)], np.float32)
    return np.concatenate([first, centres]), sizes


def test_it_is_k_means_from_points_far_apart() -> None:
    tokens = np.random.default_rng(0).standard_normal((3, 40, 16)).astype(np.float32)
    values, sizes = merged(tokens, 9)
    for n in range(3):
        wanted, numbers = expected(tokens[n], 9)
        np.testing.assert_allclose(values[n], wanted, atol=1e-5)
        np.testing.assert_array_equal(sizes[n], numbers)


def test_sizes_are_of_all_tokens_and_the_first_stays_alone() -> None:
    tokens = np.random.default_rng(1).standard_normal((2, 30, 8)).astype(np.float32)
    values, sizes = merged(tokens, 5)
    assert (sizes.sum(axis=1) == 30).all()
    assert (sizes[:, 0] == 1).all()
    np.testing.assert_array_equal(values[:, 0], tokens[:, 0])


def test_an_image_alike_everywhere_has_empty_clusters() -> None:
    tokens = np.ones((1, 20, 8), np.float32)
    values, sizes = merged(tokens, 6)
    assert sizes.tolist() == [[1, 19, 0, 0, 0, 0]]
    np.testing.assert_array_equal(values[0, :2], tokens[0, :2])


def test_a_rerank_of_pairs_alike_is_exact(tmp_path: Path) -> None:
    """Where tokens are merged that were equal, nothing is lost: sizes do their part."""
    whole = Runtime.load(tiny_artifact(tmp_path / "all", arch=MANY).folder)
    rng = np.random.default_rng(0)
    kinds = rng.integers(-127, 128, (2, 7, 32)).astype(np.int8)
    place = np.concatenate([[0], rng.permutation(np.repeat(np.arange(1, 7), [1, 3, 5, 20, 30, 5]))])
    tokens, scales = kinds[:, place], np.full((2, 65), 0.02, np.float32)
    part = Runtime.load(
        tiny_artifact(tmp_path / "few", arch=MANY, compute=Compute(tokens=7)).folder
    )
    sizes = np.array([1, 1, 3, 5, 20, 30, 5], np.float32)
    pairs = np.stack(np.broadcast_arrays(np.float32(0.02), np.stack([sizes, sizes])), axis=-1)
    for text in ("a red bicycle", "the big green house is right of a small yellow boat"):
        wanted = whole.rerank(text, tokens, scales)
        np.testing.assert_allclose(part.rerank(text, kinds, pairs), wanted, atol=1e-5)
    assert part.caption(kinds, pairs) == whole.caption(tokens, scales)


def test_an_empty_cluster_is_not_seen(tmp_path: Path) -> None:
    model = Runtime.load(tiny_artifact(tmp_path, arch=MANY, compute=Compute("int8", 5)).folder)
    rng = np.random.default_rng(0)
    tokens = rng.integers(-127, 128, (1, 5, 32)).astype(np.int8)
    scales = np.array([[[0.02, 1], [0.02, 30], [0.02, 34], [0.02, 0], [0.02, 0]]], np.float32)
    other = tokens.copy()
    other[:, 3:] = 127
    np.testing.assert_array_equal(
        model.rerank("a dog", tokens, scales), model.rerank("a dog", other, scales)
    )


def test_stored_tokens_are_fewer_and_quantised(tmp_path: Path) -> None:
    model = Runtime.load(tiny_artifact(tmp_path, arch=MANY, compute=Compute(tokens=9)).folder)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    _, tokens, scales = model.encode_images(pixels)
    assert (tokens.shape, scales.shape) == ((3, 9, 32), (3, 9, 2))
    assert (scales[..., 1].sum(axis=1) == 65).all()
    assert (np.abs(tokens.astype(int)).max(axis=2) == 127).all()


@pytest.mark.parametrize(("precision", "tokens"), [("fp16", None), ("int8", 1), ("int8", "9")])
def test_what_is_no_way_to_compute(precision: str, tokens: object) -> None:
    with pytest.raises(ArchitectureError, match=r"precision is 'fp16'|tokens is"):
        Compute(precision, tokens)  # type: ignore[arg-type]


def test_merging_leaves_fewer() -> None:
    with pytest.raises(ArchitectureError, match="tokens is 65; the model has 65 of an image"):
        Compute("int8", 65).stored(MANY)


def test_what_a_checkpoint_is_added_as() -> None:
    assert usual(MANY) == Compute("int8", MERGED_TOKENS)
    assert usual(ARCHITECTURE) == Compute("int8")
    assert Compute("fp32", None) == EXACT
