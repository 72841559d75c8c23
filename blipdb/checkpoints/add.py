"""``blipdb models add``: register an artifact, a checkpoint or a repository of the hub."""

from __future__ import annotations

import errno
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from .. import registry
from ..errors import ModelError, UsageError
from ..model.architecture import Architecture, ArchitectureError
from ..model.artifact import MANIFEST, Artifact
from ..model.compute import Compute, usual
from ..registry import Model
from ..settings import Settings
from ..types import Connection
from . import hub
from .convert import convert
from .rebuild import rebuild

DOWNLOADS = "downloads"  # in the home, until the model is known


def add(
    conn: Connection,
    settings: Settings,
    source: str,
    *,
    name: str | None = None,
    activate: bool = True,
    precision: str | None = None,
    tokens: int | Literal["all"] | None = None,
) -> Model:
    """Make a model known and its files the home's own.

    ``source`` is an artifact's folder, a checkpoint's folder or file, or a repository of the hub
    (``owner/name``, ``owner/name@revision``). ``name`` is what a checkpoint's model is called,
    otherwise after its source. ``precision`` and ``tokens`` say how it is to compute (see
    `compute.Compute`); where they say nothing, a checkpoint's model computes as is usual for its
    size, and an artifact's as it was built. Safe to repeat.

    Raises:
        UsageError: ``source`` is none of these, or a name is given for an artifact, which has one;
            or the model can't compute so.
        ModelError: what is there can't be used, or not be fetched.
        SetupError: a file of torch's, and torch is not installed.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    path = Path(source).expanduser()
    if (path / MANIFEST).exists():
        if name is not None:
            raise UsageError(f"{source} is an artifact and has its name; leave out --name.")
        with _room(settings.home), _workshop(settings) as folder:
            artifact = Artifact.open(path)
            wished = _wished(artifact.architecture, artifact.manifest.compute, precision, tokens)
            if wished != artifact.manifest.compute:
                path = rebuild(artifact, folder / "artifact", wished).folder
            return registry.register(conn, settings, path, activate=activate)

    def compute(arch: Architecture) -> Compute:
        return _wished(arch, usual(arch), precision, tokens)

    if path.exists():
        return _register(conn, settings, path, name or name_after(path.stem), activate, compute)
    if not hub.is_spec(source):
        raise ModelError(
            f"{source} is neither a folder or file here nor a repository of the hub.",
            "As in: blipdb models add ./checkpoint, or Salesforce/blip-itm-base-coco",
        )
    fetched = hub.fetch(source, settings.home / DOWNLOADS)
    after = name or name_after(fetched.repo.partition("/")[2])
    model = _register(conn, settings, fetched.folder, after, activate, compute, fetched)
    shutil.rmtree(fetched.folder)
    return model


def name_after(text: str) -> str:
    """Derive a valid model name: lower case, dashes for other characters.

    >>> name_after("BLIP itm (base)")
    'blip-itm-base'
    """
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:63] or "blip"


def _register(
    conn: Connection,
    settings: Settings,
    source: Path,
    name: str,
    activate: bool,
    compute: Callable[[Architecture], Compute],
    fetched: hub.Fetched | None = None,
) -> Model:
    origin = f"{fetched.repo} at {fetched.commit}" if fetched else source.name
    with _room(settings.home), _workshop(settings) as folder:
        artifact = convert(source, folder / "artifact", name=name, origin=origin, compute=compute)
        return registry.register(conn, settings, artifact.folder, activate=activate)


def _wished(
    arch: Architecture,
    otherwise: Compute,
    precision: str | None,
    tokens: int | Literal["all"] | None,
) -> Compute:
    """Resolve precision and number of tokens; `otherwise` holds where one is not given.

    Raises:
        UsageError: the model can't compute so.
    """
    count = otherwise.tokens if tokens is None else None if tokens == "all" else tokens
    try:
        compute = Compute(precision or otherwise.precision, count)
        compute.stored(arch)
    except ArchitectureError as error:
        raise UsageError(f"The model can't be added so: {error}.") from None
    return compute


@contextmanager
def _workshop(settings: Settings) -> Iterator[Path]:
    """A temporary folder in the home."""
    with tempfile.TemporaryDirectory(dir=settings.home, prefix=".converting-") as folder:
        yield Path(folder)


@contextmanager
def _room(home: Path) -> Iterator[None]:
    """Translate a full disk to an error that names the folder.

    Raises:
        ModelError: the disk was full.
    """
    try:
        yield
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise ModelError(
            f"The disk is full: the model finds no room in {home}.",
            "Free some, or set BLIPDB_HOME to a folder elsewhere.",
        ) from None
