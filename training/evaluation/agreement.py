"""Agreement of an artifact's graphs with torch on the same weights."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from blipdb.errors import ModelError
from blipdb.model.artifact import Artifact
from blipdb.model.runtime import Runtime, empty_past

from ..models.med import MED, Memory, dequantize_tokens

Floats = npt.NDArray[np.floating]
Differences = Iterator[tuple[str, float]]

TOLERANCE = 1e-4  # relative to the largest value; float32 in another order of sums
IMAGES = 5


def load_med(artifact: Artifact) -> MED:
    """Build the torch model with exactly the artifact's weights."""
    model = MED(artifact.architecture, artifact.manifest.special_tokens)
    state = {name: torch.from_numpy(value) for name, value in artifact.state_dict().items()}
    model.load_state_dict(state)
    return model.eval()


@torch.no_grad()
def disagreement(runtime: Runtime, model: MED, seed: int = 0) -> dict[str, float]:
    """Return the largest difference of each graph from torch, relative to the largest value.

    Torch computes in float64, so that what is seen is the graphs' own error. Random images and
    texts; batches of 1 to 5, every length that the model reads, cross-attention on the same int8
    tokens, captions word by word and in pieces, from an empty cache on.
    """
    model = copy.deepcopy(model).double()
    rng = np.random.default_rng(seed)
    arch = runtime.artifact.architecture
    size = (IMAGES, arch.image_size, arch.image_size, 3)
    pixels = rng.integers(0, 256, size, dtype=np.uint8)
    worst: dict[str, float] = {}
    for compare in (_image, _text, _rerank, _caption):
        for name, difference in compare(runtime, model, pixels, rng):
            worst[name] = max(difference, worst.get(name, 0.0))
    return worst


def check(artifact: Artifact) -> dict[str, float]:
    """Run `disagreement` with the torch model of the artifact's own weights.

    Raises:
        ModelError: a graph differs by more than `TOLERANCE`.
    """
    differences = disagreement(Runtime.load(artifact.folder), load_med(artifact))
    for name, difference in differences.items():
        if not difference <= TOLERANCE:
            raise ModelError(
                f"{artifact.folder}: {name} differs from torch by {difference:.1e} of its largest "
                f"value; {TOLERANCE:.0e} is what float32 explains."
            )
    return differences


def _image(
    runtime: Runtime, model: MED, pixels: npt.NDArray[np.uint8], rng: np.random.Generator
) -> Differences:
    image = runtime.artifact.manifest.image
    normalised = (pixels / 255 - np.array(image.mean)) / np.array(image.std)
    expected = model.image_tokens(torch.from_numpy(normalised).permute(0, 3, 1, 2))
    for count in (1, 2, IMAGES):
        itc, tokens, scales = runtime.run("image", pixels=pixels[:count])
        yield "image itc", _difference(itc, model.image_vector(expected[:count]))
        yield "image scales", _difference(scales, expected[:count].abs().amax(-1) / 127)
        # A value on the edge between two levels may go either way: half a level, and rounding.
        rounding = np.abs(tokens * scales[..., None] - expected[:count].numpy())
        yield "image tokens", float((rounding - scales[..., None] / 2).max() / expected.abs().max())


def _text(
    runtime: Runtime, model: MED, pixels: npt.NDArray[np.uint8], rng: np.random.Generator
) -> Differences:
    for ids in _texts(runtime, rng):
        mask = (ids != model.special.pad).astype(np.int64)
        (itc,) = runtime.run("text", input_ids=ids, attention_mask=mask)
        yield "text itc", _difference(itc, model.text_vector(torch.from_numpy(ids)))


def _rerank(
    runtime: Runtime, model: MED, pixels: npt.NDArray[np.uint8], rng: np.random.Generator
) -> Differences:
    _, tokens, scales = runtime.encode_images(pixels)
    for ids in _texts(runtime, rng):
        query = np.concatenate([[model.special.enc], ids[0, 1:]])[None]
        for count in (1, IMAGES):
            memory = _memory(model, tokens[:count], scales[:count])
            expected = model.match(torch.from_numpy(query).expand(count, -1), memory)
            (itm,) = runtime.run(
                "rerank", input_ids=query, tokens=tokens[:count], scales=scales[:count]
            )
            yield "rerank itm", _difference(itm, expected)


def _caption(
    runtime: Runtime, model: MED, pixels: npt.NDArray[np.uint8], rng: np.random.Generator
) -> Differences:
    _, tokens, scales = runtime.encode_images(pixels[:2])
    for beams, step in ((1, 1), (3, 1), (2, 3)):
        memory = _memory(model, tokens.repeat(beams, 0), scales.repeat(beams, 0))
        length = runtime.artifact.manifest.max_tokens
        ids = rng.integers(len(model.special.to_dict()), model.arch.vocab_size, (2 * beams, length))
        ids[:, 0] = model.special.dec
        expected = model.next_words(torch.from_numpy(ids), memory)
        past = empty_past(model.arch, 2 * beams)
        for end in range(step, length + 1, step):
            some = ids[:, end - step : end]
            logits, past = runtime.run(
                "caption", input_ids=some, past=past, tokens=tokens, scales=scales
            )
            yield "caption logits", _difference(logits, expected[:, end - 1])


def _texts(runtime: Runtime, rng: np.random.Generator) -> Iterator[npt.NDArray[np.int64]]:
    """Texts of each length that the model reads; the first is as long, the others are padded."""
    special, vocabulary = runtime.artifact.manifest.special_tokens, runtime.tokenizer.vocab_size
    for length in range(3, runtime.artifact.manifest.max_tokens + 1):
        ids = rng.integers(len(special.to_dict()), vocabulary, (3, length))
        ids[:, 0] = special.cls
        for row, end in zip(ids, (length, max(3, length // 2), 3), strict=True):
            row[end - 1], row[end:] = special.sep, special.pad
        yield ids


def _memory(model: MED, tokens: npt.NDArray[np.int8], scales: Floats) -> list[Memory]:
    values = dequantize_tokens(torch.from_numpy(tokens), torch.from_numpy(scales))
    return model.image_memory(values.double())


def _difference(actual: Floats, expected: Tensor) -> float:
    reference = expected.numpy()
    return float(np.abs(actual - reference).max() / np.abs(reference).max())
