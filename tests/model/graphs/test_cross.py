"""Choice between the two ways of cross-attention by a text's length."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from blipdb.model.architecture import Architecture
from blipdb.model.compute import EXACT, Compute
from blipdb.model.graphs.cross import longest_absorbed
from blipdb.model.runtime import Runtime
from tests.tiny import ARCHITECTURE, MAX_TOKENS, tiny_artifact

BASE = Architecture(
    image_size=384, patch_size=16, vision_width=768, vision_layers=12, vision_heads=12,
    vision_mlp=3072, vocab_size=30524, text_width=768, text_layers=12, text_heads=12, text_mlp=3072,
    max_positions=512, embed_dim=256,
)  # fmt: skip


def branches(artifact_graph: bytes) -> int:
    graph = onnx.ModelProto.FromString(artifact_graph).graph
    return sum(node.op_type == "If" for node in graph.node)


@pytest.mark.parametrize(
    ("compute", "longest"),
    [
        (EXACT, 62),  # as operations have it, at 577 tokens
        (Compute(tokens=64), 33),
        (Compute("int8"), 77),
        (Compute("int8", 145), 33),
        (Compute("int8", 64), 17),
    ],
)
def test_of_a_base_model(compute: Compute, longest: int) -> None:
    assert longest_absorbed(BASE, compute) == longest


@pytest.mark.parametrize("compute", [EXACT, Compute("int8"), Compute("int8", 3)])
def test_a_graph_holds_both_ways_where_texts_are_on_either_side(
    tmp_path: Path, compute: Compute
) -> None:
    """And gives the same on both sides as each way alone, to rounding."""
    few, many, both = (
        Runtime.load(tiny_artifact(tmp_path / name, compute=compute, absorbed=way).folder)
        for name, way in (("few", True), ("many", False), ("both", None))
    )
    longest = longest_absorbed(ARCHITECTURE, compute)
    assert longest < MAX_TOKENS
    file = both.artifact.manifest.graphs["rerank"]
    assert branches(both.artifact.read(file)) == ARCHITECTURE.text_layers
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    _, tokens, scales = both.encode_images(pixels)
    for words in range(1, MAX_TOKENS - 2):
        text = " ".join(["red", "dog", "boat"][n % 3] for n in range(words))
        expected = (few if words + 2 <= longest else many).rerank(text, tokens, scales)
        np.testing.assert_array_equal(both.rerank(text, tokens, scales), expected)


def test_a_graph_holds_one_way_where_no_text_is_long(tmp_path: Path) -> None:
    arch = replace(ARCHITECTURE, patch_size=4, text_width=64, text_mlp=64)
    assert longest_absorbed(arch, EXACT) >= MAX_TOKENS
    artifact = tiny_artifact(tmp_path, arch=arch)
    assert branches(artifact.read(artifact.manifest.graphs["rerank"])) == 0
