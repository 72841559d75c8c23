"""Inference in the client's own process, for servers without an engine.

Loaded when a call first needs them, only the graphs that it needs, each verified; shared by all
clients of the process, and safe to use from several threads. Images are decoded by confined
children, never here.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .. import registry
from ..errors import DatabaseError, ImageError, UsageError
from ..model.artifact import MANIFEST
from ..model.runtime import Encoded, Runtime, Stop
from ..model.tokens import Scales, Tokens, unpack_batch
from ..registry import Model
from ..settings import Settings
from . import singletons as tools

Floats = npt.NDArray[np.float32]

MIN_PART_IMAGES = 4  # images of a rerank; fewer are not worth another thread


class Inference:
    """Inference by the models of a home. Made by `shared`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()  # two callers load a graph once
        self._loaded: dict[str, tuple[Runtime, set[str]]] = {}

    def embed_text(self, model: Model, query: str) -> Floats:
        """Compute a text's ITC vector [E]."""
        vector: Floats = self._runtime(model, "text").embed_texts([query])[0]
        return vector

    def encode(self, model: Model, image: bytes) -> Encoded:
        """Encode an image file: vector and tokens, as a batch of one.

        Raises:
            UsageError: the picture is refused.
        """
        runtime = self._runtime(model, "image")
        try:
            decoded = tools.decoder().decode(image, model.image_size)
        except ImageError as error:
            raise UsageError(f"the image is refused: {error.reason}") from None
        return runtime.encode_images(decoded.pixels[None])

    def rerank(
        self, model: Model, query: str, tokens: Tokens, scales: Scales, stop: Stop
    ) -> Floats:
        """Compute ITM logits [B, 2] on all cores."""
        runtime = self._runtime(model, "rerank")
        size = max(MIN_PART_IMAGES, -(-len(tokens) // (os.cpu_count() or 1)))
        parts = [slice(start, start + size) for start in range(0, max(1, len(tokens)), size)]

        def part(rows: slice) -> Floats:
            return runtime.rerank(query, tokens[rows], scales[rows], stop=stop)

        if len(parts) == 1:
            return part(parts[0])
        return np.concatenate(list(tools.helpers().map(part, parts)))

    def caption(
        self,
        model: Model,
        tokens: Tokens,
        scales: Scales,
        stop: Stop,
        **options: float | int | None,
    ) -> str:
        """Write one image's caption; options as of `Runtime.caption`."""
        runtime = self._runtime(model, "caption")
        (text,) = runtime.caption(tokens, scales, stop=stop, **options)  # type: ignore[arg-type]
        return text

    def answer(
        self,
        model: Model,
        tokens: Tokens,
        scales: Scales,
        stop: Stop,
        question: str,
        among: Sequence[str] | None,
    ) -> str:
        """Answer a question about one image."""
        runtime = self._runtime(model, "question", "answer")
        (text,) = runtime.answer(tokens, scales, [question], among=among, stop=stop)
        return text

    def _runtime(self, model: Model, *graphs: str) -> Runtime:
        """Return the runtime of a model, with the graph loaded.

        Raises:
            ModelError: the model's files are not on this machine, or were altered.
        """
        entry = self._loaded.get(model.digest)
        if entry is not None and entry[1].issuperset(graphs):
            return entry[0]
        with self._lock:
            if model.digest not in self._loaded:
                self._loaded[model.digest] = self._load(model, graphs), set(graphs)
            runtime, names = self._loaded[model.digest]
            runtime.open(*graphs)
            names.update(graphs)
            return runtime

    def _load(self, model: Model, graphs: Sequence[str]) -> Runtime:
        if not model.folder(self._settings).is_dir() and is_bundled(model):
            return Runtime.load(registry.bundled_folder(), graphs=graphs)
        return registry.load(self._settings, model, *graphs)


def is_bundled(model: Model) -> bool:
    """Return whether the model's files came with the package."""
    manifest = registry.bundled_folder() / MANIFEST
    return manifest.exists() and hashlib.sha256(manifest.read_bytes()).hexdigest() == model.digest


def unpacked(model: Model, records: Sequence[bytes]) -> tuple[Tokens, Scales]:
    """Unpack stored tokens of B images into arrays.

    Raises:
        DatabaseError: they are not of that model's size.
    """
    try:
        return unpack_batch(b"".join(records), len(records), *model.record)
    except ValueError as error:
        raise DatabaseError(
            f"The stored tokens don't fit the model {model.name}: {error}.",
            "They may be another model's; blipdb failures may say more.",
        ) from None


def shared(settings: Settings) -> Inference:
    """Return the inference of a home, shared by all clients of the process."""
    return tools.singleton(settings.models_dir, lambda: Inference(settings))
