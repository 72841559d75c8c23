"""A tiny model with random weights: every part is real, and it is made in milliseconds."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import numpy as np
import numpy.typing as npt

from blipdb.model.architecture import Architecture, SpecialTokens
from blipdb.model.artifact import TOKENIZER, Artifact, Decoding, Manifest, Preprocessing, digests
from blipdb.model.compute import EXACT, Compute
from blipdb.model.graphs import build_graphs, prepare
from blipdb.model.graphs.weights import MED_ROLES, TIED, shapes

SPECIAL = SpecialTokens()
WORDS = [
    *("a", "the", "and", "is", "of", "on", "left", "right", "big", "small"),
    *("red", "green", "blue", "yellow", "bicycle", "dog", "car", "house", "tree", "boat"),
]
ARCHITECTURE = Architecture(
    image_size=32,
    patch_size=16,
    vision_width=32,
    vision_layers=2,
    vision_heads=2,
    vision_mlp=64,
    vocab_size=len(SPECIAL.to_dict()) + len(WORDS),
    text_width=32,
    text_layers=2,
    text_heads=2,
    text_mlp=64,
    max_positions=24,
    embed_dim=16,
)
MAX_TOKENS = 20


def tiny_state(
    seed: int = 0,
    arch: Architecture = ARCHITECTURE,
    spread: float = 0.1,
    roles: Collection[str] = MED_ROLES,
) -> dict[str, npt.NDArray[np.float32]]:
    """Random weights under every name of a model's state dict, already rounded to float16.

    A MED's encoder and decoder share what BLIP shares; `spread` is large enough for results to
    differ.
    """
    rng = np.random.default_rng(seed)
    state = {}
    for name, shape in shapes(arch, roles).items():
        values = rng.normal(0, spread, shape) + ("orm" in name and name.endswith(".weight"))
        state[name] = values.astype(np.float16).astype(np.float32)
    if "retrieval" in roles:
        for name in state:
            if name.startswith("text_decoder.bert.") and ".attention." not in name:
                state[name] = state[name.replace("text_decoder.bert.", "text_encoder.")]
    state |= {name: state[same] for name, same in TIED.items() if same in state}
    return state | ({"temp": np.array(0.07, np.float32)} if "retrieval" in roles else {})


def tiny_tokenizer() -> bytes:
    """A tokenizer.json with a token for each of `WORDS`."""
    special = {f"[{name.upper()}]": token for name, token in SPECIAL.to_dict().items()}
    vocabulary = special | {word: len(special) + i for i, word in enumerate(WORDS)}
    added = [
        {"id": token, "content": name, "special": True}
        | dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        for name, token in special.items()
    ]
    parts = ("truncation", "padding", "normalizer", "post_processor", "decoder")
    values = {
        "version": "1.0",
        **dict.fromkeys(parts),
        "added_tokens": added,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "[UNK]"},
    }
    return json.dumps(values).encode()


def tiny_artifact(
    folder: str | Path,
    seed: int = 0,
    *,
    name: str = "tiny",
    arch: Architecture = ARCHITECTURE,
    absorbed: bool | None = None,
    compute: Compute = EXACT,
    roles: tuple[str, ...] = MED_ROLES,
    decoding: Decoding | None = None,
) -> Artifact:
    """Write a tiny model into a folder; another seed is another model."""
    image = Preprocessing(arch.image_size, mean=(0.48, 0.46, 0.41), std=(0.27, 0.26, 0.28))
    weights = prepare(tiny_state(seed, arch, roles=roles), arch, roles)
    built = build_graphs(
        weights,
        arch,
        mean=image.mean,
        std=image.std,
        roles=roles,
        compute=compute,
        max_tokens=MAX_TOKENS,
        absorbed=absorbed,
    )
    graphs = {graph: f"{graph}.onnx" for graph in built}
    files = {graphs[graph]: data for graph, data in built.items()}
    files |= {TOKENIZER: tiny_tokenizer(), "README.md": b"Random weights, for tests.\n"}
    manifest = Manifest(
        name=name,
        architecture=arch,
        special_tokens=SPECIAL,
        image=image,
        max_tokens=MAX_TOKENS,
        roles=roles,
        knows="nothing: its weights are random",
        graphs=graphs,
        files=digests(files),
        temperature=0.07 if "retrieval" in roles else None,
        decoding=decoding,
        compute=compute,
    )
    return Artifact.write(folder, manifest, files)
