"""A finished run as an artifact: the folder that blipdb searches with.

    python -m blipdb.training.export runs/scenes blipdb/bundled/scenes --name scenes \\
        --knows "drawn scenes" --check
    python -m blipdb.training.export runs/captioning models/captioner --name captioner \\
        --knows photographs --role captioner

Needs no torch but for --check, which compares every graph with torch on the same weights.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import tokenizers
from safetensors.numpy import load_file

from blipdb.checkpoints.convert import ANSWERING, CAPTIONING
from blipdb.checkpoints.kinds import roles_of
from blipdb.errors import ModelError
from blipdb.model.architecture import Architecture, SpecialTokens
from blipdb.model.artifact import TOKENIZER, Artifact, Decoding, Manifest, Preprocessing, digests
from blipdb.model.graphs import build_graphs, prepare
from blipdb.model.graphs.weights import MATCHING_ROLES

ARCHITECTURE, WEIGHTS, METRICS, CURVE = (
    "architecture.json",
    "weights.safetensors",
    "metrics.jsonl",
    "curve.png",
)
README = "README.md"
MAX_WORDS_LISTED = 1000
QUALITY = {
    "itc_r1": "text to image, R@1 by ITC alone",
    "itc_r10": "text to image, R@10 by ITC alone",
    "itm_r1": "text to image, R@1 with the ITM rerank",
    "harder_r1": "R@1 among images that differ in one attribute or relation",
    "captions_right": "greedy captions with the right kind and colour of every thing",
}


def export(run: Path, out: Path, *, name: str, knows: str, roles: Sequence[str] = ()) -> Artifact:
    """Write the model of a run's folder into `out`, replacing a model that is there.

    Weights are rounded to float16 here, once. `knows` completes "This model knows ...". `roles`:
    its uses; by default all that its weights allow except filter, which is for CapFilt.

    Raises:
        ModelError: a file of the run is missing or doesn't fit, or `out` holds something else.
    """
    description = _read_description(run)
    arch = Architecture.from_dict(description["architecture"])
    image = _preprocessing(description["preprocessing"])
    state = load_file(run / WEIGHTS)
    selection = _roles(state, roles)
    weights = prepare(state, arch, selection)
    max_tokens = description["max_text"]
    built = build_graphs(
        weights, arch, mean=image.mean, std=image.std, roles=selection, max_tokens=max_tokens
    )
    graphs = {graph: f"{graph}.onnx" for graph in built}
    files = {graphs[graph]: data for graph, data in built.items()}
    files |= {TOKENIZER: _tokenizer(run), CURVE: (run / CURVE).read_bytes()}
    files[README] = _readme(name, knows, arch, run).encode()
    manifest = Manifest(
        name=name,
        architecture=arch,
        special_tokens=SpecialTokens.from_dict(description["special_tokens"]),
        image=image,
        max_tokens=max_tokens,
        roles=selection,
        knows=knows,
        graphs=graphs,
        files=digests(files),
        temperature=None if MATCHING_ROLES.isdisjoint(selection) else float(state["temp"]),
        decoding=_decoding(selection, description.get("prompt", "")),
    )
    return Artifact.replace(out, manifest, files)


def _roles(state: Mapping[str, Any], names: Sequence[str]) -> tuple[str, ...]:
    possible = roles_of(state)
    if "retrieval" in possible:
        possible = (*possible, "filter")
    if unknown := sorted(set(names) - set(possible)):
        raise ModelError(
            f"The run's weights can't be a model for: {', '.join(unknown)}.",
            f"They can be one for: {', '.join(possible)}.",
        )
    usual = names or [role for role in possible if role != "filter"]
    return tuple(role for role in possible if role in usual)


def _decoding(roles: Sequence[str], prompt: str) -> Decoding | None:
    """Generation options, BLIP's: of answers, and of captions learned behind a prompt."""
    if "answerer" in roles:
        return ANSWERING
    return replace(CAPTIONING, prompt=prompt) if prompt and "captioner" in roles else None


