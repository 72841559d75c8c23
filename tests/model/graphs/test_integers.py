"""Graphs in eight bits: near to float32, and the same whatever is computed beside them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import pytest

from blipdb.model import machine
from blipdb.model.artifact import Artifact
from blipdb.model.compute import EXACT, Compute
from blipdb.model.graphs.integers import PRODUCT, unsigned
from blipdb.model.runtime import Encoded, Runtime
from tests.tiny import ARCHITECTURE, tiny_artifact

INT8 = Compute("int8")
WIDE = replace(
    ARCHITECTURE, patch_size=8, vision_width=64, vision_mlp=256, text_width=64, text_mlp=256
)
TEXT = "a red bicycle on the left and a blue car"
TEXTS = ["a dog", TEXT, "the big green house is right of a small yellow boat and a tree"]


def pixels(count: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)


def runtime(folder: Path, compute: Compute, **options: Any) -> Runtime:
    return Runtime.load(tiny_artifact(folder, arch=WIDE, compute=compute, **options).folder)


def one(images: Encoded, n: int) -> tuple[Any, Any]:
    return images.tokens[n : n + 1], images.scales[n : n + 1]


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return runtime(tmp_path_factory.mktemp("exact"), EXACT)


@pytest.fixture(scope="module")
def integer(tmp_path_factory: pytest.TempPathFactory) -> Runtime:
    return runtime(tmp_path_factory.mktemp("integer"), INT8)


def test_it_is_near_to_float32(exact: Runtime, integer: Runtime) -> None:
    images, rounded = exact.encode_images(pixels(8)), integer.encode_images(pixels(8))
    assert (images.itc * rounded.itc).sum(axis=1).min() > 0.999
    texts, rounded_texts = exact.embed_texts(TEXTS), integer.embed_texts(TEXTS)
    assert (texts * rounded_texts).sum(axis=1).min() > 0.999
    for text in TEXTS:
        logits = exact.rerank(text, images.tokens, images.scales)
        found = integer.rerank(text, images.tokens, images.scales)
        np.testing.assert_allclose(found, logits, atol=0.05)
        assert np.abs(found - logits).max() > 1e-6  # it is another computation
        assert logits[:, 1].std() > 0.05


@pytest.mark.parametrize("absorbed", [True, False], ids=["absorbed", "projected"])
def test_both_ways_are_near_to_float32(tmp_path: Path, exact: Runtime, absorbed: bool) -> None:
    images = exact.encode_images(pixels(5))
    found = runtime(tmp_path, INT8, absorbed=absorbed)
    for text in TEXTS:
        np.testing.assert_allclose(
            found.rerank(text, images.tokens, images.scales),
            exact.rerank(text, images.tokens, images.scales),
            atol=0.05,
        )


@pytest.mark.parametrize("compute", [INT8, Compute("int8", 6)], ids=["all", "merged"])
def test_nothing_depends_on_the_batch(tmp_path: Path, compute: Compute) -> None:
    """Not by a bit: the others of a batch are quite unlike it."""
    model = runtime(tmp_path, compute)
    batch = np.concatenate([pixels(5), np.zeros_like(pixels(1)), pixels(2, 1) // 40])
    together = model.encode_images(batch)
    for n in range(len(batch)):
        alone = model.encode_images(batch[n : n + 1])
        np.testing.assert_array_equal(alone.itc[0], together.itc[n])
        np.testing.assert_array_equal(alone.tokens[0], together.tokens[n])
        np.testing.assert_array_equal(alone.scales[0], together.scales[n])
    for text in TEXTS:
        logits = model.rerank(text, together.tokens, together.scales, chunk=8)
        single = [model.rerank(text, *one(together, n))[0] for n in range(len(batch))]
        np.testing.assert_array_equal(np.stack(single), logits)
    captions = model.caption(together.tokens, together.scales)
    assert [model.caption(*one(together, n))[0] for n in range(len(batch))] == captions


def test_nothing_depends_on_threads(tmp_path: Path) -> None:
    artifact = tiny_artifact(tmp_path, arch=WIDE, compute=Compute("int8", 6))
    first, second = (Runtime.load(artifact.folder, threads=n) for n in (1, 2))
    images, others = first.encode_images(pixels(4)), second.encode_images(pixels(4))
    for found, expected in zip(others, images, strict=True):
        np.testing.assert_array_equal(found, expected)
    for text in TEXTS:
        np.testing.assert_array_equal(
            first.rerank(text, images.tokens, images.scales),
            second.rerank(text, images.tokens, images.scales),
        )
    assert (first.embed_texts(TEXTS) == second.embed_texts(TEXTS)).all()


def test_blank_images_have_numbers(integer: Runtime) -> None:
    blank = integer.encode_images(np.zeros((2, 32, 32, 3), np.uint8))
    zero = np.zeros_like(blank.tokens)
    assert np.isfinite(integer.rerank(TEXT, zero, np.zeros_like(blank.scales))).all()
    assert np.isfinite(integer.rerank(TEXT, blank.tokens, blank.scales)).all()


def products(model: onnx.GraphProto) -> list[onnx.NodeProto]:
    found = [node for node in model.node if node.op_type == PRODUCT]
    for node in model.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                found += products(attribute.g)
    return found


def test_without_vnni_the_same_is_computed(
    tmp_path: Path, integer: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uint8 by uint8, which no processor saturates: to the last bit the same."""
    monkeypatch.setattr(machine, "multiplies_bytes", lambda: False)
    other = Runtime.load(integer.artifact.folder)
    images, found = integer.encode_images(pixels(3)), other.encode_images(pixels(3))
    for mine, theirs in zip(images, found, strict=True):
        np.testing.assert_array_equal(theirs, mine)
    for text in TEXTS:
        np.testing.assert_array_equal(
            other.rerank(text, images.tokens, images.scales),
            integer.rerank(text, images.tokens, images.scales),
        )
    assert other.caption(*images[1:]) == integer.caption(*images[1:])


def test_every_product_becomes_unsigned(integer: Runtime) -> None:
    artifact: Artifact = integer.artifact
    for file in artifact.manifest.graphs.values():
        data = artifact.read(file)
        before = products(onnx.ModelProto.FromString(data).graph)
        after = products(onnx.ModelProto.FromString(unsigned(data)).graph)
        assert before
        assert len(after) == len(before)
        assert all(node.input[-1] == "unsigned_middle" for node in after)
        assert not any("unsigned_middle" in node.input for node in before)


@pytest.mark.parametrize(
    ("kind", "flags", "able"),
    [
        ("x86_64", {"avx2", "avx512_vnni"}, True),
        ("x86_64", {"avx2", "avx_vnni"}, True),
        ("x86_64", {"avx2", "avx512f"}, False),
        ("aarch64", set(), True),
    ],
)
def test_which_processors_multiply_bytes(
    monkeypatch: pytest.MonkeyPatch, kind: str, flags: set[str], able: bool
) -> None:
    monkeypatch.setattr("platform.machine", lambda: kind)
    monkeypatch.setattr(machine, "cpu_flags", lambda: frozenset(flags))
    assert machine.multiplies_bytes() is able
