"""The answerer's graphs compute what torch computes from the same weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from blipdb.model.architecture import Architecture
from blipdb.model.runtime import Runtime, empty_past
from blipdb.training.models.answerer import Answerer
from blipdb.training.models.med import dequantize_tokens
from tests.tiny import ARCHITECTURE, SPECIAL, tiny_artifact, tiny_state

ROLES = ("answerer",)
ARCHITECTURES = {
    "tiny": ARCHITECTURE,
    "three layers": replace(ARCHITECTURE, vision_layers=3, text_layers=3),
    "as ViT-L, wider than its texts": replace(ARCHITECTURE, text_width=24, text_heads=3),
    "texts wider than images": replace(ARCHITECTURE, text_width=48, text_heads=3, text_mlp=40),
}
Ids = npt.NDArray[np.int64]


def torch_answerer(arch: Architecture) -> Answerer:
    model = Answerer(arch, SPECIAL)
    state = {k: torch.from_numpy(v) for k, v in tiny_state(arch=arch, roles=ROLES).items()}
    model.load_state_dict(state)
    return model.train(False)


def texts(lengths: tuple[int, ...], seed: int) -> Ids:
    """Random texts of these lengths, padded to the longest; the first token is any."""
    ids = np.random.default_rng(seed).integers(
        6, ARCHITECTURE.vocab_size, (len(lengths), max(lengths))
    )
    for row, length in zip(ids, lengths, strict=True):
        row[length - 1], row[length:] = SPECIAL.sep, SPECIAL.pad
    return ids


def opened(ids: Ids, first: int) -> Ids:
    ids = ids.copy()
    ids[:, 0] = first
    return ids


def images(runtime: Runtime, count: int) -> dict[str, Any]:
    size = (count, 32, 32, 3)
    pixels = np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)
    encoded = runtime.encode_images(pixels)
    assert encoded.itc.shape == (count, 0)  # it is not for retrieval
    return {"tokens": encoded.tokens, "scales": encoded.scales}


@torch.no_grad()
@pytest.mark.parametrize("absorbed", [True, False], ids=["absorbed", "projected"])
@pytest.mark.parametrize("arch", ARCHITECTURES.values(), ids=ARCHITECTURES.keys())
def test_graphs_equal_torch(tmp_path: Path, arch: Architecture, absorbed: bool) -> None:
    """Padded questions, beams, a cache from the empty one on: all within 1e-5."""
    artifact = tiny_artifact(tmp_path, arch=arch, absorbed=absorbed, roles=ROLES)
    runtime, model = Runtime.load(artifact.folder), torch_answerer(arch)
    asked, written, beams = texts((9, 4, 6), 1), texts((7,) * 6, 2), 2
    seen, mask = images(runtime, 3), (asked != SPECIAL.pad).astype(np.int64)

    (memory,) = runtime.run(
        "question", input_ids=opened(asked, SPECIAL.enc), attention_mask=mask, **seen
    )
    tokens = dequantize_tokens(torch.from_numpy(seen["tokens"]), torch.from_numpy(seen["scales"]))
    expected = model.question_memory(model.question_states(torch.from_numpy(asked), tokens))
    words = mask.astype(bool)
    for layer, parts in enumerate(expected):
        for found, part in zip(memory[layer], parts, strict=True):
            theirs = part.numpy().transpose(0, 2, 1, 3)[words]  # padding may hold anything
            np.testing.assert_allclose(found.transpose(0, 2, 1, 3)[words], theirs, atol=1e-5)

    repeated = [part.rows(torch.arange(3).repeat_interleave(beams)) for part in expected]
    shown = torch.from_numpy(words).repeat_interleave(beams, 0)
    logits = model.next_words(torch.from_numpy(written), repeated, shown).numpy()
    ids, past = opened(written, SPECIAL.dec), empty_past(arch, 6)
    for end in range(1, 8):
        step, past = runtime.run(
            "answer", input_ids=ids[:, end - 1 : end], past=past, memory=memory, attention_mask=mask
        )
        np.testing.assert_allclose(step, logits[:, end - 1], atol=1e-5)
    assert logits.std() > 0.1


def test_an_answer_does_not_see_padding(tmp_path: Path) -> None:
    """Whatever the memory of padding is, nothing changes; without the mask it would."""
    runtime = Runtime.load(tiny_artifact(tmp_path, roles=ROLES).folder)
    asked = opened(texts((9, 4), 1), SPECIAL.enc)
    mask = (asked != SPECIAL.pad).astype(np.int64)
    (memory,) = runtime.run("question", input_ids=asked, attention_mask=mask, **images(runtime, 2))
    inputs: dict[str, Any] = {
        "input_ids": np.array([[SPECIAL.dec], [SPECIAL.dec]]),
        "past": empty_past(ARCHITECTURE, 2),
        "memory": memory.copy(),
    }
    first, _ = runtime.run("answer", attention_mask=mask, **inputs)
    inputs["memory"][:, :, 1, :, 4:] += 5
    changed, _ = runtime.run("answer", attention_mask=mask, **inputs)
    np.testing.assert_array_equal(first, changed)
    seen, _ = runtime.run("answer", attention_mask=np.ones_like(mask), **inputs)
    assert np.abs(first - seen)[1].max() > 1e-2
    np.testing.assert_allclose(first[0], seen[0], atol=1e-6)


def test_a_question_does_not_depend_on_its_batch(tmp_path: Path) -> None:
    runtime = Runtime.load(tiny_artifact(tmp_path, roles=ROLES).folder)
    seen = images(runtime, 3)
    asked = ["is the dog on the left", "red", "is the big house of the car blue"]
    for among in (None, ["red", "a blue dog", "the car", "yellow boat on a tree"]):
        together = runtime.answer(**seen, questions=asked, among=among)
        alone = [
            runtime.answer(seen["tokens"][[n]], seen["scales"][[n]], [question], among=among)[0]
            for n, question in enumerate(asked)
        ]
        assert together == alone
    one = {name: value[[0, 0, 0]] for name, value in seen.items()}
    assert len(set(runtime.answer(**one, questions=asked))) > 1
    assert runtime.answer(**images(runtime, 0), questions=[]) == []
