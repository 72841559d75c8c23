"""SQL, the Python runtime and torch give the same figures for the same pictures and texts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import psycopg
import torch
from PIL import Image
from torch import Tensor

from blipdb import registry
from blipdb.model.runtime import Runtime
from blipdb.settings import Settings
from blipdb.training.datasets.scenes import normalise
from blipdb.training.models.med import MED, dequantize_tokens
from tests.benchmarks.report import Report
from tests.benchmarks.world import Album

SECTION = "Agreement of SQL, the Python runtime and torch"
QUERIES = 100
CANDIDATES = 32

Scores = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""ITC cosines, ITM logits (of the match), and the cosines of the vectors as they are stored, in
half precision; each [queries, images]."""


def measure(
    settings: Settings,
    conn: psycopg.Connection,
    report: Report,
    album: Album,
    ids: Sequence[str],
) -> None:
    """Compare on the first queries, each with its candidates."""
    model = registry.active(conn, "retrieval")
    runtime = Runtime.load(model.folder(settings))
    pixels = np.stack([np.asarray(Image.open(file).convert("RGB")) for file in album.files])
    texts = album.texts[:QUERIES]
    in_python = _in_python(runtime, pixels, texts)
    in_torch = _in_torch(runtime, pixels, texts)
    rows = [
        conn.execute(
            "SELECT image_id::text, itc, score - itc"
            " FROM blip_search(%s, k => %s, candidates => %s)",
            [text, CANDIDATES, CANDIDATES],
        ).fetchall()
        for text in texts
    ]
    place = {id: n for n, id in enumerate(ids)}
    for name, (cosines, logits, stored) in (("the Python runtime", in_python), ("torch", in_torch)):
        itc, itm, same = [], [], []
        for query, hits in enumerate(rows):
            images = [place[id] for id, _, _ in hits]
            itc.append(np.abs(cosines[query, images] - [row[1] for row in hits]).max())
            itm.append(np.abs(logits[query, images] - [row[2] for row in hits]).max())
            same.append(float(images[:10] == _best(stored[query], logits[query])))
        report.add(SECTION, f"largest difference of ITC cosine, SQL and {name}", max(itc), "",
                   "at most 0.001")  # fmt: skip
        report.add(SECTION, f"largest difference of ITM logit, SQL and {name}", max(itm), "",
                   "at most 0.01")  # fmt: skip
        share = sum(same) / len(same)
        report.add(SECTION, f"queries with the same top 10, SQL and {name}", share, "",
                   "at least 1")  # fmt: skip


def _best(cosines: npt.NDArray[np.float32], logits: npt.NDArray[np.float32]) -> list[int]:
    candidates = np.argsort(-cosines)[:CANDIDATES]
    scores = (logits + cosines)[candidates]
    return [int(n) for n in candidates[np.argsort(-scores)][:10]]


def _in_python(runtime: Runtime, pixels: npt.NDArray[np.uint8], texts: Sequence[str]) -> Scores:
    encoded = runtime.encode_images(pixels)
    vectors = runtime.embed_texts(texts)
    logits = [runtime.rerank(text, encoded.tokens, encoded.scales)[:, 1] for text in texts]
    return (
        vectors @ encoded.itc.T,
        np.stack(logits),
        _as_stored(vectors) @ _as_stored(encoded.itc).T,
    )


def _as_stored(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """After a halfvec, of length 1 again."""
    halves = vectors.astype(np.float16).astype(np.float32)
    unit: npt.NDArray[np.float32] = halves / np.linalg.norm(halves, axis=1, keepdims=True)
    return unit


@torch.inference_mode()
def _in_torch(runtime: Runtime, pixels: npt.NDArray[np.uint8], texts: Sequence[str]) -> Scores:
    """MED itself, with the artifact's weights; ITM from int8 tokens, as they are stored."""
    manifest = runtime.artifact.manifest
    model = MED(runtime.artifact.architecture, manifest.special_tokens).eval()
    weights = runtime.artifact.state_dict()
    model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    tokens = model.image_tokens(normalise(pixels, torch.device("cpu")))
    stored = dequantize_tokens(*_quantized(tokens))
    memory = model.image_memory(stored)
    vectors, logits = [], []
    for text in texts:
        ids = torch.tensor([runtime.tokenizer.encode(text, manifest.special_tokens.cls)])
        vectors.append(model.text_vector(ids)[0].numpy())
        logits.append(model.match(ids.expand(len(pixels), -1), memory)[:, 1])
    images, queries = model.image_vector(tokens).numpy(), np.stack(vectors)
    stored = _as_stored(queries) @ _as_stored(images).T
    return queries @ images.T, torch.stack(logits).numpy(), stored


def _quantized(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Symmetric int8 with a scale for each token, as the database stores them.

    tokens float32 [B, N, D] -> (int8 [B, N, D], scales float32 [B, N]); scale = max|x| / 127,
    values rounded half to even. A token of zeros has scale 0.
    """
    scales = tokens.abs().amax(dim=-1) / 127
    divisor = torch.where(scales > 0, scales, torch.ones_like(scales))
    return torch.round(tokens / divisor[..., None]).to(torch.int8), scales
