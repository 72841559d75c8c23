"""``blipdb models add``: an artifact, a checkpoint or a repository of the hub becomes known."""

from __future__ import annotations

import errno
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .. import registry
from ..artifact import MANIFEST
from ..errors import ModelError, UsageError
from ..registry import Connection, Model
from ..settings import Settings
from . import hub
from .convert import convert

DOWNLOADS = "downloads"  # in the home, until the model is known


def add(
    conn: Connection,
    settings: Settings,
    source: str,
    *,
    name: str | None = None,
    activate: bool = True,
) -> Model:
    """Make a model known and its files the home's own.

    ``source`` is an artifact's folder, a checkpoint's folder or file, or a repository of the hub
    (``owner/name``, ``owner/name@revision``). ``name`` is what a checkpoint's model is called,
    otherwise after its source. Safe to repeat.

    Raises:
        UsageError: ``source`` is none of these, or a name is given for an artifact, which has one.
        ModelError: what is there can't be used, or not be fetched.
        SetupError: a file of torch's, and torch is not installed.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    path = Path(source).expanduser()
    if (path / MANIFEST).exists():
        if name is not None:
            raise UsageError(f"{source} is an artifact and has its name; leave out --name.")
        return registry.register(conn, settings, path, activate=activate)
    if path.exists():
        return _register(conn, settings, path, name or name_after(path.stem), activate)
    if not hub.is_spec(source):
        raise ModelError(
            f"{source} is neither a folder or file here nor a repository of the hub.",
            "As in: blipdb models add ./checkpoint, or Salesforce/blip-itm-base-coco",
        )
    fetched = hub.fetch(source, settings.home / DOWNLOADS)
    after = name or name_after(fetched.repo.partition("/")[2])
    model = _register(conn, settings, fetched.folder, after, activate, fetched)
    shutil.rmtree(fetched.folder)
    return model


def name_after(text: str) -> str:
    """A name that a model can have: lower case, dashes for what it can't.

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
    fetched: hub.Fetched | None = None,
) -> Model:
    origin = f"{fetched.repo} at {fetched.commit}" if fetched else source.name
    with (
        _room(settings.home),
        tempfile.TemporaryDirectory(dir=settings.home, prefix=".converting-") as folder,
    ):
        artifact = convert(source, Path(folder) / "artifact", name=name, origin=origin)
        return registry.register(conn, settings, artifact.folder, activate=activate)


@contextmanager
def _room(home: Path) -> Iterator[None]:
    """
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