def _read_description(run: Path) -> dict[str, Any]:
    missing = [
        file
        for file in (ARCHITECTURE, WEIGHTS, TOKENIZER, METRICS, CURVE)
        if not (run / file).exists()
    ]
    if missing:
        raise ModelError(
            f"{run} has no {', '.join(missing)}.",
            "A run folder is made by: python -m blipdb.training.pretrain",
        )
    description: dict[str, Any] = json.loads((run / ARCHITECTURE).read_text())
    return description


def _preprocessing(values: Mapping[str, Any]) -> Preprocessing:
    if (values["resize"], values["resample"]) != ("square", "bicubic"):
        raise ModelError(
            f"{ARCHITECTURE} wants images resized by {values['resize']}, {values['resample']}; "
            "blipdb resizes to a square, bicubic."
        )
    red, green, blue = values["mean"]
    mean = (red, green, blue)
    red, green, blue = values["std"]
    return Preprocessing(values["size"], mean, (red, green, blue))


def _tokenizer(run: Path) -> bytes:
    """Tokenizer without training's limit of length: a search refuses longer texts."""
    tokenizer = tokenizers.Tokenizer.from_file(str(run / TOKENIZER))
    tokenizer.no_truncation()
    return tokenizer.to_str(pretty=True).encode()


def _readme(name: str, knows: str, arch: Architecture, run: Path) -> str:
    lines: list[dict[str, Any]] = [
        json.loads(line) for line in (run / METRICS).read_text().splitlines()
    ]
    if not lines:
        raise ModelError(f"{run / METRICS} holds nothing yet.", "Let the training go on.")
    parts = [
        f"# {name}",
        f"A BLIP (arXiv 2201.12086) that knows {knows}, and nothing else.",
        f"Trained on {lines[-1]['samples']:,} samples by `python -m blipdb.training`.\n"
        f"Images of {arch.image_size} pixels in patches of {arch.patch_size}; "
        f"{arch.vision_layers} vision layers of width {arch.vision_width}, "
        f"{arch.text_layers} text layers of width {arch.text_width}. "
        "Weights are float16, computed in float32.",
        *_quality(lines),
        f"![what was measured, over samples]({CURVE})",
        _language(run),
    ]
    return "\n\n".join(parts) + "\n"


def _quality(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    """Table of the last evaluation's figures, if there was one."""
    measured = [line for line in lines if QUALITY.keys() & line.keys()]
    if not measured:
        return []
    figures = [
        f"| {QUALITY[key]} | {measured[-1][key]:.3f} |" for key in QUALITY if key in measured[-1]
    ]
    return [
        "On held-out scenes, at the end of training:",
        "\n".join(["| | |", "| --- | --- |", *figures]),
    ]


def _language(run: Path) -> str:
    words = sorted(tokenizers.Tokenizer.from_file(str(run / TOKENIZER)).get_vocab())
    plain_words = [word for word in words if not word.startswith("[")]
    if len(plain_words) > MAX_WORDS_LISTED:
        return f"It reads texts in {len(plain_words):,} pieces of words."
    return f"It reads these {len(plain_words)} words: {', '.join(plain_words)}."


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Export a training run as a model.")
    parser.add_argument("run", type=Path, help="the folder that pretraining wrote")
    parser.add_argument("out", type=Path, help="the model's folder, made or replaced")
    parser.add_argument("--name", required=True, help="the model's name in the database")
    parser.add_argument("--knows", required=True, help='completes "This model knows ..."')
    parser.add_argument(
        "--role", action="append", default=[], help="what it is to be used for; may be repeated"
    )
    parser.add_argument("--check", action="store_true", help="compare each graph with torch")
    options = parser.parse_args(arguments)
    names = {"name": options.name, "knows": options.knows}
    artifact = export(options.run, options.out, **names, roles=options.role)
    size = sum(path.stat().st_size for path in artifact.folder.iterdir())
    print(f"{artifact.folder}: {size / 1e6:.1f} MB, digest {artifact.digest}")
    if options.check:
        from .evaluation.agreement import check  # torch

        for graph, difference in check(artifact).items():
            print(f"{graph}: differs from torch by at most {difference:.1e}")


if __name__ == "__main__":
    main()
