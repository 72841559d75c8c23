"""The engine's cache of models: verified, loaded on first use, a few at a time."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Final

from ..errors import BlipdbError, ModelError
from ..model.artifact import MANIFEST
from ..model.runtime import Runtime

log = logging.getLogger(__name__)

MAX_MODELS: Final = 4  # the least recently used is evicted
DIGEST: Final = re.compile(r"[0-9a-f]{64}")
FOLDER_DIGITS: Final = 16  # of the digest: the name of a model's folder


class ModelCache:
    """Runtimes by digest. Safe to use from several threads."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        self._folder = folder
        self._threads = threads
        self._loading = threading.Lock()  # so that two callers load a model once
        self._loaded: OrderedDict[str, Runtime] = OrderedDict()

    def get(self, name: str, digest: str) -> Runtime:
        """Return the model of this name and digest, loaded if necessary.

        Raises:
            ModelError: it is not here, it was altered, or it has another name.
        """
        if not DIGEST.fullmatch(digest):
            raise ModelError("A model's digest has 64 hexadecimal digits.")
        runtime = self._loaded.get(digest)
        if runtime is None:
            with self._loading:
                runtime = self._loaded.get(digest) or self._load(name, digest)
        with suppress(KeyError):  # evicted by another thread; this call still has it
            self._loaded.move_to_end(digest)
        if runtime.artifact.name != name:
            raise ModelError(
                f"The model with digest {digest[:FOLDER_DIGITS]} is called "
                f"{runtime.artifact.name!r}, not {name!r}.",
                "See which models there are: blipdb models list",
            )
        return runtime

    def preload(self) -> None:
        """Load the newest models, so that the first caller does not wait."""
        folders = [path.parent for path in self._folder.glob(f"*/{MANIFEST}")]
        folders.sort(key=lambda folder: folder.stat().st_mtime)
        for folder in folders[-MAX_MODELS:]:
            try:
                runtime = Runtime.load(folder, threads=self._threads)
            except BlipdbError as error:
                log.error("a model is refused: %s", error.message)
            else:
                self._loaded[runtime.artifact.digest] = runtime
                log.info("model %s is loaded", describe(runtime))

    def names(self) -> list[dict[str, str]]:
        """Return name and digest of each loaded model."""
        runtimes = list(self._loaded.values())
        return [{"name": r.artifact.name, "digest": r.artifact.digest} for r in runtimes]

    def _load(self, name: str, digest: str) -> Runtime:
        folder = self._folder / digest[:FOLDER_DIGITS]
        if not folder.is_dir():
            raise ModelError(
                f"The engine has no model {name!r} with digest {digest[:FOLDER_DIGITS]}.",
                "Add it where the engine runs: blipdb models add PATH",
            )
        start = time.monotonic()
        runtime = Runtime.load(folder, threads=self._threads)
        if runtime.artifact.digest != digest:
            raise ModelError(
                f"{folder / MANIFEST} was altered: its SHA-256 is "
                f"{runtime.artifact.digest[:FOLDER_DIGITS]}….",
                "Add the model again, from where it came: blipdb models add PATH",
            )
        self._loaded[digest] = runtime
        log.info(
            "model %s is loaded, in %.0f ms", describe(runtime), 1e3 * (time.monotonic() - start)
        )
        while len(self._loaded) > MAX_MODELS:
            log.info("model %s is let go", describe(self._loaded.popitem(last=False)[1]))
        return runtime


def describe(runtime: Runtime) -> str:
    return f"{runtime.artifact.name} {runtime.artifact.digest[:FOLDER_DIGITS]}"
